"""Ports in every spelling."""

import pytest

from shoal.errors import InvalidArgument
from tests.support.compose_projects import service_of


def ports(*entries: str) -> list[tuple[str, str, int, str]]:
    lines = "ports:\n" + "\n".join(f"  - {entry}" for entry in entries)
    return [(p.host_ip, p.published, p.target, p.protocol) for p in service_of(lines).ports]


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ("21:21", [("", "21", 21, "tcp")]),
        ("20:20", [("", "20", 20, "tcp")]),
        ("8600:53/udp", [("", "8600", 53, "udp")]),
        ("3000", [("", "", 3000, "tcp")]),
        ("'3000'", [("", "", 3000, "tcp")]),
        ('"8080:80"', [("", "8080", 80, "tcp")]),
        ("50000:50000/udp", [("", "50000", 50000, "udp")]),
        ("127.0.0.1:9229:9229", [("127.0.0.1", "9229", 9229, "tcp")]),
        ("5000-5001:80-81", [("", "5000", 80, "tcp"), ("", "5001", 81, "tcp")]),
        ("8000-8010:80", [("", "8000-8010", 80, "tcp")]),
        ("1-2", [("", "", 1, "tcp"), ("", "", 2, "tcp")]),
        ('"[::1]:80:80"', [("::1", "80", 80, "tcp")]),
        ('"::1:80:80"', [("::1", "80", 80, "tcp")]),
        ('"127.0.0.1::80"', [("127.0.0.1", "", 80, "tcp")]),
        ('":80"', [("", "", 80, "tcp")]),
        ("80:80/TCP", [("", "80", 80, "tcp")]),
        ("{target: 80, published: 8080}", [("", "8080", 80, "tcp")]),
        ("{target: 80}", [("", "", 80, "tcp")]),
        ("{target: '80', published: '8000-8002', protocol: udp}", [("", "8000-8002", 80, "udp")]),
    ],
)
def test_forms(entry: str, wanted: list[tuple[str, str, int, str]]):
    assert ports(entry) == wanted


def test_a_range_of_eleven():
    assert len(ports("21000-21010:21000-21010")) == 11


def test_one_host_port_for_both_protocols():
    assert ports("5000:5000/tcp", "5000:5000/udp") == [("", "5000", 5000, "tcp"), ("", "5000", 5000, "udp")]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("'80:'", "no container port"),
        ("'a:80'", "invalid published port: a"),
        ("'1-2:80-82'", "invalid ranges specified"),
        ("'80/foo'", "invalid protocol: foo"),
        ("'70000:1'", "invalid published port: 70000"),
        ("'80:70000'", "invalid container port"),
        ("80.5", "invalid container port: 80.5"),
        ("'host:80:80'", "invalid IP address: host"),
        ("''", "no container port"),
        ("{published: 80}", "is missing a target port"),
        ("'5-1:80'", "invalid published port: 5-1"),
        ("'80/'", "no protocol"),
        ("{target: 80, mode: other}", "expected ingress or host"),
        ("'[::1:80'", "no closing bracket"),
        ("'-1:80'", "invalid published port"),
        ("true", "expected a number, a string or a mapping, got a boolean"),
        ("{target: 0}", "invalid container port: 0"),
    ],
)
def test_errors_name_the_entry(entry: str, message: str):
    with pytest.raises(InvalidArgument) as error:
        ports("80:80", entry)
    assert str(error.value).startswith("compose.yaml:6:") and "services.a.ports.1" in str(error.value)
    assert message in str(error.value)
