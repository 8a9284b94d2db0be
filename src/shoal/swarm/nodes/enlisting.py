"""How a node becomes a manager: the leader's side."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web

from shoal.contracts.cluster.quorum import Quorum
from shoal.errors import NotLeader, Unavailable, VersionConflict
from shoal.model.cluster.node import ManagerStatus, Node, Role
from shoal.swarm.manager import records
from shoal.swarm.manager.manager import Manager
from shoal.swarm.nodes.admission import member
from shoal.swarm.nodes.messages import Enlist, Enlisted, Ready, decode, encode
from shoal.swarm.nodes.server import Callers, Handler

log = logging.getLogger("shoal.cluster.managers")

_TRIES = 50


class EnlistRoutes:
    """POST /v1/managers, then /v1/managers/ready.

    share: the store is one that managers share, which it may become only now
    data_key: of the cluster
    """

    def __init__(self, callers: Callers, share: Callable[[], Awaitable[Quorum]], data_key: Callable[[], bytes]) -> None:
        self._callers = callers
        self._share = share
        self._data_key = data_key
        self._turn = asyncio.Lock()

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [("POST", "/v1/managers", self.enlist), ("POST", "/v1/managers/ready", self.ready)]

    async def enlist(self, request: web.Request) -> web.Response:
        """An Enlist in, an Enlisted out. It always begins with no data, so what was there of it before is removed."""
        caller = self._callers.manager(request)
        manager = self._require_lead()
        if member(manager.ledger.view, caller.node_id).spec.role is not Role.MANAGER:
            raise Unavailable(f"node {caller.node_id} is to be a worker")
        ask = decode(await request.read(), Enlist)
        async with self._turn:
            quorum = await self._share()
            for known in await quorum.members():
                if known.address == ask.store_address or known.name == caller.node_id:
                    await quorum.remove(known.id)
            member_id, members = await quorum.add(caller.node_id, ask.store_address)
        log.info("node %s becomes a manager", caller.node_id)
        answer = Enlisted(data_key=self._data_key(), member_id=member_id, members=members)
        return web.Response(body=encode(answer), content_type="application/json")

    async def ready(self, request: web.Request) -> web.Response:
        """A Ready in: its member has caught up and votes when this is answered."""
        caller = self._callers.manager(request)
        manager = self._require_lead()
        ready = decode(await request.read(), Ready)
        quorum = await self._share()
        await quorum.promote(ready.member_id)
        status = ManagerStatus(address=ready.address, member_id=ready.member_id)
        await change_node(manager, caller.node_id, lambda node: replace(node, manager=status))
        log.info("node %s is a manager", caller.node_id)
        return web.Response(body=b"{}", content_type="application/json")

    def _require_lead(self) -> Manager:
        manager = self._callers.managing().manager
        if not manager.is_leader:
            raise NotLeader(*manager.leader())
        return manager


async def change_node(manager: Manager, node_id: str, change: Callable[[Node], Node]) -> None:
    """The node's record changed. Raises: Forbidden for one that is gone; Unavailable"""
    ledger = manager.ledger
    for _ in range(_TRIES):
        node = member(ledger.view, node_id)
        changed = change(node)
        if changed == node:
            return
        changed = replace(changed, updated_at=ledger.now_ns())
        try:
            await ledger.write([changed], compares=ledger.seen(records.key_of(node)))
            return
        except VersionConflict:
            await ledger.mirror.catch_up()
    raise Unavailable(f"the record of node {node_id} changes all the time")
