"""What a node's overlay comes to: tunnel, routes, firewall texts (SHOAL_GOLDEN=write makes them anew), names."""

import os
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from shoal.errors import Forbidden, Unavailable
from shoal.lifecycle.network.firewall import change_text
from shoal.lifecycle.overlay import balancing, firewall, numbers
from shoal.lifecycle.overlay.attaching import check_attachable, own_address
from shoal.lifecycle.overlay.names import named_entries
from shoal.lifecycle.overlay.networks import network_record, with_gateways
from shoal.lifecycle.overlay.tunnel import overlay_mtu, plan_tunnel
from shoal.model.cluster.assignment import OverlayState, Peer, ServiceRoute, TaskEndpoint
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.service import PortConfig, VirtualAddress
from shoal.model.cluster.task import Address
from shoal.model.network import MTU, Ipam, NetworkSpec, Pool

GOLDEN = Path(__file__).parents[3] / "golden" / "overlay"
BRIDGES = {"net": "br-net", "ing": "br-ing", "shut": "br-shut"}


def network(id: str, *subnets: str, internal: bool = False, ingress: bool = False) -> ClusterNetwork:
    pools = tuple(Pool(subnet=subnet) for subnet in subnets)
    spec = NetworkSpec(
        name=id, driver="overlay", internal=internal, ingress=ingress, ipam=Ipam(config=pools), scope="swarm"
    )
    return ClusterNetwork(id=id, spec=spec, created_at=1)


def endpoint(slot: int, node: str, takes_new: bool = True) -> TaskEndpoint:
    return TaskEndpoint(
        task_id=f"t{slot}",
        task_name=f"web.{slot}.t{slot}",
        service_id="s",
        node_id=node,
        slot=slot,
        addresses=(
            Address(network_id="net", ipv4=f"10.1.0.{slot + 10}", ipv6=f"fd11::{slot + 10:x}", aliases=("www",)),
            Address(network_id="ing", ipv4=f"10.0.0.{slot + 10}"),
        ),
        takes_new=takes_new,
    )


WEB = ServiceRoute(
    service_id="s",
    name="web",
    vips=(VirtualAddress(network_id="net", ipv4="10.1.0.2", ipv6="fd11::2"),),
    ports=(
        PortConfig(target=80, published=8080),
        PortConfig(target=53, published=5353, protocol="udp"),
        PortConfig(target=80, published=8081, host_ip="192.0.2.1"),
        PortConfig(target=80, published=9090, mode="host"),
    ),
    networks=("net",),
    aliases={"net": ("www",)},
)
STATE = with_gateways(
    OverlayState(
        own=Peer(node_id="a", number=1, address="192.0.2.1"),
        peers={
            "b": Peer(node_id="b", number=2, address="192.0.2.2", addresses=("2001:db8::2",)),
            "c": Peer(node_id="c", number=70, address=""),
        },
        networks={
            "net": network("net", "10.1.0.0/16", "fd11::/64"),
            "ing": network("ing", "10.0.0.0/16", ingress=True),
            "shut": network("shut", "10.2.0.0/16", internal=True),
        },
        services={"s": WEB},
        endpoints={"t1": endpoint(1, "a"), "t2": endpoint(2, "b"), "t3": endpoint(3, "b", takes_new=False)},
    )
)


def golden(name: str, text: str) -> None:
    if os.environ.get("SHOAL_GOLDEN") == "write":
        (GOLDEN / name).write_text(text)
    assert (GOLDEN / name).read_text() == text


def frame(state: OverlayState = STATE) -> firewall.Frame:
    return firewall.Frame(table="shoal_overlay", prefix="shoal-", tunnel=plan_tunnel(state, "shoal-vx"))


def test_the_whole_firewall_of_a_node() -> None:
    elements = firewall.wanted_elements(STATE, BRIDGES)
    golden("everything.nft", firewall.whole_text(frame(), elements, 2))


def test_a_node_that_is_alone_has_no_tunnel_and_no_rule_of_one() -> None:
    alone = replace(STATE, peers={}, endpoints={"t1": endpoint(1, "a")})
    assert plan_tunnel(alone, "shoal-vx") is None
    elements = firewall.wanted_elements(alone, BRIDGES)
    text = firewall.whole_text(frame(alone), elements, 16)
    assert "shoal-vx" not in text and "th,96,24" not in text
    assert "oifname @bridges drop" in text


def step(before: OverlayState, after: OverlayState) -> str:
    old, new = (dict.fromkeys(firewall.wanted_elements(state, BRIDGES)) for state in (before, after))
    removed, added = [e for e in old if e not in new], [e for e in new if e not in old]
    return change_text("shoal_overlay", removed, added)


def test_one_task_more_is_a_few_elements() -> None:
    more = replace(STATE, endpoints={**STATE.endpoints, "t3": endpoint(3, "b")})
    golden("one-more.nft", step(STATE, more))


def test_a_task_that_drains_leaves_the_balancing_and_keeps_its_routes() -> None:
    drained = replace(STATE, endpoints={**STATE.endpoints, "t1": endpoint(1, "a", takes_new=False)})
    text = step(STATE, drained)
    assert "vip_backends { 10.1.0.2 . 1 }" in text
    assert "reachable" not in text
    before, after = plan_tunnel(STATE, "vx"), plan_tunnel(drained, "vx")
    assert before is not None and after is not None and before.routes == after.routes


