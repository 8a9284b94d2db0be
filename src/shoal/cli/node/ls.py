"""`shoal node ls`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, filter_flag, switch
from shoal.cli.listing import Listing, natural_key, parse_filters, print_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def hostname(node: Any) -> str:
    """What the node calls itself."""
    return str((node.get("Description") or {}).get("Hostname") or "")


def node_listing(own_id: str, trust_root: str = "") -> Listing:
    """How nodes are listed; the one with `own_id` gets a star.

    trust_root: certificate of the cluster's CA, for `TLSStatus`
    """
    fields = {
        "Availability": lambda item: str(item["Spec"].get("Availability") or "").capitalize(),
        "EngineVersion": lambda item: ((item.get("Description") or {}).get("Engine") or {}).get("EngineVersion", ""),
        "Hostname": hostname,
        "ID": lambda item: item["ID"],
        "ManagerStatus": _manager_status,
        "Self": lambda item: item["ID"] == own_id,
        "Status": lambda item: str((item.get("Status") or {}).get("State") or "").capitalize(),
        "TLSStatus": lambda item: _tls_status(item, trust_root),
    }
    columns = ("ID", "Hostname", "Status", "Availability", "ManagerStatus", "EngineVersion")
    headings = {
        "EngineVersion": "ENGINE VERSION",
        "ManagerStatus": "MANAGER STATUS",
        "TLSStatus": "TLS STATUS",
        "Self": "",
    }
    return Listing(fields, columns, headings=headings, quiet="ID")


def _manager_status(node: Any) -> str:
    status = node.get("ManagerStatus")
    if not status:
        return ""
    return "Leader" if status.get("Leader") else str(status.get("Reachability") or "").capitalize()


def _tls_status(node: Any, trust_root: str) -> str:
    found = ((node.get("Description") or {}).get("TLSInfo") or {}).get("TrustRoot")
    if not found or not trust_root:
        return "Unknown"
    return "Ready" if found == trust_root else "Needs Rotation"


def manager_advice(nodes: Sequence[Any]) -> str:
    """What to say of a number of managers that can't lose one more than a smaller number could; "" for a good one."""
    count = sum(node["Spec"].get("Role") == "manager" for node in nodes)
    if count == 0 or count % 2:
        return ""
    return (
        f"hint: {count} managers survive the loss of {(count - 1) // 2}, as {count - 1} do; "
        f"an odd number is better: shoal node promote, or shoal node demote"
    )


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    template, is_quiet = options.text("format"), options.flag("quiet")
    nodes = context.api.nodes.list(parse_filters(options.list("filter")))
    own_id, trust_root = "", ""
    if not is_quiet:
        cluster = context.api.system.info().get("Swarm") or {}
        own_id = str(cluster.get("NodeID") or "")
        trust_root = str(((cluster.get("Cluster") or {}).get("TLSInfo") or {}).get("TrustRoot") or "")
    rows = sorted(nodes, key=lambda item: natural_key(hostname(item)))
    listing = node_listing(own_id, trust_root)
    if template in ("", "table") and not is_quiet:
        starred = [{**item, "ID": f"{item['ID']} *" if item["ID"] == own_id else f"{item['ID']}  "} for item in rows]
        context.stdout.write(listing.table(starred))
        advice = manager_advice(nodes) if not options.list("filter") and context.stdout_is_terminal() else ""
        if advice:
            context.warn(advice)
        return 0
    print_list(context, listing, rows, template=template, is_quiet=is_quiet)
    return 0


LS = Command(
    "[OPTIONS]",
    _run,
    (
        filter_flag("f", "Filter output based on conditions provided"),
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("quiet", "q", "Only display IDs"),
    ),
    arguments=(0, 0),
)
