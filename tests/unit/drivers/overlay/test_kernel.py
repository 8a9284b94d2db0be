"""From one tunnel to another: which messages the kernel gets, in which order."""

import socket
from collections import Counter
from dataclasses import replace

from shoal.drivers.network import netlink as nl
from shoal.drivers.overlay import kernel
from shoal.drivers.overlay import messages as ms
from shoal.lifecycle.overlay import numbers
from shoal.lifecycle.overlay.tunnel import TunnelPlan

PLAN = TunnelPlan(
    device="shoal-vx",
    vni=5000,
    port=4789,
    number=1,
    local="192.0.2.1",
    peers={2: "192.0.2.2", 3: "192.0.2.3"},
    routes={"10.1.0.12": 2, "10.1.0.13": 3, "fd11::d": 3},
)


def kinds(old: kernel.Content, new: kernel.Content) -> list[int]:
    return [kind for kind, _, _ in kernel.difference(7, old, new)]


def test_a_plan_is_forwarding_neighbours_routes_and_marks() -> None:
    content = kernel.wanted(PLAN, ipv6=True)
    assert content.forwarding == {"02:53:68:00:00:02": "192.0.2.2", "02:53:68:00:00:03": "192.0.2.3"}
    assert content.neighbours["169.254.0.2"] == "02:53:68:00:00:02"
    assert content.routes[(nl.RT_TABLE_MAIN, "10.1.0.13/32")] == "169.254.0.3"
    assert content.routes[(nl.RT_TABLE_MAIN, "fd11::d/128")] == numbers.tunnel_ipv6(3)
    assert content.routes[(numbers.table(2), "0.0.0.0/0")] == "169.254.0.2"
    assert (int(socket.AF_INET), numbers.mark(3), numbers.table(3)) in content.marks


def test_a_host_without_ipv6_gets_none_of_it() -> None:
    content = kernel.wanted(PLAN, ipv6=False)
    assert not [to for _, to in content.routes if ":" in to]
    assert {family for family, _, _ in content.marks} == {int(socket.AF_INET)}


def test_nothing_is_said_twice() -> None:
    content = kernel.wanted(PLAN, ipv6=True)
    assert kernel.difference(7, content, kernel.wanted(PLAN, ipv6=True)) == []


def test_a_task_that_moves_is_one_route() -> None:
    moved = replace(PLAN, routes={**PLAN.routes, "10.1.0.12": 3})
    assert kinds(kernel.wanted(PLAN, ipv6=True), kernel.wanted(moved, ipv6=True)) == [nl.RTM_NEWROUTE]


def test_what_comes_is_there_before_what_goes() -> None:
    """A route needs its neighbour; a packet with a mark needs the rules around its own."""
    old = kernel.wanted(replace(PLAN, peers={2: "192.0.2.2"}, routes={"10.1.0.12": 2}), ipv6=False)
    new = kernel.wanted(replace(PLAN, peers={3: "192.0.2.3"}, routes={"10.1.0.12": 3}), ipv6=False)
    found = kinds(old, new)
    last_new = max(i for i, kind in enumerate(found) if kind in (nl.RTM_NEWROUTE, ms.RTM_NEWNEIGH, ms.RTM_NEWRULE))
    first_gone = min(i for i, kind in enumerate(found) if kind in (nl.RTM_DELROUTE, ms.RTM_DELNEIGH, ms.RTM_DELRULE))
    assert last_new < first_gone
    assert Counter(found)[ms.RTM_NEWRULE] == 1, "the two rules around them stay"


def test_the_first_and_the_last_peer_bring_and_take_the_rules_around_them() -> None:
    content = kernel.wanted(PLAN, ipv6=True)
    assert Counter(kinds(kernel.Content(), content))[ms.RTM_NEWRULE] == 2 * (2 + 2)
    assert Counter(kinds(content, kernel.Content()))[ms.RTM_DELRULE] == 2 * (2 + 2)
