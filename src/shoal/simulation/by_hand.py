"""Containers outside services, that users put on networks of the cluster and take off again."""

from random import Random

from shoal.model.cluster.assignment import Attached
from shoal.simulation.invariants import Broken
from shoal.simulation.world import World


class ByHand:
    """What `docker run --network` and `docker rm` do to a simulated machine, as far as the managers hear of it."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self._names = 0

    async def change(self, network_id: str) -> str:
        """One comes or one goes, on some machine whose engine runs; what was done. Raises: ShoalError, Broken"""
        there = sorted(name for name, host in self._world.hosts.items() if host.attachments is not None)
        if not there:
            return ""
        node_id = self._chance.choice(there)
        attached = self._world.hosts[node_id].machine.attached
        if attached and self._chance.random() < 0.5:
            return self._leave(node_id, self._chance.choice(sorted(attached)))
        return await self._join(node_id, network_id)

    def _leave(self, node_id: str, key: tuple[str, str]) -> str:
        host = self._world.hosts[node_id]
        gone = host.machine.attached.pop(key)
        if host.attachments is not None:
            host.attachments.changed()
        return f"takes {gone.name} off its network on {node_id}"

    async def _join(self, node_id: str, network_id: str) -> str:
        host = self._world.hosts[node_id]
        asked, attached = host.attachments, host.machine.attached
        self._names += 1
        name = f"x{self._names}"
        wish = Attached(container_id=f"c-{name}", network_id=network_id, name=name, names=(name,))
        if asked is None:
            return ""
        attached[wish.key] = wish
        found = None
        try:
            found = await asked.attach(wish)
        finally:
            if found is None or host.attachments is not asked:  # its engine has ended meanwhile: no container
                attached.pop(wish.key, None)
                if host.attachments is not None:
                    host.attachments.changed()
        if wish.key not in attached:
            return ""
        self._check(found)
        attached[wish.key] = found
        return f"puts {name} on a network on {node_id}: {found.ipv4}"

    def _check(self, found: Attached) -> None:
        if not found.ipv4:
            raise Broken(f"{found.name} has no address")
        for node_id, host in self._world.hosts.items():
            for other in host.machine.attached.values():
                if (other.network_id, other.ipv4) == (found.network_id, found.ipv4) and other.key != found.key:
                    raise Broken(f"{found.name} has the address {found.ipv4} of {other.name} on {node_id}")
