"""`shoal network create`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, several, switch
from shoal.cli.values import split_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def create_body(options: Options, name: str) -> dict[str, Any]:
    """Body of POST /networks/create. Raises: UsageError with docker's words."""
    body: dict[str, Any] = {
        "Name": name,
        "Driver": options.text("driver"),
        "Scope": options.text("scope"),
        "ConfigOnly": options.flag("config-only"),
        "Internal": options.flag("internal"),
        "Attachable": options.flag("attachable"),
        "Ingress": options.flag("ingress"),
        "Options": _map(options.list("opt")),
        "Labels": _map(options.list("label")),
        "IPAM": {
            "Driver": options.text("ipam-driver") or "default",
            "Options": _map(options.list("ipam-opt")),
            "Config": ipam_config(options),
        },
    }
    if options.text("config-from"):
        body["ConfigFrom"] = {"Network": options.text("config-from")}
    for flag, key in (("ipv4", "EnableIPv4"), ("ipv6", "EnableIPv6")):
        if options.is_given(flag):
            body[key] = options.flag(flag)
    return body


def ipam_config(options: Options) -> list[dict[str, Any]]:
    """IPAM.Config: every range, gateway and auxiliary address goes to the subnet that holds it."""
    import ipaddress

    subnets: dict[Any, dict[str, Any]] = {}
    for text in options.list("subnet"):
        network = _parsed(ipaddress.ip_network, text, "subnet", strict=False)
        if any(network.version == other.version and network.overlaps(other) for other in subnets):
            raise UsageError("multiple overlapping subnet configuration is not supported")
        subnets[network] = {"Subnet": text}

    def holder(address: Any, what: str, text: str) -> dict[str, Any]:
        for network, config in subnets.items():
            if network.version == address.version and address in network:
                return config
        raise UsageError(f"no matching subnet for {what} {text}")

    for text in options.list("ip-range"):
        network = _parsed(ipaddress.ip_network, text, "range", strict=False)
        config = holder(network.network_address, "range", text)
        if "IPRange" in config:
            raise UsageError(f"cannot configure multiple ranges ({text}, {config['IPRange']}) on the same subnet")
        config["IPRange"] = text
    for text in options.list("gateway"):
        config = holder(_parsed(ipaddress.ip_address, text, "gateway"), "gateway", text)
        if "Gateway" in config:
            raise UsageError(f"cannot configure multiple gateways ({text}, {config['Gateway']}) for the same subnet")
        config["Gateway"] = text
    for pair in options.list("aux-address"):
        name, address = split_pair(pair)
        config = holder(_parsed(ipaddress.ip_address, address or "", "aux-address"), "aux-address", address or "")
        config.setdefault("AuxiliaryAddresses", {})[name] = address
    return list(subnets.values())


def _parsed(parse: Any, text: str, what: str, **options: Any) -> Any:
    try:
        return parse(text, **options)
    except ValueError as error:
        raise UsageError(f'invalid {what} "{text}": {error}') from error


def _map(texts: list[str]) -> dict[str, str]:
    return {key: value or "" for key, value in map(split_pair, texts)}


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    answer = context.api.networks.create(create_body(options, arguments[0]))
    if answer.get("Warning"):
        context.warn(f"WARNING: {answer['Warning']}")
    context.print(answer["Id"])
    return 0


CREATE = Command(
    "[OPTIONS] NETWORK",
    _run,
    (
        switch("attachable", "", "Enable manual container attachment"),
        several("aux-address", "", "Auxiliary IPv4 or IPv6 addresses used by Network driver", metavar="map"),
        Flag("config-from", "", "The network from which to copy the configuration"),
        switch("config-only", "", "Create a configuration only network"),
        Flag("driver", "d", "Driver to manage the Network", default="bridge"),
        several("gateway", "", "IPv4 or IPv6 Gateway for the master subnet"),
        switch("ingress", "", "Create swarm routing-mesh network"),
        switch("internal", "", "Restrict external access to the network"),
        several("ip-range", "", "Allocate container ip from a sub-range"),
        Flag("ipam-driver", "", "IP Address Management Driver", default="default"),
        several("ipam-opt", "", "Set IPAM driver specific options", metavar="map"),
        switch("ipv4", "", "Enable or disable IPv4 address assignment", default=True),
        switch("ipv6", "", "Enable or disable IPv6 address assignment"),
        several("label", "", "Set metadata on a network"),
        several("opt", "o", "Set driver specific options", metavar="map"),
        Flag("scope", "", "Control the network's scope"),
        several("subnet", "", "Subnet in CIDR format that represents a network segment"),
    ),
    arguments=(1, 1),
)
