"""The body of POST /containers/create <-> ContainerSpec. Source: Docker Engine API v1.51, ContainerCreate."""

from dataclasses import replace
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.container import ContainerSpec
from shoal.model.mount import BindOptions, MountType
from shoal.wire.container.config import CONFIG
from shoal.wire.container.host import decode_host, encode_host
from shoal.wire.container.networking import check_mac, read_endpoints
from shoal.wire.container.ports import expand_exposed
from shoal.wire.container.validate import check_spec
from shoal.wire.fields import decode, encode, read_object


def decode_container(body: Any, api_version: tuple[int, int] = (1, 51)) -> ContainerSpec:
    """What the body asks for, checked as far as that goes without looking at the host.

    Raises: InvalidArgument, in Docker's words
    """
    given = read_object(body, "")
    if not given:
        raise InvalidArgument("config cannot be empty in order to create a container")
    config = decode(CONFIG, given, "")
    config["exposed_ports"] = _exposed(config.get("exposed_ports", ()))
    networking = read_object(given.get("NetworkingConfig"), "NetworkingConfig")
    spec = ContainerSpec(
        **({"image": ""} | config),
        host=decode_host(given.get("HostConfig"), "HostConfig"),
        endpoints=read_endpoints(networking.get("EndpointsConfig"), "NetworkingConfig.EndpointsConfig"),
    )
    check_mac(spec.mac_address)
    if api_version < (1, 44):
        spec = _old_read_only(spec)
    check_spec(spec)
    return spec


def _exposed(ports: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(port for item in ports for port in expand_exposed(item)))


def _old_read_only(spec: ContainerSpec) -> ContainerSpec:
    """Before API 1.44 a read-only bind was so at its top only."""
    mounts = tuple(
        replace(m, bind=replace(m.bind or BindOptions(), read_only_non_recursive=True))
        if m.type is MountType.BIND and m.read_only
        else m
        for m in spec.host.mounts
    )
    return replace(spec, host=replace(spec.host, mounts=mounts))


def encode_config(spec: ContainerSpec) -> dict[str, Any]:
    """The `Config` that inspect shows."""
    return encode(CONFIG, spec)


__all__ = ["decode_container", "encode_config", "encode_host"]
