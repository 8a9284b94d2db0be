"""Ports of services as they are typed, added and removed."""

import pytest

from shoal.cli.errors import FlagError
from shoal.cli.service.ls import ports_text
from shoal.cli.service.spec.ports import edited_ports, parse_ports

WEB = {"Protocol": "tcp", "TargetPort": 80, "PublishMode": "ingress", "PublishedPort": 8080}
NAMES = {"Protocol": "udp", "TargetPort": 53, "PublishMode": "host", "PublishedPort": 5353}


def parsed(*texts: str) -> list[dict[str, object]]:
    return parse_ports("-p, --publish", texts)


def test_short_and_long_form_say_the_same() -> None:
    assert parsed("8080:80") == parsed("published=8080,target=80") == [WEB]
    assert parsed("53/udp") == [{"Protocol": "udp", "TargetPort": 53, "PublishMode": "ingress"}]


def test_a_port_may_have_one_address_of_each_node() -> None:
    [port] = parsed("published=8080,target=80,mode=host,host_ip=127.0.0.1")
    assert port["HostIP"] == "127.0.0.1" and port["PublishMode"] == "host"
    [port] = parsed("published=8080,target=80,host_ip=127.0.0.1")
    assert port["HostIP"] == "127.0.0.1" and port["PublishMode"] == "ingress"
    with pytest.raises(FlagError, match="hostip is not supported"):
        parsed("127.0.0.1:8080:80")


@pytest.mark.parametrize("text", ["80", "80/tcp", "published=1,target=80"])
def test_a_port_is_removed_by_its_target(text: str) -> None:
    assert edited_ports([WEB, NAMES], [], [text], "--publish-rm") == [NAMES]


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert edited_ports([WEB, NAMES], [], ["80/udp", "8080"], "--publish-rm") == [WEB, NAMES]


def test_the_same_port_again_is_no_second_one() -> None:
    assert edited_ports([WEB], parsed("8080:80"), [], "--publish-rm") == [WEB]
    assert len(edited_ports([WEB], parsed("8081:80"), [], "--publish-rm")) == 2


def test_neighbours_are_listed_as_a_range_and_ports_of_nodes_are_not_listed() -> None:
    row = [{**WEB, "PublishedPort": 8080 + n, "TargetPort": 80 + n} for n in range(3)]
    assert ports_text([*row, {**WEB, "PublishedPort": 9000}, NAMES]) == "*:8080-8082->80-82/tcp, *:9000->80/tcp"
