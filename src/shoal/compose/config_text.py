"""The project in canonical form, as `compose config` prints it: keys in Compose's order, names in the alphabet's."""

import json
from collections.abc import Mapping
from typing import Any

from shoal.compose.config_order import ORDER, kind_at, rank
from shoal.compose.label_sets import service_hash
from shoal.compose.loading.normalise import without_unused
from shoal.compose.loading.tree import Map
from shoal.compose.project import Project
from shoal.compose.yaml_text import to_yaml


def render_yaml(project: Project) -> str:
    """The project as YAML. `$` is doubled, so that the text loads to the same project."""
    tree = _tree(project)
    known = ("name", "services", "networks", "volumes", "secrets", "configs", "models", "jobs")
    extra = [key for key in tree if key not in known]
    return to_yaml({key: tree[key] for key in (*known, *extra) if key in tree})


def render_json(project: Project) -> str:
    """The project as JSON, indented; `command` and `entrypoint` are there even where they are not set."""
    tree = _tree(project)
    for name, service in tree.get("services", {}).items():
        complete = {"command": None, "entrypoint": None, **service}
        tree["services"][name] = {key: complete[key] for key in sorted(complete, key=rank(ORDER["service"]))}
    return json.dumps({key: tree[key] for key in sorted(tree)}, indent=2, ensure_ascii=False) + "\n"


def config_hashes(project: Project) -> dict[str, str]:
    """{service: its config hash}"""
    return {name: service_hash(project, service) for name, service in project.services.items()}


def _tree(project: Project) -> dict[str, Any]:
    tree: dict[str, Any] = _ordered(_printed(project), ())
    return _escaped(tree) if project.interpolated else tree


def _printed(project: Project) -> Map:
    """The tree of what is in the project now."""
    tree = Map(project.tree)
    tree.pop("version", None)
    services = {name: service.tree for name, service in project.services.items()}
    tree["services"] = Map(services)
    return without_unused(tree) if project.interpolated and not project.all_resources else tree


def _escaped(value: Any) -> Any:
    """`value` with every `$` doubled."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return {key: _escaped(item) for key, item in value.items()} if isinstance(value, dict) else value


def _ordered(value: Any, path: tuple[str, ...]) -> Any:
    """`value` with keys in order, empty parts left out, and special forms as Compose prints them."""
    if isinstance(value, Mapping):
        if path[-1:] == ("extra_hosts",):
            return sorted(f"{host}={address}" for host, addresses in value.items() for address in addresses)
        if path[-1:] == ("ssh",):
            return [f"{key}={item}" if item else key for key, item in value.items()]
        order = ORDER.get(kind_at(path))
        keys = sorted(value, key=rank(order)) if order else sorted(value)
        return {key: _ordered(value[key], (*path, key)) for key in keys if _is_shown(value[key], key, path)}
    if isinstance(value, (list, tuple)):
        return [_ordered(item, (*path, "[]")) for item in value]
    return value


def _is_shown(value: Any, key: str, path: tuple[str, ...]) -> bool:
    if value is False:
        return key not in _PLAIN_FLAGS or kind_at(path) is None
    if value in ([], {}) and not isinstance(value, bool):
        return key in ("command", "entrypoint", "services", "volume") or (
            len(path) in (1, 3) and path[-1] == "networks"
        )
    if value is None:
        return path[-1:] in (("networks",), ("environment",)) or kind_at(path) is None
    return True


#: Flags that are not printed where they are off.
_PLAIN_FLAGS = frozenset(
    (
        "privileged",
        "read_only",
        "tty",
        "stdin_open",
        "oom_kill_disable",
        "restart",
        "internal",
        "attachable",
        "no_cache",
        "pull",
        "disable",
        "nocopy",
        "external",
        "use_api_socket",
        "initial_sync",
    )
)
