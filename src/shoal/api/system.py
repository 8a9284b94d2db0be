"""/_ping, /version, /info, /events"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from shoal import __version__
from shoal.api.http.replies import HEADERS, JsonStream, json_reply
from shoal.api.http.request import API_VERSION, MIN_API_VERSION, Request
from shoal.api.http.router import Route
from shoal.contracts.cluster.control import Control, SwarmState
from shoal.engine.system import System
from shoal.model.event import Event
from shoal.wire.event import check_event_filters, encode_event, match_event
from shoal.wire.swarm.cluster import encode_cluster, encode_peers
from shoal.wire.system import Counts, encode_info, encode_version
from shoal.wire.times import parse_time


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


class SystemRouter:
    """The operations on the engine itself. Source: Docker Engine API v1.51, tag System."""

    def __init__(self, system: System, control: Control | None) -> None:
        self._system = system
        self._control = control

    def _swarm(self) -> SwarmState:
        return self._control.membership.state() if self._control else SwarmState()

    async def ping(self, request: Request) -> web.Response:
        """GET and HEAD /_ping: the headers of the reply are what clients negotiate by."""
        text = "" if request.http.method == "HEAD" else "OK"
        headers = {
            **HEADERS,
            "Swarm": _swarm_word(self._swarm()),
            "Shoal-Features": "memory-files",
            "Cache-Control": "no-cache, no-store, must-revalidate",
            "Pragma": "no-cache",
        }
        return web.Response(text=text, headers=headers)

    async def version(self, request: Request) -> web.Response:
        """GET /version"""
        host = self._system.host
        return json_reply(encode_version(host, __version__, _dotted(API_VERSION), _dotted(MIN_API_VERSION)))

    async def info(self, request: Request) -> web.Response:
        """GET /info"""
        system = self._system
        totals = system.totals()
        counts = Counts(
            running=totals.running,
            paused=totals.paused,
            stopped=totals.stopped,
            images=totals.images,
            listeners=totals.listeners,
        )
        now = datetime.fromtimestamp(system.now_ns() / 1e9, UTC).isoformat().replace("+00:00", "Z")
        info = encode_info(
            system.settings, system.host, counts, engine_id=system.engine_id, version=__version__, now=now
        )
        found = await system.plugins()
        info["Plugins"] |= {kind: sorted({*info["Plugins"][kind], *names}) for kind, names in found.items()}
        return json_reply(info | {"Swarm": _swarm_info(self._swarm())})

    async def events(self, request: Request) -> web.StreamResponse:
        """GET /events: those since `since`, then as they come, until `until`."""
        filters = request.filters()
        check_event_filters(filters)
        since = parse_time("since", request.query.get("since", ""))
        until = parse_time("until", request.query.get("until", ""))
        events = self._system.events
        with events.subscribe() as coming:
            past = events.history() if since or until else ()
            async with JsonStream(request) as out:
                for event in past:
                    if since <= event.at and (not until or event.at <= until) and match_event(event, filters):
                        await out.send(encode_event(event))
                try:
                    async with asyncio.timeout(self._seconds_until(until)):
                        async for event in coming:
                            await self._send(out, event, filters)
                except TimeoutError:
                    pass
            return out.response

    def _seconds_until(self, until: int) -> float | None:
        return max(0.0, (until - self._system.now_ns()) / 1e9) if until else None

    @staticmethod
    async def _send(out: JsonStream, event: Event, filters: dict[str, list[str]]) -> None:
        if match_event(event, filters):
            await out.send(encode_event(event))


def _swarm_word(state: SwarmState) -> str:
    """The header by which clients know what this node is in the cluster."""
    if state.state != "active":
        return state.state
    return "active/manager" if state.is_manager else "active/worker"


def _swarm_info(state: SwarmState) -> dict[str, Any]:
    """`Swarm` of GET /info. Source: Docker Engine API v1.51, SwarmInfo"""
    info: dict[str, Any] = {
        "NodeID": state.node_id,
        "NodeAddr": state.node_address,
        "LocalNodeState": state.state,
        "ControlAvailable": state.is_manager,
        "Error": state.error,
        "RemoteManagers": encode_peers(state.managers),
    }
    if state.is_manager:
        info |= {"Nodes": state.nodes, "Managers": state.manager_count}
    if state.cluster is not None:
        info["Cluster"] = encode_cluster(state.cluster.record, state.cluster.version)
    return info


def routes(system: System, control: Control | None) -> list[Route]:
    """Every route of this module."""
    router = SystemRouter(system, control)
    return [
        Route("GET", "/_ping", router.ping, "SystemPing"),
        Route("HEAD", "/_ping", router.ping, "SystemPingHead"),
        Route("GET", "/version", router.version, "SystemVersion"),
        Route("GET", "/info", router.info, "SystemInfo"),
        Route("GET", "/events", router.events, "SystemEvents", stream=True),
    ]
