"""Commands about networks: ls, inspect, rm, connect, disconnect."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.each import for_each
from shoal.cli.flags import Flag, Options, filter_flag, several, switch
from shoal.cli.inspecting import print_inspected
from shoal.cli.listing import Listing, parse_filters, print_list
from shoal.cli.units import go_time_of, short_id
from shoal.cli.values import split_pair
from shoal.client.errors import ClientNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def network_listing(*, is_truncated: bool = True) -> Listing:
    """How networks are listed."""
    fields = {
        "CreatedAt": lambda item: go_time_of(item.get("Created", "")),
        "Driver": lambda item: item["Driver"],
        "ID": lambda item: short_id(item["Id"]) if is_truncated else item["Id"],
        "IPv4": lambda item: str(item.get("EnableIPv4", True)).lower(),
        "IPv6": lambda item: str(item.get("EnableIPv6", False)).lower(),
        "Internal": lambda item: str(item.get("Internal", False)).lower(),
        "Label": lambda item: lambda name: (item.get("Labels") or {}).get(name, ""),
        "Labels": lambda item: ",".join(f"{key}={value}" for key, value in sorted((item.get("Labels") or {}).items())),
        "Name": lambda item: item["Name"],
        "Scope": lambda item: item.get("Scope", "local"),
    }
    return Listing(
        fields, ("ID", "Name", "Driver", "Scope"), headings={"ID": "NETWORK ID", "CreatedAt": "CREATED AT"}, quiet="ID"
    )


def _ls(context: Context, options: Options, arguments: list[str]) -> int:
    found = context.api.networks.list(parse_filters(options.list("filter")))
    items = sorted(found, key=lambda item: str(item["Name"]))
    listing = network_listing(is_truncated=not options.flag("no-trunc"))
    print_list(context, listing, items, template=options.text("format"), is_quiet=options.flag("quiet"))
    return 0


def _inspect(context: Context, options: Options, arguments: list[str]) -> int:
    is_verbose = options.flag("verbose")
    fetch = context.api.networks.inspect
    return print_inspected(
        context, arguments, lambda name: fetch(name, verbose=is_verbose), template=options.text("format")
    )


_INGRESS = (
    "WARNING! Before removing the routing-mesh network, make sure all the nodes in your swarm run the same docker "
    "engine version. Otherwise, removal may not be effective and functionality of newly create ingress networks will "
    "be impaired.\nAre you sure you want to continue?"
)


def _rm(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.cli.system.prune import confirm

    def remove(name: str) -> object:
        try:
            if context.api.networks.inspect(name).get("Ingress") and not confirm(context, _INGRESS):
                return False
            context.api.networks.remove(name)
        except ClientNotFound as error:
            if not options.flag("force"):
                raise
            context.warn(f"Error response from daemon: {error.message}")
            return False
        return name

    return for_each(context, arguments, remove)


def endpoint_settings(options: Options) -> dict[str, Any]:
    """EndpointSettings of `network connect`'s flags."""
    ipam = {
        "IPv4Address": options.text("ip"),
        "IPv6Address": options.text("ip6"),
        "LinkLocalIPs": options.list("link-local-ip"),
    }
    settings: dict[str, Any] = {
        "IPAMConfig": {key: value for key, value in ipam.items() if value},
        "Links": options.list("link"),
        "Aliases": options.list("alias"),
        "DriverOpts": {key: value or "" for key, value in map(split_pair, options.list("driver-opt"))},
        "GwPriority": options.number("gw-priority"),
    }
    return {key: value for key, value in settings.items() if value}


def _connect(context: Context, options: Options, arguments: list[str]) -> int:
    context.api.networks.connect(arguments[0], arguments[1], endpoint_settings(options))
    return 0


def _disconnect(context: Context, options: Options, arguments: list[str]) -> int:
    context.api.networks.disconnect(arguments[0], arguments[1], force=options.flag("force"))
    return 0


LS = Command(
    "[OPTIONS]",
    _ls,
    (
        filter_flag("f", 'Provide filter values (e.g. "driver=bridge")'),
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("no-trunc", "", "Do not truncate the output"),
        switch("quiet", "q", "Only display network IDs"),
    ),
    arguments=(0, 0),
)
INSPECT = Command(
    "[OPTIONS] NETWORK [NETWORK...]",
    _inspect,
    (
        Flag("format", "f", 'Format output: "json", or a Go template'),
        switch("verbose", "v", "Verbose output for diagnostics"),
    ),
    arguments=(1, MANY),
)
RM = Command(
    "[OPTIONS] NETWORK [NETWORK...]",
    _rm,
    (switch("force", "f", "Do not error if the network does not exist"),),
    arguments=(1, MANY),
)
CONNECT = Command(
    "[OPTIONS] NETWORK CONTAINER",
    _connect,
    (
        several("alias", "", "Add network-scoped alias for the container"),
        several("driver-opt", "", "driver options for the network"),
        Flag("gw-priority", "", "Highest gw-priority provides the default gateway", kind="int"),
        Flag("ip", "", 'IPv4 address (e.g., "172.30.100.104")'),
        Flag("ip6", "", 'IPv6 address (e.g., "2001:db8::33")'),
        several("link", "", "Add link to another container"),
        several("link-local-ip", "", "Add a link-local address for the container"),
    ),
    arguments=(2, 2),
)
DISCONNECT = Command(
    "[OPTIONS] NETWORK CONTAINER",
    _disconnect,
    (switch("force", "f", "Force the container to disconnect from a network"),),
    arguments=(2, 2),
)
