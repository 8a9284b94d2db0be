"""Sandboxes: made when a container starts, given back when it has ended."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path

from shoal.contracts.networking import HostNetwork, OpenNamespace, PortRefused, Wire
from shoal.engine.networks import wiring
from shoal.engine.networks.parts import Parts
from shoal.engine.networks.wiring import Attachment
from shoal.errors import Conflict, InvalidArgument, ShoalError
from shoal.lifecycle.network import files, ipam, ports
from shoal.lifecycle.network.names import endpoint_names
from shoal.lifecycle.network.rules import check_endpoint
from shoal.lifecycle.overlay.attaching import own_address
from shoal.model.endpoint import BoundPort, Endpoint, EndpointSettings
from shoal.model.network import DEFAULT_NETWORK, IFNAME, JoinRequest, Network, Sandbox

log = logging.getLogger(__name__)

Given = dict[str, tuple[str, str]]  #: {network name: (IPv4 address, IPv6 address)}, "" = the pool chooses


class Sandboxes:
    """Joins containers to their networks and lets them leave."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def join(self, request: JoinRequest) -> Sandbox:
        """The sandbox for a container that is about to start; all or nothing."""
        async with self._parts.lock(request.container_id):
            if self._parts.store.get(Sandbox, request.container_id) is not None:
                await self._leave(request.container_id)
            request = replace(request, network_mode=_normal_mode(request.network_mode))
            host = await self._parts.links.host()
            if request.network_mode.startswith("container:"):
                sandbox = self._shared(request)
            elif request.network_mode == "host":
                sandbox = self._on_host(request, host)
            else:
                sandbox = await self._own(request, host)
            try:
                await asyncio.to_thread(write_files, sandbox)
                await self._parts.store.commit(sandbox)
            except BaseException:
                await self._undo(sandbox)
                raise
        for endpoint in sandbox.endpoints.values():
            self._publish("connect", endpoint.network_id, sandbox.container_id)
        return sandbox

    def _publish(self, action: str, network_id: str, container_id: str) -> None:
        network = self._parts.network_by_id(network_id)
        if network is not None:
            self._parts.publish(network, action, {"container": container_id})

    def _shared(self, request: JoinRequest) -> Sandbox:
        owner_id = request.network_mode.removeprefix("container:")
        owner = self._parts.store.get(Sandbox, owner_id)
        if owner is None:
            raise Conflict(f"cannot join network namespace of a non running container: container {owner_id}")
        if request.ports or request.publish_all:
            raise InvalidArgument("conflicting options: port publishing and the container type network mode")
        return Sandbox(
            container_id=request.container_id,
            request=replace(request, hosts_path="", resolv_conf_path=""),
            netns_path=owner.netns_path,
            hosts=owner.hosts,
            resolv_conf=owner.resolv_conf,
            shares=owner.shares or owner_id,
        )

    def _on_host(self, request: JoinRequest, host: HostNetwork) -> Sandbox:
        network = self._parts.network("host")
        wanted = wiring.wanted_resolv_conf(request, host, ())
        endpoint = Endpoint(network_id=network.id, network_name=network.name, endpoint_id=self._parts.sources.new_id())
        return Sandbox(
            container_id=request.container_id,
            request=request,
            netns_path=None,
            endpoints={network.name: endpoint},
            hosts=files.hosts_text(request.extra_hosts, (), self.host_gateways(), host.hosts),
            resolv_conf=files.resolv_conf_text(wanted),
        )

    def host_gateways(self) -> list[str]:
        """This host's addresses on the default bridge: what "host-gateway" stands for."""
        bridge = self._parts.network(DEFAULT_NETWORK)
        return [pool.gateway for pool in bridge.spec.ipam.config if pool.gateway]

    async def _own(self, request: JoinRequest, host: HostNetwork) -> Sandbox:
        request = self._normal_endpoints(request)
        given = await self._given(request)
        try:
            attachments = self._allocate(request, given)
            made = None
            if any(a.network.is_plugins for a in attachments):
                made = await self._parts.links.make_namespace(request.container_id, (), resolver=True)
                attachments = await self._joined(request, attachments, made)
        except BaseException:
            self._parts.release(request.container_id)
            await asyncio.shield(self._not_given(given))
            raise
        try:
            return await self._build(request, host, attachments, made)
        except BaseException:
            self._parts.release(request.container_id)
            raise

    async def _given(self, request: JoinRequest) -> Given:
        """Addresses on networks whose addresses a plugin gives."""
        given: Given = {}
        try:
            for name, settings in request.endpoints.items():
                given[name] = await self.given(request, self._parts.network(name), settings)
        except BaseException:
            self._parts.release(request.container_id)
            await asyncio.shield(self._not_given(given))
            raise
        return given

    async def given(self, request: JoinRequest, network: Network, settings: EndpointSettings) -> tuple[str, str]:
        """The addresses that an endpoint asks for: as they are, or as managers or an IPAM plugin give them."""
        wanted = settings.ipv4_address, settings.ipv6_address
        if wiring.is_by_hand(network, settings):
            return await self._parts.claims.take(request, network, settings)
        if not network.pool_ids:
            return wanted
        return await self._parts.plugged.request_addresses(network, *wanted, settings.mac_address)

    async def _not_given(self, given: Given) -> None:
        for name, addresses in given.items():
            await self._parts.plugged.release_addresses(self._parts.network(name), *addresses)

    async def _joined(
        self, request: JoinRequest, attachments: Sequence[Attachment], made: OpenNamespace
    ) -> list[Attachment]:
        """`attachments` with those of plugins as these made them; nothing is left when that fails."""
        try:
            joined = await self._parts.plugged.attach_all(request, attachments, made.path)
        except BaseException:
            for descriptor in made.descriptors:
                os.close(descriptor)
            await asyncio.shield(self._parts.links.destroy(request.container_id, ()))
            raise
        for attachment in joined:
            self._parts.leases.hold_endpoint(request.container_id, attachment.endpoint)
        return joined

    def _normal_endpoints(self, request: JoinRequest) -> JoinRequest:
        """`request` with its endpoints by their networks' names; that of the network mode is among them."""
        given = dict(request.endpoints) or {request.network_mode: EndpointSettings()}
        named: dict[str, EndpointSettings] = {}
        main = self._parts.network(request.network_mode)
        for reference, settings in given.items():
            network = self._parts.network(_normal_mode(reference))
            if request.mac_address and network == main and not settings.mac_address:
                settings = replace(settings, mac_address=request.mac_address)
            if network == main and main.is_user_defined:
                settings = replace(settings, links=(*settings.links, *request.links))
            named[network.name] = settings
        return replace(request, endpoints=named)

    def _allocate(self, request: JoinRequest, given: Given) -> list[Attachment]:
        """Addresses for all endpoints, taken in one go: nobody else runs in between."""
        attachments: list[Attachment] = []
        wanted = [(self._parts.network(name), settings) for name, settings in request.endpoints.items()]
        for network, settings in sorted(wanted, key=lambda pair: (-pair[1].priority, pair[0].name)):
            interface = settings.driver_opts.get(IFNAME) or f"eth{len(attachments)}"
            endpoint = self.new_endpoint(request, network, settings, interface, given[network.name])
            attachments.append(Attachment(network, settings, endpoint))
        return attachments

    def new_endpoint(
        self,
        request: JoinRequest,
        network: Network,
        settings: EndpointSettings,
        interface: str,
        wanted: tuple[str, str],
    ) -> Endpoint:
        """An endpoint with its addresses taken. wanted: of `given`. Raises: InvalidArgument, Forbidden, Unavailable"""
        check_endpoint(network, settings)
        endpoint_id = self._parts.sources.new_id()
        bare = Endpoint(network_id=network.id, network_name=network.name, endpoint_id=endpoint_id)
        if network.driver == "null":
            return bare
        used = self._parts.leases.addresses(network.id)
        wanted4, wanted6 = wanted
        is_by_hand = wiring.is_by_hand(network, settings)
        if is_by_hand and not wanted4 and not wanted6:
            wanted4, wanted6 = (own_address(network, v, self._parts.node_number, used) for v in (4, 6))
        ipv4, prefix4 = ipam.allocate(network, 4, used, wanted4)
        ipv6, prefix6 = ipam.allocate(network, 6, used, wanted6)
        self._parts.leases.hold(network.id, request.container_id, ipv4, ipv6)
        names = endpoint_names(request.name, settings.aliases, request.container_id, request.hostname)
        veth = f"v{self._parts.settings.tag}{endpoint_id[:8]}" if network.driver in wiring.WITH_BRIDGE else ""
        endpoint = replace(
            bare,
            mac_address=settings.mac_address or ("" if network.is_plugins else ipam.mac_address(ipv4, endpoint_id)),
            ipv4_address=ipv4,
            ipv4_prefix=prefix4,
            ipv4_gateway=wiring.endpoint_gateway(network, 4) if ipv4 else "",
            ipv6_address=ipv6,
            ipv6_prefix=prefix6,
            ipv6_gateway=wiring.endpoint_gateway(network, 6) if ipv6 else "",
            aliases=settings.aliases,
            dns_names=names if network.is_user_defined else (),
            interface=interface,
            host_interface=veth,
        )
        if is_by_hand:
            self._parts.claims.note(request.container_id, endpoint)
        return endpoint

    async def _build(
        self, request: JoinRequest, host: HostNetwork, attachments: Sequence[Attachment], made: OpenNamespace | None
    ) -> Sandbox:
        """made: the namespace, where plugins needed one"""
        wanted = wiring.wanted_resolv_conf(request, host, self._parts.settings.dns)
        asks_us = wiring.needs_resolver(attachments, wanted)
        forward = self.forward(request, host, attachments) if asks_us else ()
        own = [line for a in attachments for line in wiring.hosts_lines(a, request)]
        wires = [wiring.wire_of(a, attachments) for a in attachments if wiring.has_link(a)]
        sandbox = Sandbox(
            container_id=request.container_id,
            request=request,
            netns_path="",
            endpoints={a.network.name: a.endpoint for a in attachments},
            hosts=files.hosts_text(request.extra_hosts, (*own, *self._link_lines(request)), self.host_gateways()),
            resolv_conf=files.resolv_conf_text(
                files.behind_local_resolver(wanted) if asks_us else wanted,
                [server.removeprefix("host:") for server in forward],
            ),
        )
        where = wiring.publication(attachments)
        wishes = wiring.port_wishes(request, where, host.has_ipv6, self._parts.sources.choose(ports.LAST_RANDOM))
        wishes = [self._only_free(wish, where, request.name) for wish in wishes]
        try:
            made = await self._namespace(request.container_id, wires, asks_us, made)
            sandbox = replace(sandbox, netns_path=made.path)
            bound = await self._hold(request, attachments, forward, wishes, made.descriptors)
            sandbox = replace(sandbox, ports=bound)
            forwards = wiring.forwards_of(request, bound, where)
            self._parts.gate.set_forwards(request.container_id, tuple(forwards))
            await self._parts.gate.settle()
            if any(wiring.is_by_hand(a.network, a.settings) for a in attachments) and self._parts.attached_changed:
                await self._parts.attached_changed()
        except BaseException:
            await self._undo(sandbox)
            raise
        return sandbox

    async def _namespace(
        self, container_id: str, wires: Sequence[Wire], asks_us: bool, made: OpenNamespace | None
    ) -> OpenNamespace:
        """The namespace with the wires in it. made: the one that is there already, without any"""
        if made is None:
            return await self._parts.links.make_namespace(container_id, wires, resolver=asks_us)
        try:
            for wire in wires:
                await self._parts.links.plug(container_id, wire)
        except BaseException:
            for descriptor in made.descriptors:
                os.close(descriptor)
            raise
        return made

    def forward(self, request: JoinRequest, host: HostNetwork, attachments: Sequence[Attachment]) -> tuple[str, ...]:
        """Who is asked for names from outside on behalf of this container."""
        wanted = wiring.wanted_resolv_conf(request, host, self._parts.settings.dns)
        from_host = () if request.dns else wanted.nameservers
        return wiring.forward_to(attachments, wanted, from_host)

    def _link_lines(self, request: JoinRequest) -> list[str]:
        """Lines of /etc/hosts for the legacy links of the default bridge."""
        lines = []
        for text in request.links if DEFAULT_NETWORK in request.endpoints else ():
            target, _, alias = text.partition(":")
            found = self._parts.store.get(Sandbox, self._parts.member_id(target.lstrip("/")))
            endpoint = found.endpoints.get(DEFAULT_NETWORK) if found is not None else None
            if found is None or endpoint is None:
                raise Conflict(
                    f"Cannot link to a non running container: /{target} AS /{request.name}/{alias or target}"
                )
            alias = (alias or target).rpartition("/")[2]
            name = found.request.name
            lines.append(files.link_line(endpoint.ipv4_address, alias, found.request.hostname or name, name))
        return lines

    def _only_free(self, wish: ports.Wish, where: wiring.Publication | None, name: str) -> ports.Wish:
        """`wish` without the candidates that our own containers hold. Raises: DriverError when none is left"""
        candidates = self._parts.leases.ports.free_candidates(wish)
        if not candidates and where is not None:
            raise ports.port_error(f"{name} ({where.endpoint.endpoint_id})", ports.already_allocated(wish))
        return replace(wish, candidates=candidates)

    async def _hold(
        self,
        request: JoinRequest,
        attachments: Sequence[Attachment],
        forward: Sequence[str],
        wishes: Sequence[ports.Wish],
        descriptors: Sequence[int],
    ) -> tuple[BoundPort, ...]:
        """Ports bound and names known. Raises: DriverError when a port is taken"""
        holding = wiring.holding_of(attachments, forward, wishes, self._parts.member_id)
        result = await self._parts.netd.put(request.container_id, holding, descriptors)
        if isinstance(result, PortRefused):
            where = wiring.publication(attachments)
            assert where is not None, "ports are wished for only where they lead somewhere"
            wish = wishes[result.index]
            user = result.user
            if wish.is_fixed and not self._parts.leases.ports.free_candidates(wish):
                reason, user = ports.already_allocated(wish), ""
            else:
                reason = ports.in_use(wish, result.ip, where.ipv4 or where.ipv6, result.detail)
            error = ports.port_error(f"{request.name} ({where.endpoint.endpoint_id})", reason)
            error.hint = f"port {wish.candidates[0]} is used by {user}" if user else ""
            raise error
        bound = wiring.ports_of(wishes, result)
        for port in bound:
            self._parts.leases.ports.hold(port)
        return bound

    async def leave(self, container_id: str) -> None:
        """Give back everything of a container that has ended. Idempotent."""
        async with self._parts.lock(container_id):
            await self._leave(container_id)

    async def _leave(self, container_id: str) -> None:
        sandbox = self._parts.store.get(Sandbox, container_id)
        if sandbox is None:
            return
        await self._undo(sandbox)
        await self._parts.store.commit(deletes=[(Sandbox, container_id)])
        for endpoint in sandbox.endpoints.values():
            self._publish("disconnect", endpoint.network_id, container_id)
        await self._parts.claims.told(container_id, sandbox.endpoints.values())
        await self._parts.left([endpoint.network_id for endpoint in sandbox.endpoints.values()])

    async def _undo(self, sandbox: Sandbox) -> None:
        """Take a sandbox apart, as far as it was made. Every step is tried; the first error is raised at the end."""
        container_id = sandbox.container_id
        if sandbox.shares or sandbox.netns_path is None:
            return
        self._parts.gate.set_forwards(container_id, ())
        # What is left of plugins' links goes back while there is a namespace to take it from.
        await self._parts.plugged.give_back(container_id, self._parts.attachments(sandbox))
        veths = [e.host_interface for e in sandbox.endpoints.values() if e.host_interface]
        steps: list[Awaitable[None]] = [
            self._parts.gate.settle(),
            self._parts.netd.drop([container_id]),
            self._parts.links.destroy(container_id, veths),
        ]
        results = await asyncio.gather(*steps, return_exceptions=True)
        for port in sandbox.ports:
            self._parts.leases.ports.release(port)
        self._parts.release(container_id)
        for result in results:
            if isinstance(result, ShoalError):
                log.warning("sandbox not taken apart whole", extra={"container": container_id, "cause": result.message})
            elif isinstance(result, BaseException):
                raise result


def _normal_mode(mode: str) -> str:
    return DEFAULT_NETWORK if mode in ("", "default") else mode


def write_files(sandbox: Sandbox) -> None:
    """Write /etc/hosts and /etc/resolv.conf of a container where it will find them.

    In place: they may be mounted in a running container.
    """
    request = sandbox.request
    for path, text in ((request.hosts_path, sandbox.hosts), (request.resolv_conf_path, sandbox.resolv_conf)):
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text)
