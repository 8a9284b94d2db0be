"""Docker's contract, where a copy is at hand: whether a body is what an operation may answer, or be asked with."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

#: a copy of Docker's `docs/api/v1.51.yaml`, which is not ours to carry
CONTRACT = os.environ.get("SHOAL_API_CONTRACT", "")
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
#: that dockerd has and its contract does not, and that Shoal adds (see shoal.wire.swarm)
BEYOND = {
    "Aliases",
    "Config",
    "DependsOn",
    "HealthCheck",
    "Healthcheck",
    "HostConfig",
    "HostIP",
    "ID",
    "NetworkingConfig",
    "PreviousSpec",
    "Schedule",
}


@cache
def contract() -> dict[str, Any]:
    if not CONTRACT:
        pytest.skip("SHOAL_API_CONTRACT names no copy of Docker's contract, v1.51.yaml")
    loaded: dict[str, Any] = yaml.load(Path(CONTRACT).read_text(), Loader=yaml.CSafeLoader)
    return loaded


def faults_of_answer(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer; path as the contract writes it: "/services/{id}"."""
    responses = contract()["paths"][path][method.lower()]["responses"]
    given = {int(key): value for key, value in responses.items() if str(key).isdigit()}
    if status not in given:
        return [f"{method} {path}: {status} is not one of {sorted(given)}"]
    schema = given[status].get("schema")
    return faults(schema, body, "") if schema else []


def faults_of(definition: str, value: Any) -> list[str]:
    """What is wrong with an object of a definition."""
    return faults({"$ref": f"#/definitions/{definition}"}, value, definition)


def faults(schema: dict[str, Any], value: Any, path: str) -> list[str]:
    schema = _resolved(schema)
    if value is None:
        return [] if schema.get("x-nullable") else [f"{path}: null"]
    kind = schema.get("type", "object" if "properties" in schema else "")
    is_wrong = kind and (not isinstance(value, _TYPES[kind]) or (kind != "boolean" and isinstance(value, bool)))
    if is_wrong:
        return [f"{path}: expected {kind}, got {value!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{path}: {value!r} is not one of {schema['enum']}"]
    if isinstance(value, dict):
        return _faults_of_object(schema, value, path)
    if isinstance(value, list) and "items" in schema:
        return [fault for i, item in enumerate(value) for fault in faults(schema["items"], item, f"{path}.{i}")]
    return []


def _faults_of_object(schema: dict[str, Any], value: dict[str, Any], path: str) -> list[str]:
    known, free = schema.get("properties"), schema.get("additionalProperties")
    found = [f"{path}: {key} is missing" for key in schema.get("required", ()) if key not in value]
    for key, item in value.items():
        if known and key in known:
            found += faults(known[key], item, f"{path}.{key}")
        elif isinstance(free, dict):
            found += faults(free, item, f"{path}.{key}")
        elif known and key not in BEYOND:
            found.append(f"{path}: {key} is not of the contract")
    return found


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Without references; of `allOf`, the properties of all parts."""
    if "$ref" in schema:
        return _resolved(contract()["definitions"][schema["$ref"].removeprefix("#/definitions/")])
    if "allOf" not in schema:
        return schema
    parts = [_resolved(part) for part in schema["allOf"]]
    if len(parts) == 1:
        return parts[0]
    properties = {key: item for part in parts for key, item in part.get("properties", {}).items()}
    return {**schema, "type": "object", "properties": properties}
