"""Device nodes and who may use them. Source: OCI runtime spec 1.1, `linux.devices` and `linux.resources.devices`."""

import re
from collections.abc import Iterable
from typing import Any

from shoal.errors import InvalidArgument
from shoal.oci.runtime_spec.facts import Device

_RULE = re.compile(r"([acb]) ([0-9]{1,9}|\*):([0-9]{1,9}|\*) ([rwm]{1,3})")
_ANYWAY = (
    (None, None, "c", "m"),  # making nodes is harmless: using them is what the rules forbid
    (None, None, "b", "m"),
    (1, 3, "c", "rwm"),  # null
    (1, 5, "c", "rwm"),  # zero
    (1, 7, "c", "rwm"),  # full
    (1, 8, "c", "rwm"),  # random
    (1, 9, "c", "rwm"),  # urandom
    (5, 0, "c", "rwm"),  # tty
    (5, 1, "c", "rwm"),  # console
    (5, 2, "c", "rwm"),  # ptmx
    (136, None, "c", "rwm"),  # pts
)


def device_rules(devices: Iterable[Device], rules: Iterable[str], *, privileged: bool) -> list[dict[str, Any]]:
    """`linux.resources.devices`. Raises: InvalidArgument for a rule that is none"""
    if privileged:
        return [{"allow": True, "access": "rwm"}]
    allowed = [{"allow": False, "access": "rwm"}]
    allowed += [_entry(kind, major, minor, access) for major, minor, kind, access in _ANYWAY]
    allowed += [_entry(d.kind, d.major, d.minor, d.access) for d in devices]
    return allowed + [_parse_rule(rule) for rule in rules]


def _entry(kind: str, major: int | None, minor: int | None, access: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"allow": True, "type": kind, "access": access}
    if major is not None:
        entry["major"] = major
    if minor is not None:
        entry["minor"] = minor
    return entry


def _parse_rule(rule: str) -> dict[str, Any]:
    found = _RULE.fullmatch(rule)
    if found is None:
        raise InvalidArgument(f"invalid device cgroup rule format: '{rule}'")
    numbers = [None if n == "*" else int(n) for n in (found[2], found[3])]
    return _entry(found[1], numbers[0], numbers[1], found[4])


def device_nodes(devices: Iterable[Device]) -> list[dict[str, Any]]:
    """`linux.devices`."""
    return [
        {
            "path": d.path,
            "type": d.kind,
            "major": d.major,
            "minor": d.minor,
            "fileMode": d.mode,
            "uid": d.uid,
            "gid": d.gid,
        }
        for d in devices
    ]
