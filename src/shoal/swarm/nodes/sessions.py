"""Sessions, heartbeats and reports of other nodes: the dispatcher over mutual TLS."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from aiohttp import web

from shoal.cluster.view import View
from shoal.contracts.cluster.dispatcher import Dispatcher
from shoal.errors import NotLeader, ShoalError
from shoal.model.cluster.assignment import AssignmentChange, Attached, Report
from shoal.model.cluster.node import NodeDescription
from shoal.swarm.manager.mirror import Mirror
from shoal.swarm.nodes.admission import told
from shoal.swarm.nodes.client import NodeClient
from shoal.swarm.nodes.line import CARRY_HEADER, Remote
from shoal.swarm.nodes.messages import Line, Told, decode, encode
from shoal.swarm.nodes.server import Callers, Handler

NDJSON = "application/x-ndjson"


class SessionRoutes:
    """POST /v1/session (NDJSON, for ever), /v1/beat, /v1/report, /v1/attached, /v1/network."""

    def __init__(self, callers: Callers, client: NodeClient) -> None:
        """client: calls the leader for nodes that can't reach it"""
        self._callers = callers
        self._client = client

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "/v1/session", self.session),
            ("POST", "/v1/beat", self.beat),
            ("POST", "/v1/report", self.report),
            ("POST", "/v1/attached", self.attach),
            ("POST", "/v1/network", self.find_network),
        ]

    def _dispatcher(self, request: web.Request) -> Dispatcher:
        """This manager's; or the leader's, where the node asks to be carried there."""
        manager = self._callers.managing().manager
        if CARRY_HEADER not in request.headers or manager.is_leader:
            return manager.dispatcher
        _, address = manager.leader()
        if not address:
            raise NotLeader()
        node_id = self._callers.node_id(request)
        return Remote(self._client, address, lambda told: None, node_id=node_id)

    async def session(self, request: web.Request) -> web.StreamResponse:
        """A NodeDescription in; a Line for each change out."""
        node_id = self._callers.node_id(request)
        description = decode(await request.read(), NodeDescription)
        ledger = self._callers.managing().manager.ledger
        async with aclosing(_closable(self._dispatcher(request).session(node_id, description))) as changes:
            first = await anext(changes)
            response = web.StreamResponse(headers={"Content-Type": NDJSON})
            await response.prepare(request)
            writing = asyncio.Lock()

            async def write(line: Line) -> None:
                async with writing:
                    await response.write(encode(line) + b"\n")

            telling = asyncio.create_task(_tell(ledger.mirror, node_id, write))
            try:
                await write(Line(change=first))
                async for change in changes:
                    await write(Line(change=change))
            except ShoalError:
                pass  # the line breaks: the node opens another session, and is told why when it does
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
        return response

    async def beat(self, request: web.Request) -> web.Response:
        """Seconds until the next one."""
        wait_s = await self._dispatcher(request).beat(self._callers.node_id(request))
        return web.Response(body=encode(wait_s))

    async def report(self, request: web.Request) -> web.Response:
        """A Report in."""
        node_id = self._callers.node_id(request)
        await self._dispatcher(request).report(node_id, decode(await request.read(), Report))
        return web.Response(body=b"{}")

    async def attach(self, request: web.Request) -> web.Response:
        """An Attached in, as a wish; one with its addresses out."""
        wish = decode(await request.read(), Attached)
        found = await self._dispatcher(request).attach(self._callers.node_id(request), wish)
        return web.Response(body=encode(found))

    async def find_network(self, request: web.Request) -> web.Response:
        """A reference in, a network's id out."""
        reference = decode(await request.read(), str)
        found = await self._dispatcher(request).find_network(self._callers.node_id(request), reference)
        return web.Response(body=encode(found))


async def _closable(changes: AsyncIterator[AssignmentChange]) -> AsyncGenerator[AssignmentChange, None]:
    try:
        async for change in changes:
            yield change
    finally:
        if isinstance(changes, AsyncGenerator):
            await changes.aclose()


async def _tell(mirror: Mirror, node_id: str, write: Callable[[Line], Awaitable[None]]) -> None:
    latest = Latest(mirror, node_id)
    try:
        while True:
            await write(Line(told=await latest.next()))
    finally:
        latest.close()


class Latest:
    """The newest thing to be told, once it is different."""

    def __init__(self, mirror: Mirror, node_id: str) -> None:
        self._mirror = mirror
        self._node_id = node_id
        self._changed = asyncio.Event()
        self._changed.set()
        self._last: Told | None = None
        self.close = mirror.listen(self._note)

    def _note(self, before: View, after: View, _touched: object) -> None:
        if before.nodes is not after.nodes or before.cluster is not after.cluster:
            self._changed.set()

    async def next(self) -> Told:
        """Raises: Forbidden once the node was removed"""
        while True:
            await self._changed.wait()
            self._changed.clear()
            now = told(self._mirror.view, self._node_id)
            if now != self._last:
                self._last = now
                return now
