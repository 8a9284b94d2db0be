"""Endpoints on the wire. Source: Docker Engine API v1.51, EndpointSettings."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.endpoint import Endpoint, EndpointSettings
from shoal.wire.fields import decode, number, read_object, strings, text, text_map

_SETTINGS = (
    strings("Aliases", "aliases"),
    strings("Links", "links"),
    text("MacAddress", "mac_address"),
    text_map("DriverOpts", "driver_opts"),
    number("GwPriority", "priority"),
)
_IPAM = (
    text("IPv4Address", "ipv4_address"),
    text("IPv6Address", "ipv6_address"),
    strings("LinkLocalIPs", "link_local_ips"),
)
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}")


def decode_endpoint_settings(value: Any, path: str) -> EndpointSettings:
    """Of a create body, or of a network connect's EndpointConfig. Raises: InvalidArgument"""
    given = read_object(value, path)
    ipam = decode(_IPAM, given.get("IPAMConfig"), f"{path}.IPAMConfig")
    settings = EndpointSettings(**decode(_SETTINGS, given, path), **ipam)
    check_mac(settings.mac_address)
    _check_address(settings.ipv4_address, 4)
    _check_address(settings.ipv6_address, 6)
    return settings


def check_mac(address: str) -> None:
    """Nothing, or raises: InvalidArgument"""
    if address and not _MAC.fullmatch(address):
        raise InvalidArgument(f"invalid MAC address: {address}")


def _check_address(address: str, version: int) -> None:
    if not address:
        return
    try:
        if "%" not in address and ipaddress.ip_address(address).version == version:
            return
    except ValueError:
        pass
    raise InvalidArgument(f"invalid IPv{version} address: {address}")


def read_endpoints(value: Any, path: str) -> dict[str, EndpointSettings]:
    """NetworkingConfig.EndpointsConfig: {network: settings}. Raises: InvalidArgument"""
    return {name: decode_endpoint_settings(item, f"{path}.{name}") for name, item in read_object(value, path).items()}


def encode_endpoint(
    settings: EndpointSettings, endpoint: Endpoint | None, api_version: tuple[int, int] = (1, 51)
) -> dict[str, Any]:
    """One entry of NetworkSettings.Networks: the wish and, while the container runs, what came of it."""
    ipam = {
        "IPv4Address": settings.ipv4_address,
        "IPv6Address": settings.ipv6_address,
        "LinkLocalIPs": list(settings.link_local_ips),
    }
    now = endpoint or Endpoint(network_id="", network_name="")
    result: dict[str, Any] = {
        "IPAMConfig": {key: item for key, item in ipam.items() if item} or None,
        "Links": list(settings.links) or None,
        "Aliases": list(settings.aliases) or None,
        "MacAddress": now.mac_address,
        "DriverOpts": dict(settings.driver_opts) or None,
        "GwPriority": settings.priority,
        "NetworkID": now.network_id,
        "EndpointID": now.endpoint_id,
        "Gateway": now.ipv4_gateway,
        "IPAddress": now.ipv4_address,
        "IPPrefixLen": now.ipv4_prefix,
        "IPv6Gateway": now.ipv6_gateway,
        "GlobalIPv6Address": now.ipv6_address,
        "GlobalIPv6PrefixLen": now.ipv6_prefix,
        "DNSNames": list(now.dns_names) or None,
    }
    if api_version < (1, 48):
        del result["GwPriority"]
    if api_version < (1, 44):
        del result["DNSNames"]
        result["Aliases"] = list(now.aliases or settings.aliases) or None
    return result


def encode_endpoints(
    wishes: Mapping[str, EndpointSettings], endpoints: Mapping[str, Endpoint], api_version: tuple[int, int]
) -> dict[str, dict[str, Any]]:
    """NetworkSettings.Networks."""
    names = [*wishes, *(name for name in endpoints if name not in wishes)]
    default = EndpointSettings()
    return {name: encode_endpoint(wishes.get(name, default), endpoints.get(name), api_version) for name in names}
