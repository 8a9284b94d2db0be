"""Where registries are, and what they ask for."""

import pytest

from shoal.oci.challenge import Challenge, parse_challenges
from shoal.oci.digest import chain_id, chain_ids, sha256
from shoal.oci.endpoints import HUB, endpoints, is_insecure, registry_of


def urls(domain: str, **settings: list[str]) -> list[str]:
    return [endpoint.url for endpoint in endpoints(domain, **settings)]


def test_mirrors_are_for_docker_io_and_come_first() -> None:
    assert urls("docker.io", mirrors=["https://m.example/"]) == ["https://m.example", HUB]
    assert urls("ghcr.io", mirrors=["https://m.example"]) == ["https://ghcr.io"]


@pytest.mark.parametrize(
    ("domain", "plain"),
    [
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("[::1]:5000", True),
        ("10.1.2.3:5000", True),
        ("reg.local:5000", True),
        ("reg.local", False),
        ("10.2.0.1", False),
        ("example.com", False),
    ],
)
def test_plain_http_is_for_loopback_and_by_setting(domain: str, plain: bool) -> None:
    insecure = ["10.1.0.0/16", "reg.local:5000"]
    assert is_insecure(domain, insecure) == plain
    assert (f"http://{domain}" in urls(domain, insecure=insecure)) == plain


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("", "docker.io"),
        ("http://localhost:5000", "localhost:5000"),
        ("ghcr.io", "ghcr.io"),
        ("ghcr.io/v2/", "ghcr.io"),
    ],
)
def test_login_addresses(address: str, domain: str) -> None:
    assert registry_of(address) == domain


def test_challenges() -> None:
    header = 'Bearer realm="https://auth.example/token?a=b,c",service="reg \\"x\\"", scope=pull, Basic realm="r"'
    assert parse_challenges(header) == [
        Challenge("bearer", {"realm": "https://auth.example/token?a=b,c", "service": 'reg "x"', "scope": "pull"}),
        Challenge("basic", {"realm": "r"}),
    ]
    assert parse_challenges("Basic") == [Challenge("basic", {})]
    assert parse_challenges("") == []


def test_chain_ids() -> None:
    """Source: the example of the OCI image specification, config.md"""
    a, b, c = (f"sha256:{n:064x}" for n in (1, 2, 3))
    ab = sha256(f"{a} {b}".encode())
    assert chain_ids([a, b, c]) == [a, ab, sha256(f"{ab} {c}".encode())]
    assert chain_id(ab, c) == chain_ids([a, b, c])[-1]
