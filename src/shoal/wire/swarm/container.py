"""TaskTemplate.ContainerSpec <-> ContainerSpec. Source: Docker Engine API v1.51, TaskSpec.

What Docker's keys can't say goes into `HostConfig`, `Config` and `NetworkingConfig` (see the package).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.container import ContainerSpec, HostSpec
from shoal.model.endpoint import EndpointSettings
from shoal.model.health import Healthcheck
from shoal.model.resources import Ulimit
from shoal.model.units import NS_PER_S
from shoal.wire.container.config import HEALTHCHECK
from shoal.wire.container.host import decode_host, encode_host
from shoal.wire.container.mounts import read_mounts, write_mount
from shoal.wire.container.networking import check_mac, read_endpoints
from shoal.wire.fields import (
    OMIT,
    Field,
    decode,
    encode,
    flag,
    keys,
    maybe,
    nested,
    number,
    objects,
    read_flag,
    read_int,
    read_object,
    read_text,
    read_words,
    strings,
    text,
    text_map,
)
from shoal.wire.swarm.files import KEYS
from shoal.wire.swarm.privileges import read_hosts, read_privileges, write_hosts, write_privileges
from shoal.wire.swarm.values import full


def _read_command(value: Any, path: str) -> tuple[str, ...] | None:
    """An empty one is the image's; [""] takes the image's away."""
    command = read_words(value, path)
    return None if not command else () if command == ("",) else command


def _write_command(command: tuple[str, ...] | None) -> Any:
    return OMIT if command is None else list(command) or [""]


def _read_grace(value: Any, path: str) -> int:
    """Whole seconds, never fewer than asked for."""
    ns = read_int(value, path)
    if ns < 0:
        raise InvalidArgument(f"{path}: expected a duration that is not negative, got {ns}")
    return -(-ns // NS_PER_S)


def _write_grace(seconds: int | None) -> Any:
    return OMIT if seconds is None else seconds * NS_PER_S


def _ulimit(**given: Any) -> Ulimit:
    values: dict[str, Any] = {"name": "", "soft": 0, "hard": 0}
    return Ulimit(**(values | given))


def _read_isolation(value: Any, path: str) -> str:
    return read_text(value, path).replace("default", "")


_CONTAINER = (
    text("Image", "image"),
    text_map("Labels", "labels", empty=OMIT),
    Field("Command", "entrypoint", _read_command, _write_command),
    Field("Args", "cmd", read_words, lambda cmd: OMIT if cmd is None else list(cmd)),
    text("Hostname", "hostname", empty=OMIT),
    strings("Env", "env", empty=OMIT),
    text("Dir", "workdir", empty=OMIT),
    text("User", "user", empty=OMIT),
    flag("TTY", "tty", empty=OMIT),
    flag("OpenStdin", "open_stdin", empty=OMIT),
    text("StopSignal", "stop_signal", empty=OMIT),
    Field("StopGracePeriod", "stop_timeout_s", _read_grace, _write_grace),
)
#: dockerd writes "Healthcheck", the contract calls it "HealthCheck"
_HEALTH = nested("Healthcheck", "healthcheck", HEALTHCHECK, Healthcheck, empty=OMIT)
_HEALTH_OF_CONTRACT = replace(_HEALTH, key="HealthCheck")
_HOST = (
    strings("Groups", "group_add", empty=OMIT),
    flag("ReadOnly", "readonly_rootfs", empty=OMIT),
    Field("Mounts", "mounts", read_mounts, lambda mounts: [write_mount(m) for m in mounts] or OMIT),
    number("OomScoreAdj", "oom_score_adj", empty=OMIT),
    Field("Isolation", "isolation", _read_isolation, lambda value: value or "default"),
    maybe("Init", "init", read_flag, empty=OMIT),
    text_map("Sysctls", "sysctls", empty=OMIT),
    strings("CapabilityAdd", "cap_add", empty=OMIT),
    strings("CapabilityDrop", "cap_drop", empty=OMIT),
)
_DNS = (
    strings("Nameservers", "dns", empty=OMIT),
    strings("Search", "dns_search", empty=OMIT),
    strings("Options", "dns_options", empty=OMIT),
)
_ULIMITS = objects(
    "Ulimits", "ulimits", (text("Name", "name"), number("Hard", "hard"), number("Soft", "soft")), _ulimit, empty=OMIT
)
_CONFIG = (
    text("Domainname", "domainname", empty=OMIT),
    flag("AttachStdin", "attach_stdin", empty=OMIT),
    flag("AttachStdout", "attach_stdout", empty=OMIT),
    flag("AttachStderr", "attach_stderr", empty=OMIT),
    keys("ExposedPorts", "exposed_ports", empty=OMIT),
    flag("StdinOnce", "stdin_once", empty=OMIT),
    flag("ArgsEscaped", "args_escaped", empty=OMIT),
    keys("Volumes", "volumes", empty=OMIT),
    flag("NetworkDisabled", "network_disabled", empty=OMIT),
    text("MacAddress", "mac_address", empty=OMIT),
    strings("OnBuild", "on_build", empty=OMIT),
    strings("Shell", "shell", empty=OMIT),
)
_ENDPOINT = (
    strings("Aliases", "aliases", empty=OMIT),
    strings("Links", "links", empty=OMIT),
    text("MacAddress", "mac_address", empty=OMIT),
    text_map("DriverOpts", "driver_opts", empty=OMIT),
    number("GwPriority", "priority", empty=OMIT),
)
_ADDRESSES = (
    text("IPv4Address", "ipv4_address", empty=OMIT),
    text("IPv6Address", "ipv6_address", empty=OMIT),
    strings("LinkLocalIPs", "link_local_ips", empty=OMIT),
)
EXTRAS = ("HostConfig", "Config", "NetworkingConfig")
KNOWN_KEYS = (
    *(field.key for field in (*_CONTAINER, _HEALTH, _HEALTH_OF_CONTRACT, *_HOST, _ULIMITS)),
    *("Privileges", "Hosts", "DNSConfig"),
    *(key for key, _, _ in KEYS.values()),
    *EXTRAS,
)


def decode_container_spec(value: Any, path: str) -> ContainerSpec:
    """Everything but the limits, which are beside it on the wire. Raises: InvalidArgument"""
    given = read_object(value, path)
    networking = read_object(given.get("NetworkingConfig"), f"{path}.NetworkingConfig")
    values = {"image": ""} | decode(_CONFIG, given.get("Config"), f"{path}.Config")
    spec = ContainerSpec(
        **(values | decode((*_CONTAINER, _HEALTH_OF_CONTRACT, _HEALTH), given, path)),
        host=_read_host(given, path),
        endpoints=read_endpoints(networking.get("EndpointsConfig"), f"{path}.NetworkingConfig.EndpointsConfig"),
    )
    check_mac(spec.mac_address)
    return spec


def _read_host(given: Mapping[str, Any], path: str) -> HostSpec:
    host = decode_host(given.get("HostConfig"), f"{path}.HostConfig")
    values = decode(_HOST, given, path) | decode(_DNS, given.get("DNSConfig"), f"{path}.DNSConfig")
    if given.get("Hosts") is not None:
        values["extra_hosts"] = read_hosts(given["Hosts"], f"{path}.Hosts")
    if given.get("Privileges") is not None:
        values["security_opt"] = (*host.security_opt, *read_privileges(given["Privileges"], f"{path}.Privileges"))
    resources = replace(host.resources, **decode((_ULIMITS,), given, path))
    return replace(host, **values, resources=resources)


def encode_container_spec(spec: ContainerSpec) -> dict[str, Any]:
    """Docker's keys, and those extra keys that are needed. Limits stay away: they are beside it on the wire."""
    host = spec.host
    body = encode((*_CONTAINER, _HEALTH), spec) | encode(_HOST, host) | encode((_ULIMITS,), host.resources)
    said = {field.attr for field in (*_HOST, *_DNS)}
    if host.security_opt and (privileges := write_privileges(host.security_opt)) is not None:
        body["Privileges"] = privileges
        said.add("security_opt")
    if host.extra_hosts and (lines := write_hosts(host.extra_hosts)) is not None:
        body["Hosts"] = lines
        said.add("extra_hosts")
    endpoints = {name: _write_endpoint(settings) for name, settings in spec.endpoints.items()}
    return body | full(
        DNSConfig=encode(_DNS, host),
        HostConfig=_rest(host, said),
        Config=encode(_CONFIG, spec),
        NetworkingConfig={"EndpointsConfig": endpoints} if endpoints else None,
    )


_PLAIN_HOST = HostSpec()
_PLAIN_BODY = encode_host(_PLAIN_HOST)


def _rest(host: HostSpec, said: set[str]) -> dict[str, Any]:
    """What `HostConfig` has to say: what is not the default and is not said elsewhere."""
    resources = replace(host.resources, nano_cpus=0, memory_bytes=0, ulimits=())
    if (resources.pids_limit or 0) > 0:
        resources = replace(resources, pids_limit=None)
    plain = {attr: getattr(_PLAIN_HOST, attr) for attr in said}
    body = encode_host(replace(host, **plain, resources=resources))
    return {key: value for key, value in body.items() if key not in _PLAIN_BODY or value != _PLAIN_BODY[key]}


def _write_endpoint(settings: EndpointSettings) -> dict[str, Any]:
    return encode(_ENDPOINT, settings) | full(IPAMConfig=encode(_ADDRESSES, settings))
