"""Records of the cluster as the store keeps them: keys and bytes."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import msgspec

from shoal.cluster.view import KINDS, ClusterRecord, kind_of
from shoal.errors import InternalError
from shoal.model.cluster.task import Task, TaskSpec

#: below it the store keeps who has which name; nothing of it is a record
NAMES = "names"

_ENCODER = msgspec.json.Encoder()
_DECODERS = {kind: msgspec.json.Decoder(cls) for kind, cls in KINDS.items()}


def key_of(record: ClusterRecord) -> str:
    """ "<kind>/<id>": where the store keeps this record."""
    return f"{kind_of(record)}/{record.key}"


def name_key(kind: str, name: str) -> str:
    """Where the store keeps the id of the one that has this name."""
    return f"{NAMES}/{kind}/{name}"


def split_key(key: str) -> tuple[str, str] | None:
    """(kind, id) of a record's key, None for keys that are none."""
    kind, _, identity = key.partition("/")
    return (kind, identity) if kind in KINDS and identity else None


def encode(record: ClusterRecord) -> bytes:
    """The record as JSON, without what is as it is by default: of a task's 4 kB a tenth is left."""
    return _ENCODER.encode(_without_defaults(record))


_NEVER = object()
_defaults: dict[type, tuple[tuple[str, Any], ...] | None] = {}  #: {class: (field, default)}, None = no dataclass


def _defaults_of(cls: type) -> tuple[tuple[str, Any], ...] | None:
    if cls not in _defaults:
        _defaults[cls] = tuple((f.name, _default(f)) for f in fields(cls)) if is_dataclass(cls) else None
    return _defaults[cls]


def _default(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else _NEVER


def _without_defaults(value: Any) -> Any:
    known = _defaults_of(type(value))
    if known is not None:
        items = ((name, getattr(value, name), default) for name, default in known)
        return {name: _without_defaults(item) for name, item, default in items if item is not default != item}
    if isinstance(value, tuple | list):
        return [_without_defaults(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _without_defaults(item) for key, item in value.items()}
    return value


def decode(kind: str, data: bytes) -> ClusterRecord:
    """The record that `encode` made. Raises: InternalError for what is none"""
    try:
        return _DECODERS[kind].decode(data)
    except msgspec.MsgspecError as error:
        raise InternalError(f"the cluster's store has a record of {kind} that cannot be read: {error}") from error


class SharedSpecs:
    """Tasks of one version of a service share one spec in memory: thousands of them are as small as one."""

    def __init__(self) -> None:
        self._latest: dict[str, tuple[int, TaskSpec]] = {}  #: {service id: (spec version, spec)}

    def share(self, record: ClusterRecord) -> ClusterRecord:
        """The record; a task's spec is the one that its sisters have, where it is equal."""
        if not isinstance(record, Task):
            return record
        version, spec = self._latest.get(record.service_id, (-1, None))
        if version == record.spec_version and spec == record.spec:
            return replace(record, spec=spec)
        self._latest[record.service_id] = (record.spec_version, record.spec)
        return record

    def forget(self, services: Mapping[str, object]) -> None:
        """Keep only specs of these services."""
        for service_id in self._latest.keys() - services.keys():
            del self._latest[service_id]
