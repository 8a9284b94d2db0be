"""Docker's JSON of secrets and configs. Source: Docker Engine API v1.51, Secret, Config."""

from dataclasses import dataclass, field
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.cluster.cluster import Sealed
from shoal.wire.fields import read_object, read_text, read_text_map
from shoal.wire.swarm.values import encode_meta, read_base64, write_base64


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSpec:
    """What a SecretSpec or ConfigSpec says. data: None = not said"""

    name: str
    data: bytes | None
    labels: dict[str, str] = field(default_factory=dict)
    template: str = ""


def decode_sealed(body: Any) -> SealedSpec:
    """The body of a create or an update; whether name and size will do, the manager says. Raises: InvalidArgument"""
    given = read_object(body, "")
    if given.get("Driver"):
        raise InvalidArgument("Driver: external stores of secrets are not served")
    templating = read_object(given.get("Templating"), "Templating")
    template = read_text(templating.get("Name") or "", "Templating.Name")
    if template not in ("", "golang"):
        raise InvalidArgument(f'Templating.Name: expected golang, got "{template}"')
    data = given.get("Data")
    return SealedSpec(
        name=read_text(given.get("Name") or "", "Name"),
        data=None if data is None else read_base64(data, "Data"),
        labels=read_text_map(given.get("Labels"), "Labels"),
        template=template,
    )


def encode_sealed(record: Sealed, version: int, data: bytes | None = None) -> dict[str, Any]:
    """data: of a config; a secret's is never shown"""
    spec: dict[str, Any] = {"Name": record.name, "Labels": dict(record.labels)}
    if data is not None:
        spec["Data"] = write_base64(data)
    if record.template:
        spec["Templating"] = {"Name": record.template}
    return encode_meta(record.id, version, record.created_at, record.updated_at) | {"Spec": spec}
