"""What must agree across a whole project: references, exclusive keys, cycles. All words are Compose's own."""

from collections.abc import Iterator, Mapping
from typing import Any

from shoal.compose.keys.types import did_you_mean
from shoal.compose.loading.tree import BadValue, Map, Path

_INVALID = ": invalid compose project"
#: More containers of one service than any engine runs.
MAX_SCALE = 10_000
_POLICIES = ("no", "always", "on-failure", "unless-stopped")
#: The same limit in two spellings.
_LIMITS = (
    ("cpus", "limits", "cpus"),
    ("mem_limit", "limits", "memory"),
    ("pids_limit", "limits", "pids"),
    ("mem_reservation", "reservations", "memory"),
)


def check_consistency(tree: Map, disabled: Mapping[str, Any]) -> None:
    """Raise BadValue for the first contradiction of a normalised tree.

    disabled: services that their profiles leave out
    """
    services = tree.get("services") or Map()
    for name, service in services.items():
        path: Path = ("services", name)
        for spec, where in _specs(service, path):
            _check_references(tree, name, spec, where)
        _check_service(name, service, path)
        _check_dependencies(services, disabled, name, service, path)
    _check_container_names(services)
    _check_resources(tree)
    _check_cycles(services)


def _specs(service: Map, path: Path) -> Iterator[tuple[Map, Path]]:
    yield service, path
    for position, hook in enumerate(service.get("pre_start") or ()):
        yield hook, (*path, "pre_start", position)


def _bad(path: Path, text: str, hint: str = "") -> BadValue:
    return BadValue(path, text + _INVALID, at_path=False, hint=hint)


def _check_references(tree: Map, name: str, spec: Map, path: Path) -> None:
    networks, volumes = tree.get("networks") or {}, tree.get("volumes") or {}
    for network in spec.get("networks") or ():
        if network not in networks:
            guess = did_you_mean(network, networks)
            raise _bad((*path, "networks", network), f'service "{name}" refers to undefined network {network}{guess}')
    for position, mount in enumerate(spec.get("volumes") or ()):
        source = mount.get("source", "")
        if mount.get("type") == "volume" and source and source not in volumes:
            where: Path = (*path, "volumes", position)
            guess = did_you_mean(source, volumes)
            raise _bad(where, f'service "{name}" refers to undefined volume {source}{guess}')
    _check_files(tree, name, "config", spec.get("configs") or (), (*path, "configs"))
    _check_files(tree, name, "secret", spec.get("secrets") or (), (*path, "secrets"))
    build_secrets = (spec.get("build") or {}).get("secrets") or ()
    _check_files(tree, name, "secret", build_secrets, (*path, "build", "secrets"))


def _check_files(tree: Map, name: str, kind: str, refs: Any, path: Path) -> None:
    known = tree.get(f"{kind}s") or {}
    for position, ref in enumerate(refs):
        source = ref.get("source")
        if not source:
            raise BadValue((*path, position), '"source" is required')
        if source not in known:
            guess = did_you_mean(source, known)
            raise _bad((*path, position), f'service "{name}" refers to undefined {kind} {source}{guess}')


def _check_service(name: str, service: Map, path: Path) -> None:
    build = service.get("build")
    if not service.get("image") and build is None and "provider" not in service:
        raise _bad(path, f'service "{name}" has neither an image nor a build context specified')
    if service.get("network_mode") and service.get("networks"):
        text = f"service {name} declares mutually exclusive `network_mode` and `networks`"
        raise _bad((*path, "network_mode"), text)
    if isinstance(build, Map):
        _check_build(name, service, build, path)
    _check_restart(service, path)
    _check_limits(name, service, path)
    _check_mounts(service, path)
    test = (service.get("healthcheck") or {}).get("test")
    if test is not None and len(test) == 0:
        raise BadValue((*path, "healthcheck", "test"), "the list must not be empty")


def _check_restart(service: Map, path: Path) -> None:
    policy, colon, count = str(service.get("restart") or "no").partition(":")
    if policy not in _POLICIES:
        text = f'invalid restart policy "{policy}", expected no, always, on-failure[:max-retries] or unless-stopped'
        raise BadValue((*path, "restart"), text)
    if colon and (policy != "on-failure" or not count.isdecimal()):
        text = f'a maximum retry count must be a number and goes with on-failure only, got "{service["restart"]}"'
        raise BadValue((*path, "restart"), text)
    condition = ((service.get("deploy") or {}).get("restart_policy") or {}).get("condition", "any")
    if condition not in ("none", "on-failure", "any", *_POLICIES):
        where: Path = (*path, "deploy", "restart_policy", "condition")
        raise BadValue(where, f'expected none, on-failure or any, got "{condition}"')


def _check_build(name: str, service: Map, build: Map, path: Path) -> None:
    if build.get("dockerfile") and build.get("dockerfile_inline"):
        text = f'service "{name}" declares mutualy exclusive dockerfile and dockerfile_inline'
        raise _bad((*path, "build", "dockerfile"), text)
    platforms, platform = build.get("platforms") or (), service.get("platform")
    if platforms and platform and platform not in platforms:
        raise _bad((*path, "build", "platforms"), f'service.build.platforms MUST include service.platform "{platform}"')


