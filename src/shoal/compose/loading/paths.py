"""Relative paths of a canonical file → absolute ones."""

import posixpath
import re
from collections.abc import Callable
from typing import Any

from shoal.compose.loading.tree import Map, Override, Reset, Seq

_URL = re.compile(
    r"(https?|git|ssh|file|oci|oci-layout|docker-image|service|target|git\+ssh|git\+https)://|git@|github\.com/|service:|[\w.-]+@[\w.-]+:"
)

Resolve = Callable[[Any], Any]


class Base:
    """A folder that relative paths start from."""

    def __init__(self, folder: str, home: str = "") -> None:
        self._folder = folder
        self._home = home

    def join(self, path: str) -> str:
        """The absolute form of `path`; `~` is the home folder."""
        if path == "~" or path.startswith("~/"):
            return posixpath.normpath((self._home or "/root") + path[1:])
        return path if path.startswith("/") else posixpath.normpath(posixpath.join(self._folder, path))

    def context(self, path: str) -> str:
        """A build context, which may be a URL."""
        return path if is_url(path) else self.join(path)


def is_url(context: str) -> bool:
    """Whether a build context is fetched rather than read from a folder."""
    return bool(_URL.match(context))


def resolve_paths(tree: Map, base: Base) -> Map:
    """`tree` (a canonical file) with every path in it absolute."""
    result = tree.like(tree)
    for section in ("services", "jobs"):
        if isinstance(services := result.get(section), Map):
            result[section] = services.like({name: resolve_service(one, base) for name, one in services.items()})
    for section in ("secrets", "configs"):
        if isinstance(files := result.get(section), Map):
            result[section] = files.like({name: _change(one, {"file": base.join}) for name, one in files.items()})
    if isinstance(volumes := result.get("volumes"), Map):
        result["volumes"] = volumes.like({name: _volume(one, base) for name, one in volumes.items()})
    return result


def resolve_service(service: Any, base: Base) -> Any:
    """A service with every path in it absolute."""
    if isinstance(service, Override):
        return Override(resolve_service(service.value, base))
    if not isinstance(service, Map):
        return service

    def mount(one: Any) -> Any:
        is_bind = isinstance(one, Map) and one.get("type") == "bind" and isinstance(one.get("source"), str)
        return _change(one, {"source": base.join}) if is_bind else one

    def contexts(known: Any) -> Any:
        if not isinstance(known, Map):
            return known
        return known.like({k: base.context(v) if isinstance(v, str) else v for k, v in known.items()})

    return _change(
        service,
        {
            "build": lambda build: _change(build, {"context": base.context, "additional_contexts": contexts}),
            "env_file": _each(lambda one: _change(one, {"path": base.join})),
            "label_file": _each(base.join),
            "volumes": _each(mount),
            "develop": lambda one: _change(one, {"watch": _each(lambda rule: _change(rule, {"path": base.join}))}),
            "credential_spec": lambda one: _change(one, {"file": base.join}),
            "pre_start": _each(lambda hook: resolve_service(hook, base)),
        },
    )


def _volume(volume: Any, base: Base) -> Any:
    """A bind by way of the local driver: its device is a path."""
    options = volume.get("driver_opts") if isinstance(volume, Map) else None
    if not isinstance(options, Map) or "bind" not in str(options.get("o", "")).split(","):
        return volume
    device = options.get("device")
    if not isinstance(device, str) or not device.startswith((".", "~")):
        return volume
    return volume.like({**volume, "driver_opts": options.like({**options, "device": base.join(device)})})


def _change(value: Any, changes: dict[str, Resolve]) -> Any:
    """`value` with some of its keys' values changed; tags are looked through."""
    if isinstance(value, Override):
        return Override(_change(value.value, changes))
    if not isinstance(value, Map):
        return value
    result = value.like(value)
    for key, change in changes.items():
        inner = result.get(key)
        if isinstance(inner, Override):
            result[key] = Override(change(inner.value))
        elif inner is not None and not isinstance(inner, Reset):
            result[key] = change(inner)
    return result


def _each(change: Resolve) -> Resolve:
    def resolve(items: Any) -> Any:
        return items.like([change(item) for item in items]) if isinstance(items, Seq) else items

    return resolve
