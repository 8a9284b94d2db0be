"""Builds on the wire. Source: Docker Engine API v1.51, ImageBuild, BuildPrune, BuildCache."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.build import DEFAULT_SHM_BYTES, BuildCacheEntry, BuildRequest
from shoal.model.resources import Resources, Ulimit
from shoal.wire.times import encode_time

#: our own: base64 of JSON {id: base64 of the content}; the classic build API of Docker has no secrets
SECRETS_HEADER = "X-Shoal-Build-Secrets"
#: our own: JSON {name: image}, replaces FROM and COPY --from of that name
CONTEXTS_PARAMETER = "contexts"
#: our own, also of pulls: make a stand-in where a registry can't be reached
STAND_INS_PARAMETER = "shoal.standIns"


def decode_build(query: "QueryReader", headers: Mapping[str, str]) -> BuildRequest:
    """The request of a POST /build. Raises: InvalidArgument"""
    return BuildRequest(
        dockerfile=query.text("dockerfile") or "Dockerfile",
        tags=tuple(tag for tag in query.all("t") if tag),
        build_args={k: None if v is None else str(v) for k, v in query.object("buildargs").items()},
        labels={k: str(v) for k, v in query.object("labels").items()},
        target=query.text("target"),
        platform=query.text("platform"),
        network_mode=query.text("networkmode"),
        extra_hosts=tuple(_extra_hosts(query)),
        shm_bytes=query.int("shmsize") or DEFAULT_SHM_BYTES,
        resources=_resources(query),
        cache_from=tuple(str(image) for image in query.array("cachefrom")),
        secrets=decode_secrets(headers.get(SECRETS_HEADER, "")),
        contexts={k: str(v) for k, v in query.object(CONTEXTS_PARAMETER).items()},
        remote=query.text("remote"),
        auths=_auths(headers.get("X-Registry-Config", "")),
        no_cache=query.flag("nocache"),
        pull=query.flag("pull"),
        quiet=query.flag("q"),
        squash=query.flag("squash"),
        stand_ins=query.flag(STAND_INS_PARAMETER),
    )


class QueryReader:
    """Values of a query by kind. `pairs`: a multi-mapping with `getall`"""

    def __init__(self, pairs: Any) -> None:
        self._pairs = pairs

    def all(self, name: str) -> Sequence[str]:
        """Every value of this name."""
        return list(self._pairs.getall(name, ()))

    def text(self, name: str) -> str:
        """The value, "" where there is none."""
        return str(self._pairs.get(name, ""))

    def flag(self, name: str) -> bool:
        """A boolean by Docker's rules."""
        return self.text(name).strip().lower() not in ("", "0", "no", "false", "none")

    def int(self, name: str) -> int:
        """A whole number, 0 where there is none. Raises: InvalidArgument"""
        text = self.text(name) or "0"
        try:
            return int(text)
        except ValueError:
            raise InvalidArgument(f'{name}: expected a whole number, got "{text}"') from None

    def object(self, name: str) -> Mapping[str, Any]:
        """A JSON object, {} where there is none. Raises: InvalidArgument"""
        value = self._json(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise InvalidArgument(f"{name}: expected a JSON object, got {type(value).__name__}")
        return value

    def array(self, name: str) -> Sequence[Any]:
        """A JSON array, [] where there is none. Raises: InvalidArgument"""
        value = self._json(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise InvalidArgument(f"{name}: expected a JSON array, got {type(value).__name__}")
        return value

    def _json(self, name: str) -> Any:
        text = self.text(name)
        if not text:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"{name}: invalid JSON: {error}") from None


def _extra_hosts(query: QueryReader) -> Sequence[str]:
    """The docker CLI repeats the parameter; Compose and older clients send a comma list."""
    return [entry.strip() for value in query.all("extrahosts") for entry in value.split(",") if entry.strip()]


def _resources(query: QueryReader) -> Resources:
    return Resources(
        memory_bytes=query.int("memory"),
        memory_swap_bytes=query.int("memswap"),
        cpu_shares=query.int("cpushares"),
        cpuset_cpus=query.text("cpusetcpus"),
        cpuset_mems=query.text("cpusetmems"),
        cpu_period_us=query.int("cpuperiod"),
        cpu_quota_us=query.int("cpuquota"),
        cgroup_parent=query.text("cgroupparent"),
        ulimits=tuple(_ulimit(value) for value in query.array("ulimits")),
    )


def _ulimit(value: Any) -> Ulimit:
    try:
        return Ulimit(name=str(value["Name"]).lower(), soft=int(value["Soft"]), hard=int(value["Hard"]))
    except (KeyError, TypeError, ValueError):
        raise InvalidArgument(f"ulimits: expected Name, Soft and Hard, got {json.dumps(value)}") from None


def decode_secrets(header: str) -> Mapping[str, bytes]:
    """{id: content} of the secrets header. Raises: InvalidArgument"""
    if not header:
        return {}
    try:
        plain = json.loads(base64.b64decode(header, validate=True))
        return {str(name): base64.b64decode(content, validate=True) for name, content in plain.items()}
    except (binascii.Error, ValueError, AttributeError, TypeError, RecursionError):
        raise InvalidArgument(f"{SECRETS_HEADER}: expected base64 of a JSON object of base64 contents") from None


def _auths(header: str) -> Mapping[str, Mapping[str, str]]:
    if not header:
        return {}
    try:
        padded = header + "=" * (-len(header) % 4)
        value = json.loads(base64.urlsafe_b64decode(padded.replace("+", "-").replace("/", "_")))
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidArgument("X-Registry-Config: expected base64 of a JSON object") from None
    if not isinstance(value, dict):
        raise InvalidArgument("X-Registry-Config: expected base64 of a JSON object")
    return {str(host): entry for host, entry in value.items() if isinstance(entry, dict)}


def encode_cache_entry(entry: BuildCacheEntry) -> dict[str, Any]:
    """The JSON object of a BuildCache."""
    return {
        "ID": entry.id,
        "Parents": list(entry.parents) or None,
        "Type": entry.kind,
        "Description": entry.description,
        "InUse": entry.in_use,
        "Shared": entry.shared,
        "Size": entry.size_bytes,
        "CreatedAt": encode_time(entry.created_at),
        "LastUsedAt": encode_time(entry.used_at) if entry.used_at else None,
        "UsageCount": entry.use_count,
    }
