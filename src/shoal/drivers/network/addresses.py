"""Addresses of this machine."""

from shoal.drivers.network import netlink as nl

#: kinds of links that carry containers or tunnels rather than other machines, on most machines
INNER_KINDS = ("bridge", "vxlan", "dummy", "tun")


def read_addresses() -> list[tuple[str, str, str]]:
    """(interface, address, kind of link) of every address, as the calling thread's namespace shows it.

    kind: "" for what is no virtual link
    """
    with nl.Netlink() as netlink:
        links = {index: (name, _kind(attributes)) for name, (index, attributes) in netlink.links().items()}
        return [(links[index][0], address, links[index][1]) for index, address, _ in netlink.addresses()]


def _kind(attributes: nl.Attributes) -> str:
    inner = nl.attributes_of(attributes.get(nl.IFLA_LINKINFO, b""), 0)
    return inner.get(nl.IFLA_INFO_KIND, b"").rstrip(b"\0").decode()
