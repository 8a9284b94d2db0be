"""The project in canonical form, as `compose config` prints it: keys in Compose's order, names in the alphabet's."""

import json
from typing import Any

from shoal.compose.bodies.hashes import service_hash
from shoal.compose.loading.normalise import without_unused
from shoal.compose.loading.tree import Map
from shoal.compose.project import Project
from shoal.compose.text.order import ORDER, ordered, rank
from shoal.compose.text.yaml import to_yaml


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
    return {name: service_hash(service) for name, service in project.services.items()}


def _tree(project: Project) -> dict[str, Any]:
    tree: dict[str, Any] = ordered(_printed(project), ())
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
