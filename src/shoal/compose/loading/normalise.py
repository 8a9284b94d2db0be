"""Defaults that follow from the whole file: names, the default network, what a service depends on without saying so."""

import re
from typing import Any

from shoal.compose.loading.tree import BadValue, Map, marks_of
from shoal.errors import InvalidArgument

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_STACK_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


def stack_name(given: str, in_file: str) -> str:
    """The stack's name: as given, else as the file says. Raises: InvalidArgument where it cannot be one"""
    name = given or in_file
    if not name:
        raise InvalidArgument("the stack needs a name", hint="give it one as argument, or `name:` in the file")
    if not _STACK_NAME.fullmatch(name):
        raise InvalidArgument(
            f'invalid stack name: "{name}"', hint="letters, digits, `_`, `.` and `-`, a letter or digit first"
        )
    return name


def project_name(given: str, in_file: str, folder: str) -> str:
    """The project's name: as given, as the file says, or made from its folder's name.

    Raises: InvalidArgument where it cannot be one
    """
    name = given or in_file
    if not name:
        name = re.sub(r"[^-_a-z0-9]", "", folder.lower()).lstrip("_-")
        if not name:
            raise InvalidArgument("project name must not be empty", hint="give it one with -p NAME or `name:`")
    elif not _NAME.fullmatch(name):
        raise InvalidArgument(
            f'invalid project name "{name}": must consist only of lowercase alphanumeric characters, hyphens, '
            "and underscores as well as start with a letter or number"
        )
    return name


def normalised(tree: Map, name: str, folder: str) -> Map:
    """`tree` (merged, canonical) with every default in place.

    folder: of the project, the build context where a build names none
    """
    result = tree.like(tree)
    services = tree.get("services") or Map()
    result["services"] = services.like({key: _service(key, one, folder) for key, one in services.items()})
    result["networks"] = _with_default_network(tree.get("networks") or Map(), result["services"])
    for section in ("networks", "volumes", "secrets", "configs"):
        resources = result.get(section)
        if resources:
            result[section] = resources.like({key: _named(one, name, key) for key, one in resources.items()})
    result["name"] = name
    return result


def _service(name: str, service: Any, folder: str) -> Map:
    if not isinstance(service, Map):
        raise BadValue(("services", name), "expected a mapping, got nothing")
    result = service.like(service)
    if not result.get("network_mode") and not result.get("networks") and "provider" not in result:
        result["networks"] = Map({"default": None})
    if isinstance(build := result.get("build"), Map):
        result["build"] = build.like(_build(build, folder))
    if result.get("pull_policy") in ("if_not_present", ""):
        result["pull_policy"] = "missing" if result["pull_policy"] else ""
    if secrets := result.get("secrets"):
        result["secrets"] = secrets.like([_secret_target(one) for one in secrets])
    if dependencies := _implied(result):
        known = result.get("depends_on") or Map()
        joined = Map({**dependencies, **known}, known.mark if isinstance(known, Map) else None)
        joined.marks = marks_of(known)
        result["depends_on"] = joined
    return result


def _build(build: Map, folder: str) -> dict[str, Any]:
    complete: dict[str, Any] = {"context": folder, **build}
    if "dockerfile_inline" not in build:
        complete.setdefault("dockerfile", "Dockerfile")
    return complete


def _secret_target(secret: Any) -> Any:
    if isinstance(secret, Map) and "target" not in secret and "source" in secret:
        return secret.like({**secret, "target": f"/run/secrets/{secret['source']}"})
    return secret


def _implied(service: Map) -> dict[str, Map]:
    """Dependencies that other keys imply: links, shared namespaces, volumes_from."""
    found: dict[str, Map] = {}
    for link in service.get("links") or ():
        found[link.partition(":")[0]] = _dependency(restart=True)
    for key in ("network_mode", "ipc", "pid", "uts", "cgroup"):
        value = service.get(key)
        if isinstance(value, str) and value.startswith("service:"):
            found[value.removeprefix("service:")] = _dependency(restart=True)
    for source in service.get("volumes_from") or ():
        if not source.startswith("container:"):
            found.setdefault(source.partition(":")[0], _dependency(restart=False))
    return found


def _dependency(*, restart: bool) -> Map:
    return Map({"condition": "service_started", "restart": restart, "required": True})


def _with_default_network(networks: Map, services: Map) -> Map:
    if "default" in networks or not any("default" in (one.get("networks") or ()) for one in services.values()):
        return networks
    return networks.like({**networks, "default": Map()})


def _named(resource: Any, project: str, key: str) -> Map:
    known = resource if isinstance(resource, Map) else Map()
    if known.get("name"):
        return known
    return known.like({"name": key if known.get("external") else f"{project}_{key}", **known})


def without_unused(tree: Map) -> Map:
    """`tree` without the networks, volumes, secrets and configs that no service of it uses."""
    used: dict[str, set[str]] = {"networks": set(), "volumes": set(), "secrets": set(), "configs": set()}
    for service in [*(tree.get("services") or {}).values(), *(tree.get("jobs") or {}).values()]:
        for spec in (service, *(service.get("pre_start") or ())):
            _note_used(spec, used)
    result = tree.like(tree)
    for section, names in used.items():
        known = result.pop(section, None) or Map()
        kept = known.like({key: value for key, value in known.items() if key in names})
        if kept:
            result[section] = kept
    return result


def _note_used(spec: Map, used: dict[str, set[str]]) -> None:
    used["networks"].update(spec.get("networks") or ())
    for mount in spec.get("volumes") or ():
        if isinstance(mount, Map) and mount.get("type") == "volume" and mount.get("source"):
            used["volumes"].add(mount["source"])
    for section in ("secrets", "configs"):
        used[section].update(ref.get("source", "") for ref in spec.get(section) or ())
    used["secrets"].update(ref.get("source", "") for ref in (spec.get("build") or {}).get("secrets") or ())
