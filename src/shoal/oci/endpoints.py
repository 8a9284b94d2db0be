"""Where a registry is: its base URLs, and whether it may be spoken to without TLS."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from shoal.oci.reference import DEFAULT_DOMAIN

HUB = "https://registry-1.docker.io"
_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One base URL of a registry, without a slash at its end.

    is_insecure: certificates are not checked, and passwords may go over plain HTTP
    is_mirror: asked first, for reading only; what it can't give the registry itself is asked for
    """

    url: str
    is_insecure: bool = False
    is_mirror: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether there is no TLS."""
        return self.url.startswith("http://")


def endpoints(domain: str, mirrors: Sequence[str] = (), insecure: Sequence[str] = ()) -> list[Endpoint]:
    """The endpoints of a registry in the order in which they are tried.

    mirrors: base URLs asked before docker.io
    insecure: "host", "host:port" or "10.0.0.0/8" that may be spoken to without TLS; loopback always may
    """
    if domain == DEFAULT_DOMAIN:
        first = [
            Endpoint(url=url.rstrip("/"), is_insecure=is_insecure(urlsplit(url).netloc, insecure), is_mirror=True)
            for url in mirrors
        ]
        return [*first, Endpoint(url=HUB)]
    if is_insecure(domain, insecure):
        return [Endpoint(url=f"{scheme}://{domain}", is_insecure=True) for scheme in ("https", "http")]
    return [Endpoint(url=f"https://{domain}")]


def is_insecure(domain: str, insecure: Sequence[str] = ()) -> bool:
    """Whether TLS may be done without: loopback, or listed. Names are not looked up."""
    host = urlsplit(f"//{domain}").hostname or ""
    if host == "localhost" or domain in insecure or host in insecure:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(_contains(network, address) for network in insecure)


def _contains(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return "/" in network and address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def registry_of(server_address: str) -> str:
    """The domain that a login is for: "https://index.docker.io/v1/" is "docker.io", "http://x:5000" is "x:5000"."""
    text = server_address.strip()
    domain = urlsplit(text).netloc if "://" in text else text.partition("/")[0]
    return DEFAULT_DOMAIN if not domain or domain in _HUB_NAMES else domain
