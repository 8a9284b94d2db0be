"""A node's line to the managers over the simulated network."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TypeVar

from shoal.contracts.cluster.dispatcher import Dispatcher
from shoal.errors import NotLeader, Unavailable
from shoal.model.cluster.assignment import AssignmentChange, Attached, Report
from shoal.model.cluster.node import NodeDescription
from shoal.simulation.links import Links
from shoal.swarm.manager import Manager

_RESEND_S = 0.2
_GIVE_UP_S = 5.0


T = TypeVar("T")


class Line:
    """`contracts.cluster.dispatcher.Dispatcher` of one machine: asks a manager, goes to whom it names as the leader.

    managers: those that run now, by node id
    """

    def __init__(self, node_id: str, links: Links, managers: Callable[[], Mapping[str, Manager]]) -> None:
        self._node_id = node_id
        self._links = links
        self._managers = managers
        self._chosen = ""
        self._turn = 0

    def _pick(self) -> tuple[str, Manager]:
        running = self._managers()
        if self._chosen not in running:
            if not running:
                raise Unavailable("no manager answers")
            names = sorted(running)
            self._turn += 1
            self._chosen = names[self._turn % len(names)]
        return self._chosen, running[self._chosen]

    def _gone_on(self, error: Unavailable) -> None:
        self._chosen = error.leader_id if isinstance(error, NotLeader) else ""

    async def session(self, node_id: str, description: NodeDescription) -> AsyncIterator[AssignmentChange]:
        """See the contract."""
        name, manager = self._pick()
        try:
            await self._links.trip(self._node_id, name)
            async with aclosing(manager.dispatcher.session(node_id, description)) as changes:  # type: ignore[type-var]
                async for change in changes:
                    await self._arrive(name)
                    yield change
        except Unavailable as error:
            self._gone_on(error)
            raise

    async def _arrive(self, name: str) -> None:
        """What a stream loses it sends again, later each time, until the connection is given up."""
        delay_s = _RESEND_S
        while self._links.loses(name, self._node_id):
            if delay_s > _GIVE_UP_S:
                raise Unavailable(f"the connection to {name} is broken")
            await asyncio.sleep(delay_s)
            delay_s *= 2
        await self._links.travel(name, self._node_id)

    async def _asked(self, ask: Callable[[Dispatcher], Awaitable[T]]) -> T:
        """A question there and the answer back."""
        name, manager = self._pick()
        try:
            await self._links.trip(self._node_id, name)
            answer = await ask(manager.dispatcher)
            await self._links.trip(name, self._node_id)
            return answer
        except Unavailable as error:
            self._gone_on(error)
            raise

    async def beat(self, node_id: str) -> float:
        """See the contract."""
        return await self._asked(lambda dispatcher: dispatcher.beat(node_id))

    async def report(self, node_id: str, report: Report) -> None:
        """See the contract."""
        await self._asked(lambda dispatcher: dispatcher.report(node_id, report))

    async def attach(self, node_id: str, wish: Attached) -> Attached:
        """See the contract."""
        return await self._asked(lambda dispatcher: dispatcher.attach(node_id, wish))

    async def find_network(self, node_id: str, reference: str) -> str:
        """See the contract."""
        return await self._asked(lambda dispatcher: dispatcher.find_network(node_id, reference))
