"""`--network` and what goes with it."""

from __future__ import annotations

from shoal.cli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal.cli.flags import Options

_PREDEFINED = ("bridge", "host", "none", "default", "nat", "")
_FIELDS = {
    "ip": ("IPAMConfig", "IPv4Address"),
    "ip6": ("IPAMConfig", "IPv6Address"),
    "mac-address": ("", "MacAddress"),
    "gw-priority": ("", "GwPriority"),
}


class NetworkFields:
    """mode: HostConfig.NetworkMode; endpoints: {network: EndpointSettings}."""

    __slots__ = ("endpoints", "mode")

    def __init__(self, mode: str, endpoints: dict[str, Any]) -> None:
        self.mode = mode
        self.endpoints = endpoints


def network_fields(options: Options) -> NetworkFields:
    """The networks that the flags name; the first one is the mode. Raises: UsageError with docker's words."""
    attachments = [_parse_network(text) for text in options.list("network") + options.list("net")]
    names = [name for name, _ in attachments]
    if len(set(names)) != len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise UsageError(f'network "{double}" is specified multiple times')
    if len(names) > 1 and not all(_is_user_defined(name) or name == "bridge" for name in names):
        raise UsageError("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
    first_name, first = attachments[0] if attachments else ("", {})
    _add_common(first, first_name, options)
    endpoints = {name: settings for name, settings in attachments if settings or len(attachments) > 1}
    if first and not attachments:
        first_name, endpoints = "bridge", {"bridge": first}
    return NetworkFields(first_name or "default", endpoints)


def _add_common(endpoint: dict[str, Any], network: str, options: Options) -> None:
    aliases = options.list("network-alias") + options.list("net-alias")
    if aliases and not _is_user_defined(network):
        raise UsageError("network-scoped aliases are only supported for user-defined networks")
    ipam = {
        "IPv4Address": options.text("ip"),
        "IPv6Address": options.text("ip6"),
        "LinkLocalIPs": options.list("link-local-ip"),
    }
    given = {key: value for key, value in ipam.items() if value}
    if given and not _is_user_defined(network) and network not in ("bridge", "", "default"):
        raise UsageError("user specified IP address is supported on user defined networks only")
    if aliases:
        endpoint["Aliases"] = [*endpoint.get("Aliases", []), *aliases]
    if given:
        endpoint["IPAMConfig"] = {**endpoint.get("IPAMConfig", {}), **given}
    if options.list("link") and _is_user_defined(network):
        endpoint["Links"] = options.list("link")
    if options.text("mac-address"):
        endpoint["MacAddress"] = options.text("mac-address")


def _parse_network(text: str) -> tuple[str, dict[str, Any]]:
    if "=" not in text:
        return text, {}
    name, settings = "", {}  # type: str, dict[str, Any]
    for field in text.split(","):
        key, equals, value = field.partition("=")
        key = key.strip().lower()
        if not equals:
            raise UsageError(f'invalid argument "{text}" for "--network" flag: invalid field {field}')
        if key == "name":
            name = value
        elif key == "alias":
            settings.setdefault("Aliases", []).append(value)
        elif key == "driver-opt":
            option, _, content = value.partition("=")
            settings.setdefault("DriverOpts", {})[option] = content
        elif key == "link-local-ip":
            settings.setdefault("IPAMConfig", {}).setdefault("LinkLocalIPs", []).append(value)
        elif key in _FIELDS:
            section, field_name = _FIELDS[key]
            place = settings.setdefault(section, {}) if section else settings
            place[field_name] = int(value) if key == "gw-priority" else value
        else:
            raise UsageError(f'invalid argument "{text}" for "--network" flag: invalid field key {key}')
    if not name:
        raise UsageError(f'invalid argument "{text}" for "--network" flag: network name/id is not specified')
    return name, settings


def _is_user_defined(network: str) -> bool:
    return network not in _PREDEFINED and not network.startswith("container:")
