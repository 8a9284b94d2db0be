"""Keys that a project uses and Shoal does not (wholly) honour: warnings and errors, from the notes of `keys`."""

from collections.abc import Mapping
from typing import Any

from shoal.compose.keys.table import ROOT
from shoal.compose.keys.types import Key
from shoal.compose.loading.tree import Map, Path, dotted, locate
from shoal.errors import NotSupported

_CLUSTER = "has an effect in a cluster only"


class Support:
    """Collects what the walk over a tree reports; one warning a key, however many services use it."""

    def __init__(self, tree: Map, strict: bool) -> None:
        self._tree = tree
        self._strict = strict
        self._found: dict[tuple[str, str], list[Path]] = {}

    def __call__(self, path: Path, key: Key, value: Any) -> None:
        if value is None or value in ([], {}) or not (key.error or key.warning or key.cluster):
            return
        if key.error and self._strict:
            mark = locate(self._tree, path)
            raise NotSupported(f"{mark}: {dotted(path)}: not supported: {key.error}")
        self.note(path, key.warning or key.error or _CLUSTER)

    def note(self, path: Path, text: str) -> None:
        """Warn of the value at `path`."""
        is_service = len(path) > 2 and path[0] in ("services", "jobs")
        key = dotted(path[2:] if is_service else path[:1])
        if is_service and path[2] in ("pre_start", "develop"):
            key = str(path[2]) + key[key.rfind(".") :] if path[2] == "pre_start" else key
        self._found.setdefault((key, text), []).append(path)

    def warnings(self) -> list[str]:
        """One line a key, with the place of its first use."""
        return [self._line(key, text, paths) for (key, text), paths in self._found.items()]

    def _line(self, key: str, text: str, paths: list[Path]) -> str:
        mark = locate(self._tree, paths[0])
        where = f"{mark}: " if mark else ""
        names = list(dict.fromkeys(str(path[1]) for path in paths if len(path) > 2 and path[0] in ("services", "jobs")))
        if not names:
            return f"{where}{key}: no effect: {text}"
        others = f" (also in {', '.join(names[1:4])}{' and others' if len(names) > 4 else ''})" if names[1:] else ""
        return f"{where}services.{names[0]}.{key}: no effect: {text}{others}"


def support_warnings(tree: Map, *, strict: bool) -> list[str]:
    """Warnings for the keys of a normalised tree that have no effect.

    strict: keys that can't be honoured are errors instead
    Raises: NotSupported, BadValue for a mapping that is not complete
    """
    support = Support(tree, strict)
    ROOT.walk(tree, (), support)
    for name, service in (tree.get("services") or {}).items():
        _note_values(("services", name), service, support)
    return support.warnings()


def check_complete(services: Map) -> None:
    """Raise BadValue where a service (of a sleeping profile) lacks a required key; what it supports does not matter."""
    ROOT.walk(Map({"services": services}), (), lambda path, key, value: None)


def _note_values(path: Path, service: Mapping[str, Any], support: Support) -> None:
    """Keys whose support depends on their value."""
    mode = (service.get("deploy") or {}).get("mode")
    if mode not in (None, "replicated"):
        support.note((*path, "deploy", "mode"), f'"{mode}" {_CLUSTER}')
    platforms = (service.get("build") or {}).get("platforms") or ()
    if len(platforms) > 1:
        support.note((*path, "build", "platforms"), "one platform is built, the first that the engine can run")
    if service.get("network_mode") == "host" and service.get("ports"):
        support.note((*path, "ports"), "published ports are discarded when using host network mode")
    for kind in ("secrets", "configs"):
        if service.get(kind):
            _refuse_external(path, kind, service, support)


def _refuse_external(path: Path, kind: str, service: Mapping[str, Any], support: Support) -> None:
    known = support._tree.get(kind) or {}
    for position, ref in enumerate(service[kind]):
        if (known.get(ref.get("source")) or {}).get("external"):
            text = f"external {kind} live in a cluster; use file, environment" + (" or content" * (kind == "configs"))
            support((*path, kind, position), Key(ROOT, error=text), ref)
