"""The firewall rules of the host as text for nftables; one transaction a text.

Two tables, `ip` and `ip6`, both named after the instance. They hold sets and maps with an element for each network and
published port, and rules that never change, so that a change is one element. Nothing else is ever touched.

    prerouting, output  nat     a published port on an address of the host becomes the container's address and port
    postrouting         nat     traffic from a container to outside leaves with the host's address; so does traffic that
                                comes back to a container through a published port, and the host's own from 127.0.0.1
    guard               filter  127.0.0.0/8 is never reached from outside, though we let the kernel route it
    forward             filter  between a network of ours and anything else: only what the network allows
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

IP, IP6 = "ip", "ip6"
_LOOPBACK = {IP: "127.0.0.0/8", IP6: "::1"}
_ANY = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A bridge as the firewall knows it.

    subnets: CIDRs
    icc: containers on it may talk to each other
    masquerade, unprotected: subsets of {"ip", "ip6"}; unprotected: every port of its containers is reached from outside
        at the container's own address
    """

    interface: str
    subnets: tuple[str, ...]
    internal: bool = False
    icc: bool = True
    masquerade: tuple[str, ...] = (IP, IP6)
    unprotected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """A published port: what arrives at (host_ip, host_port) goes to (target_ip, target_port) of the same IP version.

    routed: no translation; the target is reached at its own address
    """

    protocol: str
    host_ip: str
    host_port: int
    target_ip: str
    target_port: int
    routed: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """One element of one set or map."""

    family: str
    set: str
    text: str


def bridge_elements(bridge: Bridge) -> list[Element]:
    """Everything that the tables say of a bridge."""
    name = f'"{bridge.interface}"'
    found = []
    for family in (IP, IP6):
        subnets = [s for s in bridge.subnets if (":" in s) == (family == IP6)]
        found.append(Element(family, "bridges", name))
        if bridge.icc:
            found.append(Element(family, "same", f"{name} . {name}"))
        elif not bridge.internal:
            found.append(Element(family, "passed_on", name))
        if bridge.internal:
            found.append(Element(family, "internal", name))
        if family in bridge.unprotected:
            found.append(Element(family, "unprotected", name))
        found += [Element(family, "subnets", s) for s in subnets]
        if family in bridge.masquerade and not bridge.internal:
            found += [Element(family, "outgoing", s) for s in subnets]
    return found


def forward_element(forward: Forward) -> Element:
    """The element of a published port."""
    family = IP6 if ":" in forward.target_ip else IP
    if forward.routed:
        return Element(family, "open_ports", f"{forward.target_ip} . {forward.protocol} . {forward.target_port}")
    key = f"{forward.protocol} . {forward.host_port}"
    target = f"{forward.target_ip} . {forward.target_port}"
    if forward.host_ip in _ANY:
        return Element(family, "ports", f"{key} : {target}")
    return Element(family, "address_ports", f"{forward.host_ip} . {key} : {target}")


def elements(bridges: Iterable[Bridge], forwards: Iterable[Forward]) -> list[Element]:
    """All elements, each once, in a stable order."""
    found = [e for b in bridges for e in bridge_elements(b)] + [forward_element(f) for f in forwards]
    return list(dict.fromkeys(found))


def change_text(table: str, removed: Sequence[Element], added: Sequence[Element]) -> str:
    """The transaction that takes elements away and adds others; "" when there is nothing to do.

    A map's element is taken away by its key.
    """
    lines = [f"delete element {e.family} {table} {e.set} {{ {e.text.partition(' : ')[0]} }}" for e in removed]
    lines += [f"add element {e.family} {table} {e.set} {{ {e.text} }}" for e in added]
    return "".join(line + "\n" for line in lines)


def udp_ports(changed: Iterable[Element]) -> set[int]:
    """The host's UDP ports that these elements are about."""
    keys = [e.text.partition(" : ")[0].split(" . ")[-2:] for e in changed if e.set in ("ports", "address_ports")]
    return {int(port) for protocol, port in keys if protocol == "udp"}


def ruleset_text(table: str, content: Sequence[Element]) -> str:
    """The transaction that puts both tables in place with `content`, whatever was there under their name."""
    return "".join(_table_text(family, table, content) for family in (IP, IP6))


def removal_text(table: str) -> str:
    """The transaction that removes both tables, there or not."""
    return "".join(f"table {family} {table}\ndelete table {family} {table}\n" for family in (IP, IP6))


