"""A node's line to whichever manager leads: its own manager, or another one over mutual TLS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from shoal.contracts.cluster.dispatcher import Dispatcher
from shoal.errors import NotLeader, ShoalError, Unavailable
from shoal.model.cluster.assignment import AssignmentChange, Attached, Report
from shoal.model.cluster.node import NodeDescription
from shoal.swarm.nodes.client import NodeClient
from shoal.swarm.nodes.messages import Line, Told, decode, encode

NODE_HEADER = "Shoal-Node"  #: for which node a manager speaks
CARRY_HEADER = "Shoal-Carry"  #: a manager that does not lead is to carry the call on to the leader

#: a manager that does not answer by then is tried no longer: the session is opened with another one
ANSWER_S = 1.5
FIRST_S = 2.5  #: until a session says its first word


class Remote:
    """The dispatcher of one other manager, for one node.

    address: "host:port"    carried: for a node that can't reach the leader itself
    """

    def __init__(
        self,
        client: NodeClient,
        address: str,
        told: Callable[[Told], None],
        *,
        is_carried: bool = False,
        node_id: str = "",
    ) -> None:
        """node_id: "" = the client's own"""
        self._client = client
        self.address = address
        self._told = told
        self._headers = {NODE_HEADER: node_id} if node_id else {}
        if is_carried:
            self._headers[CARRY_HEADER] = "1"

    async def session(self, node_id: str, description: NodeDescription) -> AsyncIterator[AssignmentChange]:
        """See the contract."""
        stream = self._client.stream(
            "POST", self.address, "/v1/session", encode(description), first_s=FIRST_S, headers=self._headers
        )
        async with stream as lines:
            async for text in lines:
                line = decode(text, Line)
                if line.told is not None:
                    self._told(line.told)
                if line.change is not None:
                    yield line.change
        raise Unavailable(f"{self.address}: the manager has ended the session")

    async def beat(self, node_id: str) -> float:
        """See the contract."""
        answer = await self._client.call("POST", self.address, "/v1/beat", timeout_s=ANSWER_S, headers=self._headers)
        return decode(answer, float)

    async def report(self, node_id: str, report: Report) -> None:
        """See the contract."""
        await self._client.call("POST", self.address, "/v1/report", encode(report), headers=self._headers)

    async def attach(self, node_id: str, wish: Attached) -> Attached:
        """See the contract."""
        answer = await self._client.call("POST", self.address, "/v1/attached", encode(wish), headers=self._headers)
        return decode(answer, Attached)

    async def find_network(self, node_id: str, reference: str) -> str:
        """See the contract."""
        body = encode(reference)
        return decode(await self._client.call("POST", self.address, "/v1/network", body, headers=self._headers), str)


class ManagerLine:
    """`contracts.cluster.dispatcher.Dispatcher` of a node.

    own: the dispatcher of this node's own manager, None on a worker
    managers: "host:port" of every manager, as last heard
    told: called with what the managers want of this node's membership
    """

    def __init__(
        self,
        client: NodeClient,
        *,
        own: Callable[[], Dispatcher | None],
        managers: Callable[[], tuple[str, ...]],
        told: Callable[[Told], None],
    ) -> None:
        self._client = client
        self._own = own
        self._managers = managers
        self._told = told
        self._last = ""  #: address of the manager that had the last session
        self._open: Dispatcher | None = None  #: who has the session
        self.opened = asyncio.Event()  #: there was a session

    async def session(self, node_id: str, description: NodeDescription) -> AsyncIterator[AssignmentChange]:
        """See the contract. Tries this node's own manager, then who it says leads, then every manager once, and in
        the end asks those that answer to carry the session on to a leader that can't be reached from here."""
        error: ShoalError = Unavailable("no manager of the cluster is known")
        search = _Search(self._own(), self._last, self._managers())
        while (found := search.next(self._client, self._told)) is not None:
            try:
                async with aclosing(found.session(node_id, description)) as changes:  # type: ignore[type-var]
                    async for change in changes:
                        self._open, self._last = found, getattr(found, "address", "")
                        self.opened.set()
                        yield change
                error = Unavailable("the manager has ended the session")
            except NotLeader as other:
                error = other
                search.not_leader(other)
            except Unavailable as failed:
                error = failed
            if self._open is found:  # it was open: the agent asks again
                self._open = None
                break
        raise error

    def _session_of(self) -> Dispatcher:
        if self._open is None:
            raise Unavailable("this node has no session with a manager")
        return self._open

    async def beat(self, node_id: str) -> float:
        """See the contract."""
        try:
            return await self._session_of().beat(node_id)
        except Unavailable:
            # Connections that wait to be used again are of no use where packets vanish.
            await self._client.renewed()
            raise

    async def report(self, node_id: str, report: Report) -> None:
        """See the contract."""
        await self._session_of().report(node_id, report)

    async def attach(self, node_id: str, wish: Attached) -> Attached:
        """See the contract."""
        return await self._session_of().attach(node_id, wish)

    async def find_network(self, node_id: str, reference: str) -> str:
        """See the contract."""
        return await self._session_of().find_network(node_id, reference)


class _Search:
    """Whom to ask next for a session."""

    def __init__(self, own: Dispatcher | None, last: str, managers: tuple[str, ...]) -> None:
        self._own = own
        self._asked: list[str] = []
        self._next = [last] * bool(last) + list(managers)
        self._carriers: list[str] = []
        self._now = ""

    def next(self, client: NodeClient, told: Callable[[Told], None]) -> Dispatcher | None:
        """None = everybody was asked."""
        if self._own is not None:
            own, self._own = self._own, None
            return own
        while self._next:
            self._now = self._next.pop(0)
            if self._now not in self._asked:
                self._asked.append(self._now)
                return Remote(client, self._now, told)
        if self._carriers:
            return Remote(client, self._carriers.pop(0), told, is_carried=True)
        return None

    def not_leader(self, said: NotLeader) -> None:
        """Who was asked last does not lead."""
        if self._now:
            self._carriers.append(self._now)
        if said.address:
            self._next.insert(0, said.address)
