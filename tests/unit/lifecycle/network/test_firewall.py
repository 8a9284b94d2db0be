"""Rulesets as text: the whole one is compared with a golden file (SHOAL_GOLDEN=write makes it anew)."""

import os
from pathlib import Path

from shoal.lifecycle.network.firewall import (
    Bridge,
    Element,
    Forward,
    bridge_elements,
    change_text,
    elements,
    forward_element,
    removal_text,
    resolver_text,
    ruleset_text,
)

GOLDEN = Path(__file__).parents[3] / "golden" / "firewall"
BRIDGES = (
    Bridge(interface="shoal0", subnets=("172.17.0.0/16",)),
    Bridge(interface="six", subnets=("172.18.0.0/16", "fd00:1::/64")),
    Bridge(interface="inner", subnets=("172.19.0.0/16",), internal=True),
    Bridge(interface="strict", subnets=("172.20.0.0/16",), icc=False),
    Bridge(interface="routed", subnets=("172.21.0.0/16",), masquerade=(), unprotected=("ip",)),
)


def forward(host_ip: str, port: int, target: str, **more: object) -> Forward:
    return Forward(protocol="tcp", host_ip=host_ip, host_port=port, target_ip=target, target_port=80, **more)


FORWARDS = (
    forward("0.0.0.0", 5000, "172.18.0.2"),
    forward("::", 5000, "fd00:1::2"),
    forward("127.0.0.1", 5001, "172.17.0.2"),
    forward("", 0, "172.21.0.2", routed=True),
)


def golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("SHOAL_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def test_whole_ruleset() -> None:
    golden("everything.nft", ruleset_text("shoal", elements(BRIDGES, FORWARDS)))


def test_ruleset_of_nothing() -> None:
    golden("nothing.nft", ruleset_text("shoal", []))


def test_a_published_port_is_one_element() -> None:
    element = forward_element(FORWARDS[0])
    assert change_text("shoal", [], [element]) == ("add element ip shoal ports { tcp . 5000 : 172.18.0.2 . 80 }\n")
    assert change_text("shoal", [element], []) == "delete element ip shoal ports { tcp . 5000 }\n"
    assert change_text("shoal", [], []) == ""


def test_what_bridges_say() -> None:
    inner = {e.set for e in bridge_elements(BRIDGES[2])}
    assert "internal" in inner and "outgoing" not in inner
    strict = {e.set for e in bridge_elements(BRIDGES[3])}
    assert "passed_on" in strict and "same" not in strict
    routed = {(e.family, e.set) for e in bridge_elements(BRIDGES[4])}
    assert ("ip", "unprotected") in routed and ("ip", "outgoing") not in routed and ("ip6", "unprotected") not in routed


def test_elements_come_once() -> None:
    found = elements(BRIDGES + BRIDGES, FORWARDS)
    assert len(found) == len(set(found))
    assert Element("ip6", "ports", "tcp . 5000 : fd00:1::2 . 80") in found


def test_removal_is_no_error_where_nothing_is() -> None:
    assert removal_text("x").splitlines() == ["table ip x", "delete table ip x", "table ip6 x", "delete table ip6 x"]


def test_the_table_inside_a_namespace() -> None:
    golden("resolver.nft", resolver_text(40001, 40002, again=True))
    assert "delete" not in resolver_text(40001, 40002)
