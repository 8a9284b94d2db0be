"""What may be asked of networks: every refusal in Docker's words."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import IPv4Address

from shoal.errors import Conflict, Forbidden, InvalidArgument, NotFound, NotSupported
from shoal.model.endpoint import EndpointSettings
from shoal.model.filters import check_filters, match_labels, parse_flag
from shoal.model.network import (
    BRIDGE_NAME,
    DEFAULT_BRIDGE,
    DEFAULT_NETWORK,
    ENABLE_ICC,
    ENABLE_MASQUERADE,
    GATEWAY_MODE_IPV4,
    GATEWAY_MODE_IPV6,
    HOST_BINDING_IPV4,
    MACVLAN_MODE,
    MTU,
    NULL_IPAM,
    PARENT,
    PREDEFINED,
    Ipam,
    Network,
    NetworkSpec,
)

LIST_FILTERS = ("name", "id", "driver", "type", "scope", "label", "dangling")
PRUNE_FILTERS = ("label", "label!", "until")
#: goes into rules of the firewall, so less than the kernel takes
_BRIDGE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.@-]{0,14}")
_SWARM_DRIVERS = ("overlay",)
_GATEWAY_MODES = ("", "nat", "nat-unprotected", "routed", "isolated")
_SHARED = "container sharing network namespace with another container or host cannot be connected to any other network"


def check_create(
    spec: NetworkSpec, networks: Iterable[Network], bridge: str, *, has_plugin: bool = False
) -> NetworkSpec:
    """`spec` with its options in their normal form.

    bridge: how the bridge is called where nothing is said; has_plugin: there is a plugin of the driver's name
    Raises: InvalidArgument, Forbidden, Conflict, NotFound for an unknown driver, NotSupported
    """
    if not spec.name.strip():
        raise InvalidArgument("invalid name: name is empty")
    if spec.name in PREDEFINED:
        raise Forbidden(f"operation is not permitted on predefined {spec.name} network")
    if any(network.name == spec.name for network in networks):
        raise Conflict(f"network with name {spec.name} already exists")
    if not has_plugin:
        _check_driver(spec)
    if spec.ingress or spec.config_only or spec.config_from:
        raise NotSupported("ingress and config-only networks are parts of a cluster, which this engine does not serve")
    if not spec.enable_ipv4 and not spec.enable_ipv6:
        raise InvalidArgument("IPv4 or IPv6 must be enabled")
    if has_plugin:
        return spec  # its options are the plugin's own
    if spec.ipam.driver == NULL_IPAM:
        raise InvalidArgument('the IPAM driver "null" is for networks of plugins that give addresses themselves')
    for key in (GATEWAY_MODE_IPV4, GATEWAY_MODE_IPV6):
        if spec.options.get(key, "") not in _GATEWAY_MODES:
            raise InvalidArgument(
                f'unknown gateway mode "{spec.options[key]}", wanted nat, nat-unprotected, routed or isolated'
            )
    _check_numbers(spec.options)
    _check_address(spec.options)
    if spec.driver == "macvlan":
        return _check_macvlan(spec, networks)
    return _check_bridge(spec, networks, bridge)


def _check_driver(spec: NetworkSpec) -> None:
    if spec.driver in ("host", "null"):
        raise Forbidden(f'only one instance of "{spec.driver}" network is allowed')
    if spec.driver in _SWARM_DRIVERS or spec.scope == "swarm":
        raise NotSupported(
            f'network driver "{spec.driver}" needs a cluster, and this engine is not part of one',
            hint="use the driver bridge for containers of one host",
        )
    if spec.driver not in ("bridge", "macvlan"):
        raise NotFound(f'could not find plugin {spec.driver}: plugin "{spec.driver}" not found')


def _check_numbers(options: Mapping[str, str]) -> None:
    mtu = options.get(MTU, "")
    if mtu and not (mtu.isdigit() and 68 <= int(mtu) <= 65535):
        raise InvalidArgument(f'invalid value for "{MTU}": "{mtu}", wanted a number from 68 to 65535')
    for key in (ENABLE_ICC, ENABLE_MASQUERADE, DEFAULT_BRIDGE):
        if options.get(key, "true").lower() not in ("true", "false", "1", "0", "t", "f"):
            raise InvalidArgument(f'invalid value for "{key}": "{options[key]}", wanted true or false')


def _check_address(options: Mapping[str, str]) -> None:
    text = options.get(HOST_BINDING_IPV4, "")
    try:
        IPv4Address(text or "0.0.0.0")
    except ValueError:
        raise InvalidArgument(f'invalid value for "{HOST_BINDING_IPV4}": "{text}", wanted an IPv4 address') from None


def _check_macvlan(spec: NetworkSpec, networks: Iterable[Network]) -> NetworkSpec:
    mode = spec.options.get(MACVLAN_MODE, "bridge")
    if mode != "bridge":
        raise NotSupported(f'macvlan mode "{mode}" is not served, wanted "bridge"')
    parent = spec.options.get(PARENT, "")
    if not parent:
        raise InvalidArgument(
            'network driver "macvlan" needs the option "parent": the link of the host that its containers share',
            hint="shoal network create -d macvlan -o parent=eth0 …",
        )
    for network in networks:
        if network.driver == "macvlan" and network.interface == parent:
            raise Forbidden(f"network {network.id} is already using parent interface {parent}")
    return spec


def _check_bridge(spec: NetworkSpec, networks: Iterable[Network], bridge: str) -> NetworkSpec:
    name = spec.options.get(BRIDGE_NAME, "") or bridge
    if not _BRIDGE.fullmatch(name):
        raise InvalidArgument(
            f'invalid bridge name "{name}": at most 15 letters, digits and "-", "_", ".", "@", no dot first'
        )
    for network in networks:
        if network.driver == "bridge" and network.interface == name:
            raise Forbidden(
                f"cannot create network {spec.name} ({name}): "
                f"conflicts with network {network.id} ({name}): networks have same bridge name"
            )
    return spec


def default_specs(bridge: str) -> tuple[NetworkSpec, ...]:
    """The networks that every engine has."""
    options = {
        DEFAULT_BRIDGE: "true",
        ENABLE_ICC: "true",
        ENABLE_MASQUERADE: "true",
        HOST_BINDING_IPV4: "0.0.0.0",
        BRIDGE_NAME: bridge,
    }
    return (
        NetworkSpec(name=DEFAULT_NETWORK, options=options),
        NetworkSpec(name="host", driver="host", ipam=Ipam()),
        NetworkSpec(name="none", driver="null", ipam=Ipam()),
    )


def option_flag(spec: NetworkSpec, key: str, default: bool = True) -> bool:
    """A boolean option of the bridge driver."""
    text = spec.options.get(key, "").lower()
    return default if not text else text in ("true", "1", "t")


def check_remove(network: Network) -> None:
    """Nothing, or raises: Forbidden for a network that every engine has"""
    if network.name in PREDEFINED:
        raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")


def check_endpoint(network: Network, settings: EndpointSettings) -> None:
    """Nothing, or raises: InvalidArgument for settings that this network can't have"""
    if network.is_user_defined:
        return
    if settings.aliases and any(settings.aliases):
        raise InvalidArgument("network-scoped alias is supported only for containers in user defined networks")
    if settings.ipv4_address or settings.ipv6_address:
        raise InvalidArgument("user specified IP address is supported on user defined networks only")


