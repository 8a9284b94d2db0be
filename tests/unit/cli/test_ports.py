"""Ports as `ps` shows and `-p` takes them."""

from typing import Any

import pytest

from shoal.cli.ports import parse_expose, parse_publish, ports_text


def port(private: int, public: int = 0, ip: str = "", kind: str = "tcp") -> dict[str, Any]:
    return {"PrivatePort": private, "Type": kind, **({"IP": ip, "PublicPort": public} if ip else {})}


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ([], ""),
        ([port(6379)], "6379/tcp"),
        ([port(80, 8080, "0.0.0.0"), port(80, 8080, "::")], "0.0.0.0:8080->80/tcp, :::8080->80/tcp"),
        ([port(5000, 5000, "::"), port(5000, 5000, "0.0.0.0")], "0.0.0.0:5000->5000/tcp, :::5000->5000/tcp"),
        ([port(81), port(80), port(82), port(90)], "80-82/tcp, 90/tcp"),
        ([port(80, 80, "0.0.0.0"), port(81, 81, "0.0.0.0")], "0.0.0.0:80-81->80-81/tcp"),
        ([port(53, 53, "127.0.0.1", "udp"), port(53)], "53/tcp, 127.0.0.1:53->53/udp"),
    ],
)
def test_shown(ports: list[dict[str, Any]], text: str) -> None:
    assert ports_text(ports) == text


def bound(ip: str, host: str) -> dict[str, str]:
    return {"HostIp": ip, "HostPort": host}


@pytest.mark.parametrize(
    ("spec", "bindings"),
    [
        ("80", {"80/tcp": [bound("", "")]}),
        ("8080:80", {"80/tcp": [bound("", "8080")]}),
        ("127.0.0.1:8080:80/udp", {"80/udp": [bound("127.0.0.1", "8080")]}),
        ("127.0.0.1::80", {"80/tcp": [bound("127.0.0.1", "")]}),
        ("[::1]:8080:80", {"80/tcp": [bound("::1", "8080")]}),
        ("8000-8001:80-81", {"80/tcp": [bound("", "8000")], "81/tcp": [bound("", "8001")]}),
        ("8000-8010:80", {"80/tcp": [bound("", "8000-8010")]}),
    ],
)
def test_published(spec: str, bindings: dict[str, Any]) -> None:
    exposed, found = parse_publish([spec])
    assert found == bindings
    assert exposed == {key: {} for key in bindings}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("x", "invalid containerPort: x"),
        ("a:80", "invalid hostPort: a"),
        ("80:", "no port specified: 80:<empty>"),
        ("80/icmp", "invalid proto: icmp"),
        ("1.2.3:80:80", "invalid IP address: 1.2.3"),
        ("70000:80", "invalid hostPort: 70000"),
        ("8000-8002:80-81", "invalid ranges specified for container and host Ports: 80-81 and 8000-8002"),
        ("9-8", "invalid containerPort: 9-8: invalid range specified for port: 9-8"),
    ],
)
def test_refused(spec: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_publish([spec])
    assert str(error.value) == message


def test_exposed() -> None:
    assert parse_expose(["80", "90-91/udp"]) == {"80/tcp": {}, "90/udp": {}, "91/udp": {}}
    with pytest.raises(ValueError, match="invalid port format"):
        parse_expose(["80:80"])
