"""Containers that somebody puts on networks of the cluster here: what the managers are asked and told of them."""

import logging
from collections.abc import Iterable
from dataclasses import replace

from shoal.contracts.cluster.attachments import Attachments
from shoal.errors import Unavailable
from shoal.lifecycle.network import ipam
from shoal.lifecycle.network.names import endpoint_names
from shoal.lifecycle.overlay.attaching import check_attachable
from shoal.model.cluster.assignment import Attached
from shoal.model.endpoint import Endpoint, EndpointSettings
from shoal.model.network import JoinRequest, Network, Sandbox

log = logging.getLogger(__name__)


class Claims:
    """What there is of them; it follows from the sandboxes, and from what is about to be one."""

    def __init__(self) -> None:
        self.cluster: Attachments | None = None  #: who asks the managers
        self._held: dict[tuple[str, str], Attached] = {}
        self._left: set[tuple[str, str]] = set()  #: that `told` has not told yet

    def all(self) -> tuple[Attached, ...]:
        """Those with addresses, and without them those that wait for some."""
        return tuple(self._held.values())

    async def take(self, request: JoinRequest, network: Network, settings: EndpointSettings) -> tuple[str, str]:
        """Addresses that nobody else in the cluster has; "" = no manager answers: the node gives one of its own.

        Raises: Forbidden where one is taken, or only services use the network; InvalidArgument where it is in no
            subnet; Unavailable where no manager can say whether a certain one is free
        """
        check_attachable(network)
        wanted = settings.ipv4_address, settings.ipv6_address
        for version, address in zip((4, 6), wanted, strict=True):
            if address:
                ipam.allocate(network, version, (), address)
        names = endpoint_names(request.name, settings.aliases, request.container_id, request.hostname)
        wish = Attached(
            container_id=request.container_id,
            network_id=network.id,
            name=request.name,
            ipv4=wanted[0],
            ipv6=wanted[1],
            names=names,
        )
        # Without addresses while it is only a wish: the managers leave alone what they know of it.
        self._held[wish.key] = replace(wish, ipv4="", ipv6="")
        try:
            found = await self._asked(wish)
        except BaseException:
            self.release(request.container_id, network.id)
            raise
        self._held[wish.key] = found
        return found.ipv4, found.ipv6

    async def _asked(self, wish: Attached) -> Attached:
        try:
            if self.cluster is None:
                raise Unavailable("this node is in no cluster")
            return await self.cluster.attach(wish)
        except Unavailable as error:
            if wish.ipv4 or wish.ipv6:
                raise
            log.warning("no manager gives an address", extra={"container": wish.name, "cause": error.message})
            return wish

    def note(self, container_id: str, endpoint: Endpoint) -> None:
        """An endpoint of one of these has addresses that the node gave, or its container other names."""
        key = container_id, endpoint.network_id
        if (known := self._held.get(key)) is None:
            return
        now = replace(
            known, ipv4=endpoint.ipv4_address, ipv6=endpoint.ipv6_address, names=endpoint.dns_names or known.names
        )
        if now != known:
            self._held[key] = now
            self._changed()

    def release(self, container_id: str, network_id: str = "") -> None:
        """A container has left a network, or all of them."""
        gone = [key for key in self._held if key[0] == container_id and network_id in ("", key[1])]
        for key in gone:
            del self._held[key]
            self._left.add(key)
        if gone:
            self._changed()

    async def told(self, container_id: str, endpoints: Iterable[Endpoint]) -> None:
        """Who removes the network next is not told that this container is on it. endpoints: that it had

        To be called once they are released. Returns at once for what was no endpoint of these.
        """
        if self.cluster is not None and any((container_id, one.network_id) in self._left for one in endpoints):
            self._left.clear()
            await self.cluster.told()

    def load(self, found: Iterable[tuple[Sandbox, Endpoint]]) -> None:
        """These are there since an earlier engine."""
        for sandbox, endpoint in found:
            one = Attached(
                container_id=sandbox.container_id,
                network_id=endpoint.network_id,
                name=sandbox.request.name,
                ipv4=endpoint.ipv4_address,
                ipv6=endpoint.ipv6_address,
                names=endpoint.dns_names,
            )
            self._held[one.key] = one

    def _changed(self) -> None:
        if self.cluster is not None:
            self.cluster.changed()