def _check_limits(name: str, service: Map, path: Path) -> None:
    deploy = service.get("deploy") or {}
    replicas, scale = deploy.get("replicas"), service.get("scale")
    if replicas is not None and scale is not None and replicas != scale:
        raise _bad(path, f"services.{name}: can't set distinct values on 'scale' and 'deploy.replicas'")
    wanted = scale if scale is not None else replicas
    if isinstance(wanted, int) and not 0 <= wanted <= MAX_SCALE:
        raise _bad(path, f"services.{name}: can't run {wanted} containers")
    if service.get("container_name") and isinstance(wanted, int) and wanted > 1:
        text = f"services.{name}: can't set container_name and deploy.replicas as container name must be unique"
        raise _bad((*path, "container_name"), text)
    resources = deploy.get("resources") or {}
    for key, kind, other in _LIMITS:
        short, long = service.get(key), (resources.get(kind) or {}).get(other)
        if short is not None and long is not None and short != long:
            text = f"services.{name}: can't set distinct values on '{key}' and 'deploy.resources.{kind}.{other}'"
            raise _bad((*path, key), text)


def _check_mounts(service: Map, path: Path) -> None:
    """Two mounts can't have one target."""
    seen: dict[str, str] = {}
    entries = [(mount.get("target"), f"volumes[{i}]") for i, mount in enumerate(service.get("volumes") or ())]
    for kind, folder in (("configs", ""), ("secrets", "/run/secrets")):
        for i, ref in enumerate(service.get(kind) or ()):
            target = str(ref.get("target") or ref.get("source"))
            entries.append((target if target.startswith("/") else f"{folder}/{target}", f"{kind}[{i}]"))
    for target, where in entries:
        if target in seen:
            text = f"{'.'.join(map(str, path))}.{where}: target {target} already mounted as {seen[target]}"
            raise _bad((*path, where.split("[")[0]), text)
        if target:
            seen[target] = where


def _check_dependencies(services: Map, disabled: Mapping[str, Any], name: str, service: Map, path: Path) -> None:
    for dependency, entry in (service.get("depends_on") or {}).items():
        if dependency in services or (dependency in disabled and not entry.get("required", True)):
            continue
        where: Path = (*path, "depends_on", dependency)
        if dependency in disabled:
            profiles = ", ".join(disabled[dependency].get("profiles") or ())
            hint = f"enable it with --profile ({profiles}), or say `required: false`"
            raise _bad(where, f'service "{name}" depends on disabled service "{dependency}"', hint)
        guess = did_you_mean(dependency, services)
        raise _bad(where, f'service "{name}" depends on undefined service "{dependency}"{guess}')


def _check_container_names(services: Map) -> None:
    seen: dict[str, str] = {}
    for name, service in services.items():
        wanted = service.get("container_name")
        if wanted and wanted in seen:
            text = f'services.{name}: container name "{wanted}" is already in use by "services.{seen[wanted]}"'
            raise _bad(("services", name, "container_name"), text)
        if wanted:
            seen[wanted] = name


def _check_resources(tree: Map) -> None:
    for section in ("networks", "volumes"):
        for name, resource in (tree.get(section) or {}).items():
            extra = [key for key in resource if key not in ("name", "external") and not key.startswith("x-")]
            if resource.get("external") and extra:
                text = f'{section}.{name}: conflicting parameters "external" and "{extra[0]}" specified'
                raise BadValue((section, name), text, at_path=False)
    for section, sources in (("secrets", ("file", "environment")), ("configs", ("file", "content", "environment"))):
        for name, resource in (tree.get(section) or {}).items():
            given = [key for key in sources if key in resource]
            if resource.get("external") or resource.get("driver"):
                given = given or ["external"]
            if len(given) != 1:
                words = "|".join(sources)
                text = (
                    f"{section}.{name}: one of {words} must be set" if not given else _exclusive(section, name, given)
                )
                raise BadValue((section, name), text, at_path=False)


def _exclusive(section: str, name: str, given: list[str]) -> str:
    return f"{section}.{name}: {'|'.join(given)} attributes are mutually exclusive"


def _check_cycles(services: Map) -> None:
    """Raise where services wait for each other in a circle."""
    done: set[str] = set()
    for start in services:
        trail: list[str] = []
        stack: list[Iterator[str]] = [iter((start,))]
        while stack:
            name = next(stack[-1], None)
            if name is None:
                stack.pop()
                if trail:
                    done.add(trail.pop())
                continue
            if name in trail:
                circle = " -> ".join((*trail[trail.index(name) :], name))
                raise BadValue(("services", name, "depends_on"), f"dependency cycle detected: {circle}", at_path=False)
            if name in done or name not in services:
                continue
            trail.append(name)
            stack.append(iter(services[name].get("depends_on") or ()))
