"""`-v`, `--mount` and `--tmpfs`."""

from __future__ import annotations

import os

from shoal.cli.errors import UsageError
from shoal.cli.values import parse_limit_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_TYPES = ("bind", "volume", "tmpfs", "image", "npipe", "cluster")
_SYNONYMS = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
#: {key: (mount type, section, key of the API)}
_SECTIONS = {
    "bind-propagation": ("bind", "BindOptions", "Propagation"),
    "bind-nonrecursive": ("bind", "BindOptions", "NonRecursive"),
    "bind-recursive": ("bind", "BindOptions", "NonRecursive"),
    "bind-create-src": ("bind", "BindOptions", "CreateMountpoint"),
    "volume-nocopy": ("volume", "VolumeOptions", "NoCopy"),
    "volume-subpath": ("volume", "VolumeOptions", "Subpath"),
    "volume-label": ("volume", "VolumeOptions", "Labels"),
    "volume-driver": ("volume", "VolumeOptions", "DriverConfig"),
    "volume-opt": ("volume", "VolumeOptions", "DriverConfig"),
    "image-subpath": ("image", "ImageOptions", "Subpath"),
    "tmpfs-size": ("tmpfs", "TmpfsOptions", "SizeBytes"),
    "tmpfs-mode": ("tmpfs", "TmpfsOptions", "Mode"),
}
_SWITCHES = ("bind-nonrecursive", "volume-nocopy", "bind-create-src", "readonly")


def split_volumes(specs: Iterable[str]) -> tuple[list[str], dict[str, Any]]:
    """(Binds, Volumes) of `-v` values; a path alone is an anonymous volume. Raises: UsageError."""
    binds: list[str] = []
    anonymous: dict[str, Any] = {}
    for spec in specs:
        source, colon, rest = spec.partition(":")
        if not spec or (colon and not rest.partition(":")[0]):
            raise UsageError(
                f"invalid spec: {spec}: empty section between colons" if spec else "invalid spec: empty volume"
            )
        if not colon:
            if not spec.startswith("/"):
                raise UsageError(
                    f"invalid volume specification: '{spec}': a path inside the container must be absolute"
                )
            anonymous[spec] = {}
            continue
        if source.startswith("."):
            source = os.path.abspath(source)
        elif source.startswith("~"):
            source = os.path.expanduser(source)
        binds.append(f"{source}:{rest}")
    return binds, anonymous


def parse_tmpfs(spec: str) -> tuple[str, str]:
    """("/run", "size=64m") of "/run:size=64m"."""
    path, _, options = spec.partition(":")
    return path, options


def parse_mount(spec: str) -> dict[str, Any]:
    """Mount of the API for "type=bind,source=/a,target=/b,readonly". Raises: UsageError."""
    mount: dict[str, Any] = {"Type": "volume"}
    for field in _fields(spec):
        key, equals, value = field.partition("=")
        key = _SYNONYMS.get(key.strip().lower(), key.strip().lower())
        if not equals and key not in _SWITCHES:
            raise _wrong(spec, f"invalid field '{field}' must be a key=value pair")
        _set_field(mount, key, value if equals else "true", spec)
    return _checked(mount, spec)


def _set_field(mount: dict[str, Any], key: str, value: str, spec: str) -> None:
    if key == "type":
        mount["Type"] = value.lower()
    elif key in ("source", "target"):
        mount[key.capitalize()] = value
    elif key == "readonly":
        mount["ReadOnly"] = _boolean(value, key, spec)
    elif key == "consistency":
        mount["Consistency"] = value.lower()
    elif key in _SECTIONS:
        _set_section(mount, key, value, spec)
    else:
        raise _wrong(spec, f"unexpected key '{key}' in '{key}={value}'")


def _set_section(mount: dict[str, Any], key: str, value: str, spec: str) -> None:
    _, section_name, name = _SECTIONS[key]
    section = mount.setdefault(section_name, {})
    if key in _SWITCHES:
        section[name] = _boolean(value, key, spec)
    elif key == "bind-recursive":
        section.update(_recursion(value, spec))
    elif key == "volume-label":
        label, _, text = value.partition("=")
        section.setdefault("Labels", {})[label] = text
    elif key == "volume-driver":
        section.setdefault("DriverConfig", {})["Name"] = value
    elif key == "volume-opt":
        option, _, text = value.partition("=")
        section.setdefault("DriverConfig", {}).setdefault("Options", {})[option] = text
    elif key == "tmpfs-size":
        try:
            section[name] = parse_limit_bytes(value)
        except ValueError:
            raise _wrong(spec, f"invalid value for {key}: {value}") from None
    elif key == "tmpfs-mode":
        try:
            section[name] = int(value, 8)
        except ValueError:
            raise _wrong(spec, f"invalid value for {key}: {value}") from None
    else:
        section[name] = value.lower() if key == "bind-propagation" else value


def _recursion(value: str, spec: str) -> dict[str, bool]:
    known = {
        "enabled": {},
        "disabled": {"NonRecursive": True},
        "writable": {"ReadOnlyNonRecursive": True},
        "readonly": {"ReadOnlyForceRecursive": True},
    }
    if value not in known:
        raise _wrong(
            spec,
            f'invalid value for bind-recursive: {value} (must be "enabled", "disabled", "writable", or "readonly")',
        )
    return known[value]


def _checked(mount: dict[str, Any], spec: str) -> dict[str, Any]:
    kind = mount["Type"]
    if kind not in _TYPES:
        raise _wrong(spec, f"invalid mount type '{kind}'; wanted one of {', '.join(_TYPES)}")
    if not mount.get("Target"):
        raise _wrong(spec, "target is required")
    for key, (wanted, section, _) in _SECTIONS.items():
        if section in mount and wanted != kind:
            raise _wrong(spec, f"cannot mix '{key.partition('-')[0]}-*' options with mount type '{kind}'")
    if kind == "bind":
        if not mount.get("Source"):
            raise _wrong(spec, "source is required")
        if mount["Source"].startswith((".", "~")):
            mount["Source"] = os.path.abspath(os.path.expanduser(mount["Source"]))
    if kind == "tmpfs" and mount.get("Source"):
        raise _wrong(spec, "a tmpfs mount takes no source")
    return mount


def _boolean(value: str, key: str, spec: str) -> bool:
    if value.lower() in ("1", "t", "true"):
        return True
    if value.lower() in ("0", "f", "false"):
        return False
    raise _wrong(spec, f"invalid value for {key}: {value}")


def _fields(spec: str) -> list[str]:
    if '"' not in spec:
        return spec.split(",")
    import csv

    return next(iter(csv.reader([spec])))


def _wrong(spec: str, message: str) -> UsageError:
    return UsageError(f'invalid argument "{spec}" for "--mount" flag: {message}')
