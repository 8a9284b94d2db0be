"""What goes wrong, and when."""

import asyncio
from random import Random

from shoal.model.cluster.task import TaskState
from shoal.simulation.world import World

#: at most so long does one fault last, in seconds
_LONG_S = 20.0


class Faults:
    """Breaks something now and then, several things at once; `stop` mends everything."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance: Random = world.chance("faults")
        self._down: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        kinds = [self._crash, self._crash, self._partition, self._isolate, self._loss, self._slow, self._skew]
        kinds += [self._forget, self._break_container]
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(self._chance.expovariate(1 / 6))
                group.create_task(self._chance.choice(kinds)())

    async def mend(self) -> None:
        """Nothing is broken any more."""
        self._world.story.tell("all faults end")
        self._world.links.heal()
        for node_id, host in self._world.hosts.items():
            host.machine.is_slow = False
            host.machine.skew_ns = 0
            await self._world.boot(node_id)

    def _some_node(self) -> str:
        return self._chance.choice(list(self._world.hosts))

    async def _last(self) -> None:
        await asyncio.sleep(self._chance.random() * _LONG_S)

    async def _crash(self) -> None:
        node_id = self._some_node()
        if node_id in self._down:
            return
        self._down.add(node_id)
        await self._world.crash(node_id, power=self._chance.random() < 0.4)
        await self._last()
        await self._world.boot(node_id)
        self._down.discard(node_id)

    async def _partition(self) -> None:
        nodes = list(self._world.hosts)
        self._chance.shuffle(nodes)
        where = self._chance.randrange(1, len(nodes)) if len(nodes) > 1 else 1
        self._world.story.tell(f"cut off from the others: {' '.join(sorted(nodes[:where]))}")
        self._world.links.cut(nodes[:where], nodes[where:])
        await self._last()
        self._world.story.tell("the network is whole again")
        self._world.links.heal()

    async def _isolate(self) -> None:
        """One node hears, but is not heard."""
        node_id = self._some_node()
        self._world.story.tell(f"{node_id}: nobody hears it")
        for other in self._world.hosts:
            if other != node_id:
                self._world.links.cut_one_way(node_id, other)
        await self._last()
        self._world.story.tell("the network is whole again")
        self._world.links.heal()

    async def _loss(self) -> None:
        links = self._world.links
        links.loss, links.delay_s = self._chance.random() * 0.3, self._chance.random() * 0.5
        self._world.story.tell(f"messages are lost: {links.loss:.0%}, late by up to {links.delay_s:.2f} s")
        await self._last()
        links.loss, links.delay_s = 0.0, 0.001
        self._world.story.tell("messages are lost no more")

    async def _slow(self) -> None:
        machine = self._world.hosts[self._some_node()].machine
        self._world.story.tell(f"{machine.node_id}: its disk is slow")
        machine.is_slow = True
        await self._last()
        machine.is_slow = False

    async def _skew(self) -> None:
        machine = self._world.hosts[self._some_node()].machine
        machine.skew_ns = int((self._chance.random() - 0.5) * 20e9)
        self._world.story.tell(f"{machine.node_id}: its clock is {machine.skew_ns / 1e9:+.2f} s off")
        await self._last()
        machine.skew_ns = 0

    async def _forget(self) -> None:
        """The store forgets its past."""
        self._world.story.tell("the store is compacted")
        for host in self._world.hosts.values():
            if host.store is not None:
                host.store.compact_now(self._world.cluster.table.revision + 1)
                return

    async def _break_container(self) -> None:
        """Somebody kills a container."""
        machine = self._world.hosts[self._some_node()].machine
        if running := sorted(machine.running):
            machine.set(
                self._chance.choice(running), TaskState.FAILED, error="task: non-zero exit (137)", exit_code=137
            )
