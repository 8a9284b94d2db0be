"""Which address of this machine a node tells to others. Source: moby, daemon/cluster/listen_addr.go"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from shoal.errors import InvalidArgument

DEFAULT_PORT = 2377


@dataclass(frozen=True, slots=True)
class HostAddress:
    """interface: its name; is_inner: of a bridge or a tunnel, which lead to containers on most machines"""

    interface: str
    address: str
    is_inner: bool = False


def split_port(text: str, default: int = DEFAULT_PORT) -> tuple[str, int]:
    """("host", port) of "host", "host:port", "[v6]:port" or a bare IPv6 address. Raises: InvalidArgument"""
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise InvalidArgument(f'invalid port "{port}" in address "{text}"')
    return host, int(port) if port else default


def join_port(host: str, port: int) -> str:
    """ "host:port", with brackets where it is an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen_address(text: str, found: Sequence[HostAddress]) -> tuple[str, int]:
    """(address, port) to listen on. text: address or interface, with or without a port; "" = all addresses"""
    host, port = split_port(text or "0.0.0.0")
    resolved = _resolve(host, found, "listen address must be an IP address or network interface")
    return resolved, port


def advertise_address(text: str, listen: tuple[str, int], found: Sequence[HostAddress]) -> str:
    """ "host:port" to tell others. text: address or interface; "" = the one listened on, else the machine's only one

    Raises: InvalidArgument when it is none, or there are several
    """
    if text:
        host, port = split_port(text, listen[1])
        what = "advertise address must be a non-zero IP address or network interface"
        resolved = _resolve(host, found, what)
        if ip_address(resolved).is_unspecified:
            raise InvalidArgument(f"{what} (with optional port number)")
        return join_port(resolved, port)
    if not ip_address(listen[0]).is_unspecified:
        return join_port(*listen)
    return join_port(only_address(found), listen[1])


def only_address(found: Sequence[HostAddress]) -> str:
    """The machine's only address to others; IPv6 counts where there is no IPv4. Raises: InvalidArgument"""
    usable = [each for each in found if _is_outward(each.address)]
    outward = [each for each in usable if not each.is_inner] or usable
    candidates = [each for each in outward if ip_address(each.address).version == 4] or outward
    if not candidates:
        raise InvalidArgument("could not find the system's IP address")
    first = candidates[0]
    if len(candidates) == 1:
        return first.address
    other = next((each for each in candidates if each.interface != first.interface), candidates[1])
    why = "could not choose an IP address to advertise since this system has multiple addresses on "
    if other.interface == first.interface:
        raise InvalidArgument(f"{why}interface {first.interface} ({first.address} and {other.address})")
    raise InvalidArgument(
        f"{why}different interfaces ({first.address} on {first.interface} and {other.address} on {other.interface})"
    )


def data_path_address(text: str, found: Sequence[HostAddress]) -> str:
    """Where the overlay's packets go to, "" = as told to others. Raises: InvalidArgument"""
    what = "data path address must be a non-zero IP address or network interface"
    return _resolve(text, found, what) if text else ""


def _is_outward(address: str) -> bool:
    ip = ip_address(address)
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)


def _resolve(host: str, found: Sequence[HostAddress], what: str) -> str:
    """An address as it is, or the only one of an interface."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    on_it = [each.address for each in found if each.interface == host]
    if not on_it:
        raise InvalidArgument(f"{what} (with optional port number)")
    for version in (4, 6):
        usable = [each for each in on_it if ip_address(each).version == version and not ip_address(each).is_link_local]
        if len(usable) > 1:
            raise InvalidArgument(
                f"interface {host} has more than one IPv{version} address ({usable[0]} and {usable[1]})"
            )
        if usable:
            return usable[0]
    raise InvalidArgument(f"interface {host} has no usable IPv4 or IPv6 addresses")
