"""What a stack refuses of a file: keys by the table, and values that have no meaning in a cluster."""

from collections.abc import Iterator, Mapping
from typing import Any

from shoal.compose.keys.container import OTHER_TASKS
from shoal.compose.keys.table import ROOT
from shoal.compose.keys.types import Key
from shoal.compose.loading.tree import BadValue, Map, Path, dotted, locate, marks_of
from shoal.compose.to_services.jobs import job_refusals
from shoal.errors import NotSupported

#: (path, why)
Refusal = tuple[Path, str]

MODES = ("replicated", "global", "replicated-job", "global-job")
NETWORK_MODES = ("host", "none", "bridge", "default")
_NAMESPACES = ("network_mode", "pid", "ipc", "uts", "cgroup", "userns_mode")
_FAILURE_ACTIONS = {
    "update_config": ("pause", "continue", "rollback"),
    "rollback_config": ("pause", "continue"),
}


def check_stack(tree: Map) -> None:
    """Raise for everything in a normalised tree that can't be done in a stack, all at once, in the order of the table.

    Raises: NotSupported with a line for each; BadValue for a value that is never right
    """
    refused: list[Refusal] = []

    def report(path: Path, key: Key, value: Any) -> None:
        if key.stack_error and value is not None and value not in ([], {}, False):
            refused.append((path, key.stack_error))

    ROOT.walk(tree, (), report)
    for section in ("services", "jobs"):
        for name, service in (tree.get(section) or {}).items():
            path: Path = (section, name)
            _check_values(path, service)
            refused += _refusals(path, service, tree)
    refused += _network_refusals(tree)
    if refused:
        raise NotSupported("\n".join(_line(tree, path, why) for path, why in dict.fromkeys(refused)))


def _line(tree: Map, path: Path, why: str) -> str:
    mark = locate(tree, path)
    where = f"{mark}: " if mark else ""
    return f"{where}{dotted(path)}: not possible in a stack: {why}"


# -- values that are wrong


def _check_values(path: Path, service: Mapping[str, Any]) -> None:
    deploy, at = service.get("deploy") or {}, (*path, "deploy")
    mode = deploy.get("mode")
    _one_of((*at, "mode"), mode, MODES)
    _one_of((*at, "endpoint_mode"), deploy.get("endpoint_mode"), ("vip", "dnsrr"))
    for key, actions in _FAILURE_ACTIONS.items():
        config = deploy.get(key) or {}
        _one_of((*at, key, "failure_action"), config.get("failure_action"), actions)
        _check_numbers((*at, key), config)
    for i, text in enumerate((deploy.get("placement") or {}).get("constraints") or ()):
        if not _is_constraint(str(text)):
            where: Path = (*at, "placement", "constraints", i)
            raise BadValue(where, f'expected <key> == <value> or <key> != <value>, got "{text}"')
    counted = next((key for key in ("replicas",) if deploy.get(key) is not None), "")
    if counted and mode in ("global", "global-job"):
        raise BadValue((*at, counted), f"replicas can only be used with replicated or replicated-job mode, not {mode}")


def _one_of(path: Path, value: Any, words: tuple[str, ...]) -> None:
    if value is not None and value not in words:
        raise BadValue(path, f'expected {", ".join(words[:-1])} or {words[-1]}, got "{value}"')


def _check_numbers(path: Path, config: Mapping[str, Any]) -> None:
    parallelism, ratio = config.get("parallelism"), config.get("max_failure_ratio")
    if isinstance(parallelism, int) and parallelism < 0:
        raise BadValue((*path, "parallelism"), f"expected 0 or more, got {parallelism}")
    if isinstance(ratio, (int, float)) and not 0 <= ratio <= 1:
        raise BadValue((*path, "max_failure_ratio"), f"expected a number from 0 to 1, got {ratio}")


def _is_constraint(text: str) -> bool:
    for operator in ("==", "!="):
        key, found, value = text.partition(operator)
        if found:
            return bool(key.strip() and value.strip())
    return False


# -- values that a cluster has no place for


def _refusals(path: Path, service: Mapping[str, Any], tree: Map) -> Iterator[Refusal]:
    for key in _NAMESPACES:
        value = str(service.get(key) or "")
        if value.startswith(("service:", "container:")):
            yield (*path, key), OTHER_TASKS
    mode = str(service.get("network_mode") or "default")
    if mode not in NETWORK_MODES and ":" not in mode:
        yield (*path, "network_mode"), f'expected host, none or bridge; list "{mode}" under networks'
    if mode in ("host", "none") and service.get("ports"):
        yield (*path, "ports"), f"network_mode {mode} publishes no ports"
    if len((service.get("build") or {}).get("platforms") or ()) > 1:
        yield (*path, "build", "platforms"), "one platform is built"
    yield from _port_refusals(path, service)
    yield from _mount_refusals(path, service)
    yield from _link_refusals(path, service, tree)
    yield from job_refusals(path, service)


def _port_refusals(path: Path, service: Mapping[str, Any]) -> Iterator[Refusal]:
    is_dnsrr = (service.get("deploy") or {}).get("endpoint_mode") == "dnsrr"
    for i, port in enumerate(service.get("ports") or ()):
        at: Path = (*path, "ports", i)
        is_ingress = port.get("mode", "ingress") == "ingress"
        if "-" in str(port.get("published") or ""):
            yield (*at, "published"), "expected one port, which is the same on every node"
        if is_ingress and is_dnsrr:
            yield at, "endpoint_mode dnsrr has no routing mesh; use mode: host"


def _mount_refusals(path: Path, service: Mapping[str, Any]) -> Iterator[Refusal]:
    for i, mount in enumerate(service.get("volumes") or ()):
        at: Path = (*path, "volumes", i)
        if mount.get("type") in ("cluster", "npipe"):
            yield (*at, "type"), f"there are no mounts of type {mount['type']}"
        bind = mount.get("bind") or {}
        # the short form says it without anybody having written it
        if bind.get("create_host_path") and "create_host_path" in marks_of(bind):
            why = "no node gets an empty folder in place of the files meant; make the path on the nodes"
            yield (*at, "bind", "create_host_path"), why


def _link_refusals(path: Path, service: Mapping[str, Any], tree: Map) -> Iterator[Refusal]:
    own = set(service.get("networks") or ())
    for i, link in enumerate(service.get("links") or ()):
        name = link.partition(":")[0]
        other = (tree.get("services") or {}).get(name) or (tree.get("jobs") or {}).get(name) or {}
        if not own & set(other.get("networks") or ()):
            yield (*path, "links", i), f'"{name}" is on none of the networks that this service is on'


def _network_refusals(tree: Map) -> Iterator[Refusal]:
    for name, network in (tree.get("networks") or {}).items():
        driver = network.get("driver")
        if not network.get("external") and driver not in (None, "", "overlay"):
            yield ("networks", name, "driver"), f"{driver} networks are of one host; leave it out, or say overlay"
    for section in ("secrets", "configs"):
        for name, one in (tree.get(section) or {}).items():
            _one_of((section, name, "template_driver"), one.get("template_driver"), ("golang",))