def test_without_tasks_a_port_is_held_and_leads_nowhere() -> None:
    found = firewall.wanted_elements(replace(STATE, endpoints={}), BRIDGES)
    assert {e.text for e in found if e.set == "held"} == {"tcp . 8080", "udp . 5353"}
    assert not [e for e in found if e.set in ("ports", "vips", "address_ports")]


def test_a_port_that_somebody_else_has_is_left_to_them() -> None:
    found = firewall.wanted_elements(STATE, BRIDGES, frozenset({("tcp", 8080)}))
    assert not [e for e in found if "tcp . 8080" in e.text]
    assert [e for e in found if "udp . 5353" in e.text]


def test_draining_tasks_and_networks_elsewhere_get_no_names() -> None:
    found = named_entries(STATE)
    assert found.keys() == {"s", "t1", "t2"}
    (service,) = found["s"]  # nothing of the ingress network
    assert (service.names, service.ipv4, service.ipv6) == (("web", "www"), "10.1.0.2", "fd11::2")
    (task,) = found["t1"]
    assert task.names == ("web.1.t1", "tasks.web", "tasks.www") and task.ttl_s == 1


def test_dnsrr_names_every_task() -> None:
    state = replace(STATE, services={"s": replace(WEB, mode="dnsrr", vips=())})
    found = named_entries(state)
    assert found.keys() == {"t1", "t2"}
    assert found["t1"][0].names == ("web.1.t1", "tasks.web", "tasks.www", "web", "www")


def test_a_container_that_somebody_attached_has_its_own_names() -> None:
    guest = replace(endpoint(9, "b"), service_id="", task_name="shell", hostname="box")
    found = named_entries(replace(STATE, endpoints={"t9": guest}))
    assert found["t9"][0].names == ("shell", "box", "www")


def test_routes_lead_to_remote_tasks_alone() -> None:
    plan = plan_tunnel(STATE, "vx")
    assert plan is not None
    assert plan.peers == {2: "192.0.2.2"}
    assert set(plan.routes) == {"10.1.0.12", "fd11::c", "10.0.0.12", "10.1.0.13", "fd11::d", "10.0.0.13"}


def test_callers_from_outside_come_by_the_ingress_network_alone() -> None:
    tasks = balancing.serving(STATE)["s"]
    assert balancing.ingress_target(STATE, tasks, 4).addresses == ("10.0.0.11", "10.0.0.12")
    assert balancing.ingress_target(STATE, tasks, 6).addresses == ()


def test_there_is_room_for_services_to_grow() -> None:
    assert [firewall.room_for(size) for size in (0, 1, 16, 17, 33, 64)] == [16, 16, 16, 32, 64, 64]
    assert firewall.largest(firewall.wanted_elements(STATE, BRIDGES)) == 2


def test_numbers_are_of_one_node_alone() -> None:
    some = [*range(1, 5000), 0xA8FE, 0xA9FE, *range(43000, 44100), 64000]
    for make in (numbers.tunnel_ipv4, numbers.tunnel_ipv6, numbers.tunnel_mac, numbers.mark, numbers.table):
        assert len({make(number) for number in some}) == len(set(some))
    addresses = {ip_address(numbers.tunnel_ipv4(number)) for number in some}
    assert all(a.is_link_local for a in addresses)
    assert not addresses & {ip_address("169.254.169.254"), ip_address(numbers.MESH_ADDRESS)}
    for number in some:
        mark = numbers.mark(number)
        assert mark & numbers.MARK_MASK == numbers.MARK
        assert not mark & 0x00FFC000, "bits that kube-proxy and Tailscale give a meaning"


@pytest.mark.parametrize("subnet", ["10.1.0.0/16", "10.1.4.0/24", "fd11::/64"])
def test_nodes_give_addresses_that_no_other_gives(subnet: str) -> None:
    net = network_record(network("net", subnet), "br0", 1450)
    given: set[str] = set()
    version = 6 if ":" in subnet else 4
    for number in (1, 2, 3, 4):
        mine: set[str] = set()
        for _ in range(32):
            mine.add(own_address(net, version, number, mine))
        with pytest.raises(Unavailable):
            own_address(net, version, number, mine)
        assert not given & mine and len(mine) == 32
        given |= mine
    assert all(ip_address(a) in ip_network(subnet) for a in given)
    assert ip_network(subnet).broadcast_address not in map(ip_address, given)
    assert min(map(ip_address, given)) > ip_network(subnet)[ip_network(subnet).num_addresses // 2 - 2]
    assert own_address(net, 10 - version, 1, ()) == ""


def test_only_attachable_networks_take_other_containers() -> None:
    net = network_record(network("net", "10.1.0.0/16"), "br0", 1450)
    with pytest.raises(Forbidden, match="network net not manually attachable"):
        check_attachable(net)
    check_attachable(replace(net, spec=replace(net.spec, attachable=True)))


@pytest.mark.parametrize(("own", "mtu"), [("192.0.2.1", 1450), ("", 1450), ("2001:db8::1", 1430)])
def test_the_header_of_the_tunnel_is_taken_off(own: str, mtu: int) -> None:
    assert overlay_mtu(1500, own) == mtu


def test_a_record_never_takes_more_than_the_tunnel() -> None:
    net = with_gateways(STATE).networks["net"]
    assert net.spec.ipam.config[0].gateway == "10.1.0.1"
    for asked, got in (("", 1450), ("1300", 1300), ("9000", 1450)):
        given = replace(net, spec=replace(net.spec, options={MTU: asked} if asked else {}))
        assert network_record(given, "br0", 1450).mtu == got