def check_connect(network: Network, network_mode: str, connected: Collection[str], name: str) -> None:
    """Nothing, or raises when a container can't be connected. connected: names of its networks; name: its own"""
    if network.driver == "host" or "host" in (network_mode, *connected):
        raise InvalidArgument(
            "conflicting options: container cannot be disconnected from host network or connected to host network"
        )
    if network_mode.startswith("container:"):
        raise InvalidArgument(_SHARED)
    if network.driver == "null" or network_mode == "none":
        raise InvalidArgument(
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        )
    if network.name in connected:
        raise Forbidden(f"endpoint with name {name} already exists in network {network.name}")


def check_disconnect(network: Network, network_mode: str) -> None:
    """Nothing, or raises: InvalidArgument when a container can't be disconnected"""
    if network.driver == "host":
        raise InvalidArgument(
            "conflicting options: container cannot be disconnected from host network or connected to host network"
        )
    if network_mode.startswith("container:"):
        raise InvalidArgument(_SHARED)


def select(networks: Iterable[Network], filters: Mapping[str, Sequence[str]], used: Collection[str]) -> list[Network]:
    """The networks that pass all filters; several values of one filter are alternatives, but labels all count.

    used: ids of networks with endpoints
    Raises: InvalidArgument for a filter that there is not
    """
    check_filters(filters, LIST_FILTERS)
    types = filters.get("type", ())
    if any(kind not in ("builtin", "custom") for kind in types):
        raise InvalidArgument(f"invalid filter 'type={types[0]}'")
    dangling = parse_flag("dangling", filters.get("dangling", ()))
    return [
        n
        for n in networks
        if (not filters.get("name") or any(text in n.name for text in filters["name"]))
        and (not filters.get("id") or any(n.id.startswith(text) for text in filters["id"]))
        and n.driver in (filters.get("driver") or (n.driver,))
        and (not filters.get("scope") or (n.spec.scope or "local") in filters["scope"])
        and (not types or ("custom" if n.is_user_defined else "builtin") in types)
        and match_labels(n.spec.labels, filters.get("label", ()))
        and (dangling is None or (n.is_user_defined and n.id not in used) == dangling)
    ]


def select_prunable(
    networks: Iterable[Network], filters: Mapping[str, Sequence[str]], used: Collection[str], until: int
) -> list[Network]:
    """The networks that nothing uses. until: made before this time (ns since the epoch) only, 0 = all"""
    check_filters(filters, PRUNE_FILTERS)
    return [
        n
        for n in networks
        if n.is_user_defined
        and n.id not in used
        and match_labels(n.spec.labels, filters.get("label", ()))
        and not any(match_labels(n.spec.labels, [text]) for text in filters.get("label!", ()))
        and (not until or n.created_at < until)
    ]


def find(networks: Sequence[Network], reference: str) -> Network:
    """The network with this id, name or unique id prefix.

    Raises: NotFound "network x not found", InvalidArgument when a prefix fits several
    """
    for network in networks:
        if network.id == reference:
            return network
    for network in networks:
        if network.name == reference:
            return network
    found = [n for n in networks if reference and n.id.startswith(reference)]
    if len(found) > 1:
        raise InvalidArgument(f"network {reference} is ambiguous ({len(found)} matches found based on ID prefix)")
    if not found:
        raise NotFound(f"network {reference} not found")
    return found[0]
