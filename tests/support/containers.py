"""Containers for tests, with only what matters said."""

from dataclasses import replace
from typing import Any

from shoal.model.container import Container, ContainerSpec, HostSpec


def spec_of(**fields: Any) -> ContainerSpec:
    """A spec; fields of HostSpec may be given too."""
    host = {name: fields.pop(name) for name in list(fields) if name in HostSpec.__dataclass_fields__}
    return ContainerSpec(**{"image": "busybox", "host": HostSpec(**host), **fields})


def container_of(**fields: Any) -> Container:
    """A container "web"; fields of ContainerSpec and HostSpec may be given too."""
    record = {name: fields.pop(name) for name in list(fields) if name in Container.__dataclass_fields__}
    spec = record.pop("spec", None) or spec_of(**fields)
    base = Container(id="c" * 64, name="web", spec=spec, argv=("true",), image_id="sha256:" + "1" * 64, created_at=1)
    return replace(base, **record)
