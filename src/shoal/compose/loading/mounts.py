"""Volumes of a service: `[source:]target[:options]` → a mapping."""

import posixpath
from typing import Any

from shoal.compose.loading.forms import to_bool, to_mode_bits, to_size
from shoal.compose.loading.tree import BadValue, Map, Path

_PROPAGATION = frozenset(("shared", "slave", "private", "rshared", "rslave", "rprivate"))
_CONSISTENCY = frozenset(("cached", "delegated", "consistent", "default"))


def to_mount(value: Any, path: Path) -> Map:
    """One entry of `volumes` in long form. A source that starts with `.`, `/` or `~` is a bind."""
    return _long(value, path) if isinstance(value, Map) else parse_mount(value, path)


def parse_mount(text: str, path: Path) -> Map:
    """The mount that a short form stands for."""
    parts = text.split(":")
    if not text.strip() or "" in parts:
        raise BadValue(path, f'invalid volume "{text}": empty section between colons')
    if len(parts) > 3:
        raise BadValue(path, f'invalid volume "{text}": too many colons')
    if len(parts) == 1:
        return Map({"type": "volume", "target": _target(parts[0], text, path), "volume": Map()})
    source, target = parts[0], _target(parts[1], text, path)
    if source[0] in "./~":
        mount = Map({"type": "bind", "source": source, "target": target, "bind": Map({"create_host_path": True})})
    else:
        mount = Map({"type": "volume", "source": source, "target": target, "volume": Map()})
    for option in parts[2].split(",") if len(parts) == 3 else ():
        _apply_option(mount, option, text, path)
    return mount


def _target(target: str, text: str, path: Path) -> str:
    if not target.startswith("/") and "$" not in target:
        raise BadValue(path, f'invalid volume "{text}": the path in the container must be absolute, got "{target}"')
    return posixpath.normpath(target)


def _apply_option(mount: Map, option: str, text: str, path: Path) -> None:
    if option == "ro":
        mount["read_only"] = True
    elif option in _PROPAGATION:
        mount.setdefault("bind", Map())["propagation"] = option
    elif option in ("z", "Z"):
        mount.setdefault("bind", Map())["selinux"] = option
    elif option == "nocopy":
        mount.setdefault("volume", Map())["nocopy"] = True
    elif option in _CONSISTENCY:
        mount["consistency"] = option
    elif option not in ("rw", "copy"):
        raise BadValue(path, f'invalid volume "{text}": unknown option "{option}"')


def _long(value: Map, path: Path) -> Map:
    mount = dict(value)
    kind = mount.get("type")
    if "read_only" in mount:
        mount["read_only"] = to_bool(mount["read_only"], (*path, "read_only"))
    if isinstance(bind := mount.get("bind"), Map) and "create_host_path" in bind:
        flag = to_bool(bind["create_host_path"], (*path, "bind", "create_host_path"))
        mount["bind"] = bind.like({**bind, "create_host_path": flag})
    if isinstance(volume := mount.get("volume"), Map) and "nocopy" in volume:
        mount["volume"] = volume.like({**volume, "nocopy": to_bool(volume["nocopy"], (*path, "volume", "nocopy"))})
    if isinstance(tmpfs := mount.get("tmpfs"), Map):
        mount["tmpfs"] = tmpfs.like(_tmpfs(tmpfs, (*path, "tmpfs")))
    if kind == "bind" and not mount.get("source"):
        raise BadValue(path, "a bind needs a source")
    if kind is not None and not mount.get("target"):
        raise BadValue(path, "a mount needs a target")
    if mount.get("target"):
        mount["target"] = posixpath.normpath(mount["target"])
    if kind == "volume" and mount.get("source") == "":
        del mount["source"]
    return value.like(mount)


def _tmpfs(tmpfs: Map, path: Path) -> dict[str, Any]:
    result = dict(tmpfs)
    if "size" in result:
        result["size"] = to_size(result["size"], (*path, "size"))
    if "mode" in result:
        result["mode"] = to_mode_bits(result["mode"], (*path, "mode"))
    return result
