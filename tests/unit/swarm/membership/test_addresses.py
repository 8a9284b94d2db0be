"""Which address a node tells to others."""

import pytest

from shoal.errors import InvalidArgument
from shoal.swarm.membership.addresses import (
    HostAddress,
    advertise_address,
    join_port,
    listen_address,
    only_address,
    split_port,
)

LO = HostAddress("lo", "127.0.0.1")
ETH0 = HostAddress("eth0", "192.168.1.108")
ETH0_6 = HostAddress("eth0", "2001:db8::1")
LINK_LOCAL = HostAddress("eth0", "fe80::1")
ETH1 = HostAddress("eth1", "10.1.0.5")
BRIDGE = HostAddress("docker0", "172.17.0.1", is_inner=True)
ANY = ("0.0.0.0", 2377)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.0.1", ("10.0.0.1", 2377)),
        ("10.0.0.1:4000", ("10.0.0.1", 4000)),
        ("fd00::1", ("fd00::1", 2377)),
        ("[fd00::1]:4000", ("fd00::1", 4000)),
        ("[fd00::1]", ("fd00::1", 2377)),
        ("eth0:99", ("eth0", 99)),
        ("manager.example.org", ("manager.example.org", 2377)),
    ],
)
def test_host_and_port(text: str, parts: tuple[str, int]):
    assert split_port(text) == parts
    assert split_port(join_port(*parts)) == parts


@pytest.mark.parametrize("text", ["1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:x"])
def test_ports_that_are_none(text: str):
    with pytest.raises(InvalidArgument, match="invalid port"):
        split_port(text)


def test_the_only_address_is_told():
    assert advertise_address("", ANY, [LO, ETH0, ETH0_6, LINK_LOCAL, BRIDGE]) == "192.168.1.108:2377"
    assert only_address([LO, ETH0_6, LINK_LOCAL]) == "2001:db8::1"
    assert only_address([LO, BRIDGE]) == "172.17.0.1"


def test_what_is_listened_on_or_asked_for_is_told():
    known = [LO, ETH0, ETH1]
    assert advertise_address("", ("10.1.0.5", 4000), known) == "10.1.0.5:4000"
    assert advertise_address("eth1", ANY, known) == "10.1.0.5:2377"
    assert advertise_address("eth1:99", ANY, known) == "10.1.0.5:99"
    assert advertise_address("203.0.113.7", ANY, known) == "203.0.113.7:2377"
    assert listen_address("", known) == ANY
    assert listen_address("eth0:5000", known) == ("192.168.1.108", 5000)


@pytest.mark.parametrize(
    ("text", "known", "words"),
    [
        (
            "",
            [ETH0, ETH1],
            "could not choose an IP address to advertise since this system has multiple addresses on different "
            r"interfaces \(192.168.1.108 on eth0 and 10.1.0.5 on eth1\)",
        ),
        (
            "",
            [ETH0, HostAddress("eth0", "192.168.1.109")],
            "could not choose an IP address to advertise since this system has multiple addresses on interface eth0 "
            r"\(192.168.1.108 and 192.168.1.109\)",
        ),
        ("", [LO], "could not find the system's IP address"),
        ("eth7", [ETH0], "advertise address must be a non-zero IP address or network interface"),
        ("0.0.0.0", [ETH0], "advertise address must be a non-zero IP address or network interface"),
        (
            "eth0",
            [ETH0, HostAddress("eth0", "192.168.1.109")],
            "interface eth0 has more than one IPv4 address",
        ),
        ("eth0", [LINK_LOCAL], "interface eth0 has no usable IPv4 or IPv6 addresses"),
    ],
)
def test_what_can_not_be_chosen_is_told_in_docker_s_words(text: str, known: list[HostAddress], words: str):
    with pytest.raises(InvalidArgument, match=words):
        advertise_address(text, ANY, known)
