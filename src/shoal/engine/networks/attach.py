"""Running and stopped containers connected to networks and disconnected from them."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from shoal.contracts.networking import PortRefused
from shoal.engine.networks import wiring
from shoal.engine.networks.parts import Parts
from shoal.engine.networks.sandboxes import Sandboxes
from shoal.engine.networks.wiring import Attachment
from shoal.errors import Conflict, DriverError, NotFound, ShoalError
from shoal.lifecycle.network import files
from shoal.lifecycle.network.names import endpoint_names
from shoal.lifecycle.network.rules import check_connect, check_disconnect, check_endpoint
from shoal.model.endpoint import Endpoint, EndpointSettings
from shoal.model.network import IFNAME, JoinRequest, Member, Network, Sandbox


class Attaching:
    """Connects and disconnects; also renames, which is the same work on names."""

    def __init__(self, parts: Parts, sandboxes: Sandboxes) -> None:
        self._parts = parts
        self._sandboxes = sandboxes

    async def connect(self, network: Network, container: str, settings: EndpointSettings) -> None:
        """Attach a container to one more network. Raises: Forbidden, InvalidArgument, NotFound"""
        member = self._parts.known_members().member(container)
        async with self._parts.lock(member.container_id):
            sandbox = self._parts.store.get(Sandbox, member.container_id)
            connected = {*member.endpoints, *(sandbox.endpoints if sandbox is not None else ())}
            check_connect(network, member.network_mode, connected, member.name)
            check_endpoint(network, settings)
            wanted = {**member.endpoints, network.name: settings}
            if sandbox is not None and member.is_running:
                await self._plug(sandbox, network, settings, wanted)
            else:
                await self._save(member.container_id, wanted)
        self._parts.publish(network, "connect", {"container": member.container_id})

    async def _save(self, container_id: str, endpoints: Mapping[str, EndpointSettings]) -> None:
        await self._parts.known_members().save_endpoints(container_id, endpoints)

    async def _plug(
        self,
        sandbox: Sandbox,
        network: Network,
        settings: EndpointSettings,
        wanted: Mapping[str, EndpointSettings],
    ) -> None:
        """wanted: what the container asks for from now on"""
        request = replace(sandbox.request, endpoints={**sandbox.request.endpoints, network.name: settings})
        taken = {e.interface for e in sandbox.endpoints.values()}
        interface = settings.driver_opts.get(IFNAME) or next(
            name for i in range(len(taken) + 1) if (name := f"eth{i}") not in taken
        )
        added = Attachment(network, settings, await self._new_endpoint(request, network, settings, interface))
        before = self._parts.attachments(sandbox)
        try:
            async with self._changing(sandbox, added.endpoint):
                if network.is_plugins:
                    added = await self._join_plugin(sandbox, request, added, taken)
                after = wiring.in_order([*before, added])
                endpoints = {**sandbox.endpoints, network.name: added.endpoint}
                changed = replace(sandbox, request=request, endpoints=endpoints)
                await self._plug_wire(sandbox.container_id, added, after)
                lines = wiring.hosts_lines(added, request)
                changed = await self._settle(changed, before, after, added_lines=lines)
                if wiring.is_by_hand(network, settings) and self._parts.attached_changed is not None:
                    await self._parts.attached_changed()
                await self._save(sandbox.container_id, wanted)
                await self._parts.store.commit(changed)
        except BaseException:
            self._parts.release(sandbox.container_id, network.id)
            raise

    async def _new_endpoint(
        self, request: JoinRequest, network: Network, settings: EndpointSettings, interface: str
    ) -> Endpoint:
        given = await self._sandboxes.given(request, network, settings)
        try:
            return self._sandboxes.new_endpoint(request, network, settings, interface, given)
        except BaseException:
            self._parts.release(request.container_id, network.id)
            await asyncio.shield(self._parts.plugged.release_addresses(network, *given))
            raise

    async def _join_plugin(
        self, sandbox: Sandbox, request: JoinRequest, added: Attachment, taken: Collection[str]
    ) -> Attachment:
        """The attachment as its plugin made it; the record knows, so that it can be undone."""
        added = await self._parts.plugged.attach(request, added, sandbox.netns_path or "", taken)
        await self._parts.store.commit(replace(sandbox, changing=added.endpoint))
        self._parts.leases.hold_endpoint(sandbox.container_id, added.endpoint)
        return added

    async def _plug_wire(self, container_id: str, attachment: Attachment, attachments: Sequence[Attachment]) -> None:
        if wiring.has_link(attachment):
            wire = replace(wiring.wire_of(attachment, attachments), gateways=())
            await self._parts.links.plug(container_id, wire)

    @asynccontextmanager
    async def _changing(self, sandbox: Sandbox, endpoint: Endpoint) -> AsyncIterator[None]:
        """The record says that the endpoint comes or goes; when the block fails all is as before."""
        changing = replace(sandbox, changing=endpoint)
        await self._parts.store.commit(changing)
        try:
            yield
        except BaseException as error:
            try:
                await asyncio.shield(self._back(changing))
            except ShoalError as second:
                error.add_note(f"putting the network back failed too: {second.message}")
            raise

    async def _back(self, changing: Sandbox) -> None:
        sandbox = await self.put_back(self._parts.store.get(Sandbox, changing.container_id) or changing)
        host = await self._parts.links.host()
        attachments = self._parts.attachments(sandbox)
        await self.hold(sandbox, attachments, self._sandboxes.forward(sandbox.request, host, attachments))

    async def put_back(self, sandbox: Sandbox) -> Sandbox:
        """The sandbox of a living container, inside as its record has it, after a change of an endpoint was cut off."""
        endpoint = sandbox.changing
        if endpoint is None:
            return sandbox
        container_id, request, name = sandbox.container_id, sandbox.request, endpoint.network_name
        attachments = self._parts.attachments(sandbox)
        kept = next((a for a in attachments if a.endpoint.endpoint_id == endpoint.endpoint_id), None)
        network = self._parts.network_by_id(endpoint.network_id)
        lines: list[str] = []
        if network is not None:
            known = kept or Attachment(network, EndpointSettings(), endpoint)
            lines = wiring.hosts_lines(known, request)
            if network.is_plugins:
                sandbox = await self._put_back_plugin(sandbox, known, is_kept=kept is not None)
                attachments = self._parts.attachments(sandbox)
            else:
                await self._put_back_wire(container_id, known, attachments, is_kept=kept is not None)
        routes = [(a.endpoint.interface, way) for a in attachments for way in wiring.gateways_of(a, attachments)]
        await self._parts.links.set_gateways(container_id, routes)
        host = await self._parts.links.host()
        asks_us = wiring.needs_resolver(attachments, wiring.wanted_resolv_conf(request, host, self._parts.settings.dns))
        hosts = await asyncio.to_thread(_edit_files, sandbox, lines, lines if kept else [], not asks_us)
        endpoints = {n: e for n, e in self._parts.known_members().member(container_id).endpoints.items() if n != name}
        if kept is not None:
            endpoints[name] = kept.settings
        await self._save(container_id, endpoints)
        sandbox = replace(sandbox, changing=None, hosts=hosts)
        await self._parts.store.commit(sandbox)
        return sandbox

    async def _put_back_wire(
        self, container_id: str, known: Attachment, attachments: Sequence[Attachment], *, is_kept: bool
    ) -> None:
        wire = replace(wiring.wire_of(known, attachments), gateways=())
        if all(a is known or a.endpoint.interface != wire.interface for a in attachments):
            await self._parts.links.unplug(container_id, wire)
        if is_kept:
            await self._parts.links.plug(container_id, wire)

    async def _put_back_plugin(self, sandbox: Sandbox, known: Attachment, *, is_kept: bool) -> Sandbox:
        """The sandbox with the endpoint of a plugin's network made anew, or given back whole."""
        container_id, plugged = sandbox.container_id, self._parts.plugged
        known = replace(known, endpoint=replace(known.endpoint, is_joined=True))  # as far as anybody knows
        if not is_kept:
            await plugged.give_back(container_id, [known])
            return sandbox
        await plugged.detach(container_id, known)
        taken = {e.interface for e in sandbox.endpoints.values() if e.endpoint_id != known.endpoint.endpoint_id}
        again = await plugged.attach(sandbox.request, known, sandbox.netns_path or "", taken)
        await self._plug_wire(container_id, again, ())
        return replace(sandbox, endpoints={**sandbox.endpoints, known.network.name: again.endpoint})

    async def disconnect(self, network: Network, container: str, *, force: bool) -> None:
        """Detach a container from a network. Raises: NotFound, Conflict, InvalidArgument"""
        member = self._find(network, container, force)
        async with self._parts.lock(member.container_id):
            check_disconnect(network, member.network_mode)
            sandbox = self._parts.store.get(Sandbox, member.container_id)
            is_live = sandbox is not None and network.name in sandbox.endpoints
            if not is_live and network.name not in member.endpoints:
                raise Conflict(f"container {member.container_id} is not connected to network {network.name}")
            kept = {name: s for name, s in member.endpoints.items() if name != network.name}
            if sandbox is not None and is_live:
                await self._unplug(sandbox, network, kept)
            elif len(kept) != len(member.endpoints):
                await self._save(member.container_id, kept)
        self._parts.publish(network, "disconnect", {"container": member.container_id})

    def _find(self, network: Network, container: str, force: bool) -> Member:
        try:
            return self._parts.known_members().member(container)
        except NotFound:
            for sandbox in self._parts.sandboxes_on(network.id) if force else ():
                if container in (sandbox.request.name, sandbox.container_id):
                    return Member(
                        container_id=sandbox.container_id,
                        name=sandbox.request.name,
                        hostname=sandbox.request.hostname,
                        is_running=False,
                        network_mode=sandbox.request.network_mode,
                    )
            raise

    async def _unplug(self, sandbox: Sandbox, network: Network, wanted: Mapping[str, EndpointSettings]) -> None:
        before = self._parts.attachments(sandbox)
        gone = next(a for a in before if a.network.id == network.id)
        after = [a for a in before if a is not gone]
        endpoints = {name: e for name, e in sandbox.endpoints.items() if name != network.name}
        asked = {name: s for name, s in sandbox.request.endpoints.items() if name != network.name}
        changed = replace(sandbox, endpoints=endpoints, request=replace(sandbox.request, endpoints=asked))
        async with self._changing(sandbox, gone.endpoint):
            if network.is_plugins:
                await self._parts.plugged.detach(sandbox.container_id, gone)
            else:
                await self._parts.links.unplug(sandbox.container_id, wiring.wire_of(gone, before))
            lines = wiring.hosts_lines(gone, sandbox.request)
            changed = await self._settle(changed, before, after, removed_lines=lines)
            with suppress(NotFound):  # a container that nobody knows any more
                await self._save(sandbox.container_id, wanted)
            await self._parts.store.commit(changed)
        self._parts.release(sandbox.container_id, network.id)
        await self._parts.plugged.release_addresses(network, gone.endpoint.ipv4_address, gone.endpoint.ipv6_address)
        await self._parts.claims.told(sandbox.container_id, [gone.endpoint])
        await self._parts.left([network.id])

    async def _settle(
        self,
        sandbox: Sandbox,
        before: list[Attachment],
        after: list[Attachment],
        added_lines: list[str] | None = None,
        removed_lines: list[str] | None = None,
    ) -> Sandbox:
        """The sandbox with routes, names, ports, firewall and files as they follow from the endpoints `after`."""
        await self._route(sandbox.container_id, before, after)
        host = await self._parts.links.host()
        wanted = wiring.wanted_resolv_conf(sandbox.request, host, self._parts.settings.dns)
        had_resolver = wiring.needs_resolver(before, wanted)
        asks_us = wiring.needs_resolver(after, wanted) or had_resolver
        descriptors: tuple[int, ...] = ()
        if asks_us and not had_resolver:
            descriptors = await self._parts.links.add_resolver(sandbox.container_id)
        forward = self._sandboxes.forward(sandbox.request, host, after) if asks_us else ()
        await self.hold(sandbox, after, forward, descriptors)
        if descriptors:
            text = files.resolv_conf_text(files.behind_local_resolver(wanted), forward)
            sandbox = replace(sandbox, resolv_conf=text)
        hosts = await asyncio.to_thread(_edit_files, sandbox, removed_lines or [], added_lines or [], bool(descriptors))
        return replace(sandbox, hosts=hosts)

    async def _route(self, container_id: str, before: list[Attachment], after: list[Attachment]) -> None:
        old = {a.endpoint.interface: wiring.gateways_of(a, before) for a in before}
        new = {a.endpoint.interface: wiring.gateways_of(a, after) for a in after}
        if {i: g for i, g in old.items() if g} == {i: g for i, g in new.items() if g}:
            return
        routes = [(interface, gateway) for interface, gateways in new.items() for gateway in gateways]
        await self._parts.links.set_gateways(container_id, routes)

    async def hold(
        self,
        sandbox: Sandbox,
        attachments: list[Attachment],
        forward: tuple[str, ...],
        descriptors: tuple[int, ...] = (),
    ) -> None:
        """Bring netd and the firewall to the sandbox as it is. Closes the descriptors. Raises: DriverError"""
        wishes = wiring.bound_wishes(sandbox.ports)
        holding = wiring.holding_of(attachments, forward, wishes, self._parts.member_id)
        result = await self._parts.netd.put(sandbox.container_id, holding, descriptors)
        if isinstance(result, PortRefused):
            raise DriverError(f"port of container {sandbox.request.name} on {result.ip} lost: {result.detail}")
        forwards = wiring.forwards_of(sandbox.request, sandbox.ports, wiring.publication(attachments))
        self._parts.gate.set_forwards(sandbox.container_id, tuple(forwards))
        await self._parts.gate.settle()

    async def rename(self, container_id: str, name: str) -> None:
        """Make the new name of a running container resolve, and the old one no longer."""
        async with self._parts.lock(container_id):
            sandbox = self._parts.store.get(Sandbox, container_id)
            if sandbox is None:
                return
            request = replace(sandbox.request, name=name)
            endpoints = {
                network: replace(
                    endpoint,
                    dns_names=endpoint_names(name, endpoint.aliases, container_id, request.hostname),
                )
                if endpoint.dns_names
                else endpoint
                for network, endpoint in sandbox.endpoints.items()
            }
            renamed = replace(sandbox, request=request, endpoints=endpoints)
            if sandbox.netns_path is not None and not sandbox.shares:
                host = await self._parts.links.host()
                attachments = self._parts.attachments(renamed)
                await self.hold(renamed, attachments, self._sandboxes.forward(request, host, attachments))
            await self._parts.store.commit(renamed)
            for endpoint in endpoints.values():
                self._parts.claims.note(container_id, endpoint)


def _edit_files(sandbox: Sandbox, removed: list[str], added: list[str], new_resolver: bool) -> str:
    """The new text of the container's /etc/hosts; its own edits in there stay."""
    path = Path(sandbox.request.hosts_path) if sandbox.request.hosts_path else None
    text = path.read_text() if path is not None and path.exists() else sandbox.hosts
    text = files.edit_hosts(text, removed, added)
    if path is not None:
        path.write_text(text)
    if new_resolver and sandbox.request.resolv_conf_path:
        Path(sandbox.request.resolv_conf_path).write_text(sandbox.resolv_conf)
    return text
