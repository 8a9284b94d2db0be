"""What differs between the body of a service that is wanted and the one that runs."""

from collections.abc import Mapping
from typing import Any

#: Values that say the same as nothing, which engines write where nothing was said.
_UPDATE_DEFAULTS = {
    "Parallelism": 1,
    "FailureAction": "pause",
    "Monitor": 5_000_000_000,
    "Order": "stop-first",
}
_DEFAULTS: Mapping[tuple[str, ...], Any] = {
    **{(kind, key): value for kind in ("UpdateConfig", "RollbackConfig") for key, value in _UPDATE_DEFAULTS.items()},
    ("TaskTemplate", "Runtime"): "container",
    ("TaskTemplate", "RestartPolicy", "Condition"): "any",
    ("TaskTemplate", "ContainerSpec", "Isolation"): "default",
    ("TaskTemplate", "ContainerSpec", "HostConfig", "ShmSize"): 64 << 20,
    ("EndpointSpec", "Mode"): "vip",
}
#: 0 and False mean something of their own here
_COUNTS = frozenset(("Replicas", "Parallelism", "TotalCompletions", "MaxConcurrent", "Init", "MemorySwappiness"))
#: keys by which the items of a list are known; their order says nothing
_ITEM_KEYS = ("Target", "File", "TargetPort", "Name")
_UNORDERED = frozenset(("Networks", "Secrets", "Configs", "Ports", "Ulimits", "Aliases"))
#: not the user's: carried over from what runs
_CARRIED = ("TaskTemplate", "ForceUpdate")


def differences(running: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """A line for each field that differs: `Mode.Replicated.Replicas: 1 -> 3`; () where the bodies say the same."""
    return tuple(_compare(plain(running), plain(wanted), ()))


def plain(body: Mapping[str, Any]) -> Any:
    """`body` without what says nothing, unordered lists in one order."""
    return _plain(body, ())


def _plain(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        items = ((key, _plain(item, (*path, key))) for key, item in value.items())
        # a mode without settings is a mode
        return {key: item for key, item in items if not _says_nothing(item, (*path, key)) or path == ("Mode",)}
    if isinstance(value, (list, tuple)):
        found = [_plain(item, path) for item in value]
        return sorted(found, key=_item_key) if path and path[-1] in _UNORDERED else found
    return value


def _says_nothing(value: Any, path: tuple[str, ...]) -> bool:
    if path == _CARRIED or value is None or value in ("", [], {}):
        return True
    if value == _DEFAULTS.get(path, ...):
        return True
    return value in (0, False) and not isinstance(value, str) and path[-1] not in _COUNTS


def _item_key(item: Any) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    return " ".join(str(item[key]) for key in (*_ITEM_KEYS, "Protocol", "PublishedPort") if key in item)


def _compare(old: Any, new: Any, path: tuple[str, ...]) -> list[str]:
    if old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        lines: list[str] = []
        for key in [*old, *(key for key in new if key not in old)]:
            lines += _compare(old.get(key), new.get(key), (*path, key))
        return lines
    if isinstance(old or [], list) and isinstance(new or [], list):
        return _compare_lists(old or [], new or [], ".".join(path))
    return [f"{'.'.join(path)}: {_text(old)} -> {_text(new)}"]


def _compare_lists(old: list[Any], new: list[Any], path: str) -> list[str]:
    lines = [f"{path}: - {_text(item)}" for item in old if item not in new]
    lines += [f"{path}: + {_text(item)}" for item in new if item not in old]
    return lines or [f"{path}: order"]


def _text(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False, sort_keys=True)