def _table_text(family: str, table: str, content: Sequence[Element]) -> str:
    address = "ipv4_addr" if family == IP else "ipv6_addr"
    sets = [
        ("set", "bridges", "ifname", ""),
        ("set", "same", "ifname . ifname", ""),
        ("set", "passed_on", "ifname", ""),
        ("set", "internal", "ifname", ""),
        ("set", "unprotected", "ifname", ""),
        ("set", "subnets", address, "flags interval"),
        ("set", "outgoing", address, "flags interval"),
        ("set", "open_ports", f"{address} . inet_proto . inet_service", ""),
        ("map", "ports", f"inet_proto . inet_service : {address} . inet_service", ""),
        ("map", "address_ports", f"{address} . inet_proto . inet_service : {address} . inet_service", ""),
    ]
    lines = [f"table {family} {table}", f"delete table {family} {table}", f"table {family} {table} {{"]
    for kind, name, type, flags in sets:
        texts = [e.text for e in content if e.family == family and e.set == name]
        lines.append(f"\t{kind} {name} {{")
        lines.append(f"\t\ttype {type}")
        lines += [f"\t\t{flags}"] if flags else []
        lines += ["\t\telements = { " + ", ".join(texts) + " }"] if texts else []
        lines.append("\t}")
    for name, rules in _chains(family):
        lines += [f"\tchain {name} {{", *(f"\t\t{rule}" for rule in rules), "\t}"]
    return "\n".join([*lines, "}", ""])


def _chains(family: str) -> list[tuple[str, list[str]]]:
    loopback = _LOOPBACK[family]
    to_container = [
        f"dnat {family} to {family} daddr . meta l4proto . th dport map @address_ports",
        f"fib daddr type local dnat {family} to meta l4proto . th dport map @ports",
    ]
    # The ports of a bridge without icc are shut to each other, and what br_netfilter translates on such a bridge would
    # have to go from one to the other. So its containers reach published ports through netd, which is on the host.
    from_container = ["iifname @passed_on return", *to_container]
    # The kernel can't send from ::1 to a container, so there netd passes the bytes on.
    spared = [f"{family} daddr {loopback} return"] if family == IP6 else []
    ours = [f"oifname @bridges {family} saddr {loopback} masquerade"] if family == IP else []
    # Where br_netfilter is at work, packets inside another engine's bridge come by too, and it may have our subnet.
    outgoing = f"{family} saddr @outgoing {family} daddr != @outgoing"
    return [
        (
            "guard",
            [
                "type filter hook prerouting priority raw; policy accept;",
                f'iifname != "lo" {family} daddr {loopback} drop',
            ],
        ),
        ("prerouting", ["type nat hook prerouting priority dstnat; policy accept;", *from_container]),
        ("output", ["type nat hook output priority -100; policy accept;", *spared, *to_container]),
        (
            "postrouting",
            [
                "type nat hook postrouting priority srcnat; policy accept;",
                *ours,
                f"oifname @bridges ct status dnat {family} saddr @subnets masquerade",
                f"oifname != @bridges {outgoing} masquerade",
            ],
        ),
        (
            "forward",
            [
                "type filter hook forward priority filter; policy accept;",
                "iifname != @bridges oifname != @bridges accept",
                "ct state established,related accept",
                "iifname . oifname @same accept",
                "iifname @internal drop",
                "oifname @internal drop",
                "oifname != @bridges accept",
                "ct status dnat accept",
                "oifname @unprotected accept",
                f"{family} daddr . meta l4proto . th dport @open_ports accept",
                "drop",
            ],
        ),
    ]


def resolver_text(udp_port: int, tcp_port: int, *, again: bool = False) -> str:
    """The table inside a container's namespace that brings questions to 127.0.0.11 to our sockets there.

    So a name server of the container's own may still take 0.0.0.0:53.

    again: the table may be there already. Taking one away costs the kernel 12 ms, so not where it is surely not there
    """
    first = "table ip shoal_names\ndelete table ip shoal_names\n" if again else ""
    return (
        f"{first}table ip shoal_names {{\n\tchain output {{\n"
        "\t\ttype nat hook output priority -100; policy accept;\n"
        f"\t\tip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:{udp_port}\n"
        f"\t\tip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:{tcp_port}\n\t}}\n}}\n"
    )
