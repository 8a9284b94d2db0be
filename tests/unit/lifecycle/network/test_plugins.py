"""What network plugins are told."""

import pytest

from shoal.lifecycle.network.plugins import endpoint_options, link_name, network_options
from shoal.model.endpoint import PortBinding
from shoal.model.network import NetworkSpec


def test_the_users_options_are_below_one_key() -> None:
    told = network_options(NetworkSpec(name="x", driver="p", options={"a": "b"}, internal=True))
    assert told == {
        "com.docker.network.generic": {"a": "b"},
        "com.docker.network.enable_ipv4": True,
        "com.docker.network.enable_ipv6": False,
        "com.docker.network.internal": True,
    }


def test_ports_are_numbers_with_the_number_of_their_protocol() -> None:
    ports = (
        PortBinding(container_port=53, protocol="udp", host_ip="127.0.0.1", host_port="5300-5310"),
        PortBinding(container_port=80),
    )
    told = endpoint_options(ports, ("80/tcp", "9/sctp"), {"speed": "slow"})
    assert told["speed"] == "slow"
    assert told["com.docker.network.endpoint.exposedports"] == [
        {"Proto": 132, "Port": 9},
        {"Proto": 17, "Port": 53},
        {"Proto": 6, "Port": 80},
    ]
    first, second = told["com.docker.network.portmap"]
    assert first == {
        "Proto": 17,
        "IP": "",
        "Port": 53,
        "HostIP": "127.0.0.1",
        "HostPort": 5300,
        "HostPortEnd": 5310,
    }
    assert (second["HostPort"], second["HostPortEnd"]) == (0, 0)


@pytest.mark.parametrize(
    ("prefix", "taken", "name"),
    [
        ("eth", {"eth0"}, "eth1"),
        ("line", set(), "line0"),
        ("line", {"line0", "eth0"}, "line1"),
        ("", {"eth0"}, "eth1"),
        ("../x", {"eth0"}, "eth1"),
        ("averylongprefix", {"eth0"}, "eth1"),
    ],
)
def test_the_name_of_a_plugins_link(prefix: str, taken: set[str], name: str) -> None:
    assert link_name(prefix, "eth1", taken) == name
