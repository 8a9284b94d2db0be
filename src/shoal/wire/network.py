"""Docker's JSON of networks. Source: Docker Engine API v1.51, Network, NetworkCreateRequest, NetworkContainer."""

from collections.abc import Sequence
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.endpoint import EndpointSettings
from shoal.model.network import Ipam, Network, NetworkSpec, Pool, Sandbox
from shoal.wire.container.networking import decode_endpoint_settings
from shoal.wire.fields import decode, flag, objects, read_object, read_text, text, text_map
from shoal.wire.times import encode_time

_POOL = (
    text("Subnet", "subnet"),
    text("IPRange", "ip_range"),
    text("Gateway", "gateway"),
    text_map("AuxiliaryAddresses", "aux_addresses"),
)
_IPAM = (
    text("Driver", "driver"),
    objects("Config", "config", _POOL, Pool),
    text_map("Options", "options"),
)
_CREATE = (
    text("Name", "name"),
    text("Driver", "driver"),
    text("Scope", "scope"),
    flag("EnableIPv4", "enable_ipv4"),
    flag("EnableIPv6", "enable_ipv6"),
    flag("Internal", "internal"),
    flag("Attachable", "attachable"),
    flag("Ingress", "ingress"),
    flag("ConfigOnly", "config_only"),
    text_map("Options", "options"),
    text_map("Labels", "labels"),
)


def decode_network_create(body: Any) -> NetworkSpec:
    """The body of POST /networks/create. Raises: InvalidArgument"""
    given = decode(_CREATE, body, "")
    source = read_object(body, "")
    given["driver"] = given.get("driver") or "bridge"
    ipam = decode(_IPAM, source.get("IPAM"), "IPAM")
    ipam["driver"] = ipam.get("driver") or "default"
    config_from = read_object(source.get("ConfigFrom"), "ConfigFrom").get("Network") or ""
    if "name" not in given:
        raise InvalidArgument("invalid name: name is empty")
    return NetworkSpec(**given, ipam=Ipam(**ipam), config_from=read_text(config_from, "ConfigFrom.Network"))


def decode_connect(body: Any) -> tuple[str, EndpointSettings]:
    """(container, settings) of POST /networks/{id}/connect. Raises: InvalidArgument"""
    source = read_object(body, "")
    settings = decode_endpoint_settings(source.get("EndpointConfig"), "EndpointConfig")
    return _container(source.get("Container")), settings


def decode_disconnect(body: Any) -> tuple[str, bool]:
    """(container, force) of POST /networks/{id}/disconnect. Raises: InvalidArgument"""
    source = read_object(body, "")
    return _container(source.get("Container")), bool(source.get("Force"))


def _container(value: Any) -> str:
    name = read_text(value or "", "Container")
    if not name:
        raise InvalidArgument("Container: expected the name or id of a container, got nothing")
    return name


def encode_network(
    network: Network, sandboxes: Sequence[Sandbox] | None = None, api_version: tuple[int, int] = (1, 51)
) -> dict[str, Any]:
    """A network. sandboxes: running containers on it, for inspect; None in lists"""
    spec = network.spec
    body: dict[str, Any] = {
        "Name": spec.name,
        "Id": network.id,
        "Created": encode_time(network.created_at),
        "Scope": spec.scope or "local",
        "Driver": spec.driver,
        "EnableIPv4": spec.enable_ipv4,
        "EnableIPv6": spec.enable_ipv6,
        "IPAM": {
            "Driver": spec.ipam.driver,
            "Options": dict(spec.ipam.options) or None,
            "Config": [_encode_pool(pool) for pool in spec.ipam.config],
        },
        "Internal": spec.internal,
        "Attachable": spec.attachable,
        "Ingress": spec.ingress,
        "ConfigFrom": {"Network": spec.config_from},
        "ConfigOnly": spec.config_only,
        "Containers": {},
        "Options": dict(spec.options),
        "Labels": dict(spec.labels),
    }
    for sandbox in sandboxes or ():
        body["Containers"][sandbox.container_id] = _encode_container(network, sandbox)
    if api_version < (1, 48):
        del body["EnableIPv4"]
    return body


def _encode_pool(pool: Pool) -> dict[str, Any]:
    pairs = {
        "Subnet": pool.subnet,
        "IPRange": pool.ip_range,
        "Gateway": pool.gateway,
        "AuxiliaryAddresses": dict(pool.aux_addresses),
    }
    return {key: value for key, value in pairs.items() if value}


def _encode_container(network: Network, sandbox: Sandbox) -> dict[str, str]:
    endpoint = next(e for e in sandbox.endpoints.values() if e.network_id == network.id)
    return {
        "Name": sandbox.request.name,
        "EndpointID": endpoint.endpoint_id,
        "MacAddress": endpoint.mac_address,
        "IPv4Address": f"{endpoint.ipv4_address}/{endpoint.ipv4_prefix}" if endpoint.ipv4_address else "",
        "IPv6Address": f"{endpoint.ipv6_address}/{endpoint.ipv6_prefix}" if endpoint.ipv6_address else "",
    }
