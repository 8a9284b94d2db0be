"""What an engine does when it starts: adopt what lives, finish or undo what is half done, remove what is dead."""

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping, Sequence

from shoal.contracts.networking import Holding, HostNetwork
from shoal.engine.networks import wiring
from shoal.engine.networks.attach import Attaching
from shoal.engine.networks.overlays import Overlays, is_port
from shoal.engine.networks.parts import Parts
from shoal.engine.networks.sandboxes import Sandboxes
from shoal.errors import DriverError, ShoalError
from shoal.model.endpoint import Endpoint
from shoal.model.network import Network, Sandbox

log = logging.getLogger(__name__)
RETRY_S = 1.0
PLUGINS_S = 10.0
MOUNTS = "mounts"  #: what netd holds in place of a container to stay alive, and its mount namespace with it


class Repair:
    """Compares the records with the host and makes them agree."""

    def __init__(self, parts: Parts, sandboxes: Sandboxes, attaching: Attaching, overlays: Overlays) -> None:
        self._parts = parts
        self._overlays = overlays
        self._sandboxes = sandboxes
        self._attaching = attaching
        self._keeps_mounts = False

    async def run(self, living: Mapping[str, int]) -> None:
        """living: {container id: pid of its first process}."""
        await self._forwarding()
        for network in self._parts.store.all(Network):
            if network.driver in wiring.WITH_BRIDGE:
                await self._bridge(network)
        held = await self._parts.netd.open()
        self._overlays.found_held(held)
        sandboxes = await self._forget_dead(living)
        self._parts.leases.load(sandboxes)
        self._parts.claims.load(self._by_hand(sandboxes))
        await self._names_of_namespaces(sandboxes, living)
        try:
            await self._parts.netd.drop([id for id in held if id not in living and id != MOUNTS and not is_port(id)])
        except DriverError as error:  # `watch` starts another
            log.error("netd has just ended", extra={"cause": error.message})
        sandboxes = [await self._put_back(sandbox) for sandbox in sandboxes]
        await self.hold_all(held)
        await self._parts.gate.rebuild()
        await self._rename(sandboxes)
        await self._sweep(sandboxes)

    def _by_hand(self, sandboxes: Sequence[Sandbox]) -> Iterator[tuple[Sandbox, Endpoint]]:
        for sandbox in sandboxes:
            for attachment in () if sandbox.shares else self._parts.attachments(sandbox):
                if wiring.is_by_hand(attachment.network, attachment.settings):
                    yield sandbox, attachment.endpoint

    async def _bridge(self, network: Network) -> None:
        """The network's bridge is there. One that can't be made is no reason for all others to stay away."""
        try:
            await self._parts.links.ensure_bridge(wiring.bridge_link(network))
        except DriverError as error:
            log.error("network has no bridge", extra={"network": network.name, "cause": error.message})
        if network.driver == "bridge":
            self._parts.gate.set_bridge(network.id, wiring.bridge_of(network))

    async def _forwarding(self) -> None:
        if await self._parts.links.enable_forwarding(ipv6=False):
            log.warning("net.ipv4.ip_forward was off and is on now: this host routes between its links")
        if any(n.spec.enable_ipv6 for n in self._parts.store.all(Network)):
            await self._parts.links.enable_forwarding(ipv6=True)

    async def _forget_dead(self, living: Mapping[str, int]) -> list[Sandbox]:
        """The sandboxes that are left."""
        found = self._parts.store.all(Sandbox)
        dead = [s for s in found if s.container_id not in living]
        await self._tell_plugins(dead)
        await self._parts.store.commit(deletes=[(Sandbox, s.container_id) for s in dead])
        return [s for s in found if s.container_id in living]

    async def _tell_plugins(self, dead: Sequence[Sandbox]) -> None:
        """Plugins know of containers that ended while we were away. One that hangs keeps nobody waiting for long."""
        try:
            async with asyncio.timeout(PLUGINS_S):
                for sandbox in dead:
                    await self._parts.plugged.give_back(sandbox.container_id, self._parts.attachments(sandbox))
        except TimeoutError:
            log.error("plugins were not told of all containers that have ended")

    async def _names_of_namespaces(self, sandboxes: Sequence[Sandbox], living: Mapping[str, int]) -> None:
        """Every living namespace has its name under the run directory, and no other has one."""
        pinned = await self._parts.links.pinned()
        for sandbox in sandboxes:
            if sandbox.netns_path is not None and not sandbox.shares and not pinned.get(sandbox.container_id):
                await self._pin(sandbox, living[sandbox.container_id])
        alive = {s.container_id for s in sandboxes}
        for container_id in pinned:
            if container_id not in alive:
                await self._parts.links.destroy(container_id, ())

    async def _pin(self, sandbox: Sandbox, pid: int) -> None:
        descriptors = await self._parts.netd.take(sandbox.container_id)
        try:
            if not descriptors:
                descriptors = (os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC),)
            await self._parts.links.pin(sandbox.container_id, descriptors[0])
        except (OSError, DriverError) as error:
            log.warning("network namespace not named", extra={"container": sandbox.container_id, "cause": str(error)})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    async def hold_all(self, held: Sequence[str]) -> None:
        """netd and the firewall know every sandbox. held: ids of those whose sockets netd has"""
        host = await self._parts.links.host()
        for container_id in [sandbox.container_id for sandbox in self._parts.store.all(Sandbox)]:
            try:
                async with self._parts.lock(container_id):
                    await self._hold(container_id, host, has_sockets=container_id in held)
            except ShoalError as error:
                log.error("network not repaired", extra={"container": container_id, "cause": error.message})

    async def _hold(self, container_id: str, host: HostNetwork, *, has_sockets: bool) -> None:
        sandbox = self._parts.store.get(Sandbox, container_id)
        if sandbox is None or sandbox.netns_path is None or sandbox.shares:
            return  # it may have ended while the others were seen to
        attachments = self._parts.attachments(sandbox)
        wanted = wiring.wanted_resolv_conf(sandbox.request, host, self._parts.settings.dns)
        descriptors: tuple[int, ...] = ()
        if not has_sockets and wiring.needs_resolver(attachments, wanted):
            descriptors = await self._parts.links.add_resolver(container_id)
        forward = self._sandboxes.forward(sandbox.request, host, attachments)
        await self._attaching.hold(sandbox, attachments, forward, descriptors)

    async def keep_mounts(self, wanted: bool) -> None:
        """netd stays, or not, when it holds nothing of a container. An absent netd is told by `watch`."""
        self._keeps_mounts = wanted
        try:
            if wanted:
                await self._parts.netd.put(MOUNTS, Holding())
            else:
                await self._parts.netd.drop([MOUNTS])
        except DriverError as error:
            log.error("netd has just ended", extra={"cause": error.message})

    async def _put_back(self, sandbox: Sandbox) -> Sandbox:
        """The sandbox without the half of a connect or a disconnect."""
        try:
            return await self._attaching.put_back(sandbox)
        except (ShoalError, OSError) as error:
            log.error("network not put back", extra={"container": sandbox.container_id, "cause": str(error)})
            return sandbox

    async def _rename(self, sandboxes: Sequence[Sandbox]) -> None:
        """Every container is found by the name that it has."""
        for sandbox in sandboxes:
            try:
                name = self._parts.known_members().member(sandbox.container_id).name
                if name != sandbox.request.name:
                    await self._attaching.rename(sandbox.container_id, name)
            except ShoalError as error:
                log.error("name not repaired", extra={"container": sandbox.container_id, "cause": error.message})

    async def _sweep(self, sandboxes: Sequence[Sandbox]) -> None:
        keep = [e.host_interface for s in sandboxes for e in s.endpoints.values() if e.host_interface]
        keep += [n.interface for n in self._parts.store.all(Network) if n.interface]
        await self._parts.links.sweep(keep)

    async def watch_firewall(self) -> None:
        """Put the firewall's tables back whenever somebody flushes them. Ends by being cancelled."""
        while True:
            try:
                await self._parts.gate.watch()
            except (ShoalError, OSError) as error:
                log.error("firewall is not watched", extra={"cause": str(error)})
                await asyncio.sleep(RETRY_S)

    async def watch(self) -> None:
        """Start netd anew whenever it ends, with everything that it held. Ends by being cancelled."""
        while True:
            await self._parts.netd.wait_gone()
            log.error("netd has ended and is started again")
            try:
                held = await self._parts.netd.open()
                await self.keep_mounts(self._keeps_mounts)
                await self.hold_all(held)
                await self._overlays.hold_again()
            except ShoalError as error:
                log.error("netd can't be started", extra={"cause": error.message})
                await asyncio.sleep(RETRY_S)
