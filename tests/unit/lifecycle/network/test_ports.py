"""Host ports."""

import pytest

from shoal.lifecycle.network.ports import (
    FIRST_RANDOM,
    LAST_RANDOM,
    PortTable,
    Wish,
    already_allocated,
    in_use,
    plan_ports,
    port_error,
)
from shoal.model.endpoint import BoundPort, PortBinding


def bound(ip: str, port: int, protocol: str = "tcp") -> BoundPort:
    return BoundPort(container_port=80, protocol=protocol, host_ip=ip, host_port=port)


def wish(*ips: str, port: int = 80) -> Wish:
    return Wish(container_port=80, protocol="tcp", host_ips=ips, candidates=(port,), is_fixed=True)


def test_plans() -> None:
    bindings = (
        PortBinding(container_port=80, host_port="8080"),
        PortBinding(container_port=81, host_ip="127.0.0.1", host_port="9000-9002"),
        PortBinding(container_port=53, protocol="udp"),
    )
    plan = plan_ports(bindings, ("80/tcp", "90/tcp"), "", ipv6=True, start=5)
    assert [(w.container_port, w.host_ips) for w in plan] == [
        (80, ("0.0.0.0", "::")),
        (81, ("127.0.0.1",)),
        (53, ("0.0.0.0", "::")),
        (90, ("0.0.0.0", "::")),
    ]
    assert list(plan[0].candidates) == [8080] and plan[0].is_fixed
    assert list(plan[1].candidates) == [9000, 9001, 9002] and not plan[1].is_fixed
    assert sorted(plan[2].candidates) == list(range(FIRST_RANDOM, LAST_RANDOM + 1))
    assert plan[2].candidates[0] != plan[3].candidates[0]


def test_without_ipv6_and_with_a_default_address() -> None:
    binding = (PortBinding(container_port=80, host_port="80"),)
    assert plan_ports(binding, (), "", ipv6=False, start=0)[0].host_ips == ("0.0.0.0",)
    assert plan_ports(binding, (), "192.0.2.1", ipv6=True, start=0)[0].host_ips == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("held", "wanted", "is_free"),
    [
        ("0.0.0.0", "127.0.0.1", False),
        ("127.0.0.1", "0.0.0.0", False),
        ("127.0.0.1", "127.0.0.2", True),
        ("0.0.0.0", "::", True),
        ("::", "::1", False),
        ("127.0.0.1", "127.0.0.1", False),
    ],
)
def test_addresses_that_collide(held: str, wanted: str, is_free: bool) -> None:
    table = PortTable([bound(held, 80)])
    assert table.is_free("tcp", 80, [wanted]) == is_free
    assert table.is_free("udp", 80, [wanted])
    assert table.is_free("tcp", 81, [wanted])


def test_what_is_released_is_free_again() -> None:
    table = PortTable([bound("0.0.0.0", 80), bound("::", 80)])
    assert not table.free_candidates(wish("0.0.0.0"))
    table.release(bound("0.0.0.0", 80))
    assert table.free_candidates(wish("0.0.0.0")) == [80]
    assert not table.free_candidates(wish("::"))
    table.release(bound("0.0.0.0", 80))  # once more is no error


def test_messages_are_dockers() -> None:
    error = port_error("web (0123)", already_allocated(wish("0.0.0.0", port=5000)))
    assert error.message == (
        "driver failed programming external connectivity on endpoint web (0123): "
        "Bind for 0.0.0.0:5000 failed: port is already allocated"
    )
    text = in_use(wish("::", port=5000), "::", "172.18.0.2", "address already in use")
    assert text == "failed to bind host port for [::]:5000:172.18.0.2:80/tcp: address already in use"
