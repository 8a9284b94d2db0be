"""/networks"""

from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web

from shoal.api.http.replies import empty, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.api.swarm.networks import OverlayNetworks, is_overlay
from shoal.contracts.cluster.control import Control, Filters
from shoal.engine.networks import Networks
from shoal.errors import InvalidArgument, NotFound, Unavailable
from shoal.lifecycle.network import rules
from shoal.model.network import PREDEFINED, Network
from shoal.wire.network import decode_connect, decode_disconnect, decode_network_create, encode_network

#: a network of the cluster that is not on this node by then is answered for all the same
ARRIVAL_S = 5.0


class NetworkRouter:
    """The operations on networks, of the node and of the cluster. Source: Docker Engine API v1.51, tag Network."""

    def __init__(self, networks: Networks, overlays: OverlayNetworks) -> None:
        self._networks = networks
        self._overlays = overlays

    async def list(self, request: Request) -> web.Response:
        """GET /networks. Before 1.28 the containers were in the list."""
        local = await self._overlays.known(self._networks.list(request.filters()))
        known = {network.id for network in local}
        overlays = [n for n in await self._overlays.select(request.filters()) if n.id not in known]
        detailed = request.api_version < (1, 28)
        return json_reply(
            [
                encode_network(n, self._networks.sandboxes_on(n) if detailed else None, request.api_version)
                for n in (*local, *overlays)
            ]
        )

    async def _resolve(self, reference: str, scope: str = "") -> Network:
        """Networks of the node win over those of the cluster. Raises: NotFound"""
        if scope == "swarm" and reference in PREDEFINED:  # every node has them, and services may use them
            scope = ""
        with suppress(NotFound):
            found = self._networks.resolve(reference, scope=scope)
            if await self._overlays.known([found]):
                return found
        overlays = await self._overlays.all() if scope in ("", "swarm") else ()
        return rules.find(overlays, reference)

    async def inspect(self, request: Request) -> web.Response:
        """GET /networks/{id}. `verbose` adds nothing."""
        network = await self._resolve(request.params["id"], request.query.get("scope", ""))
        return json_reply(encode_network(network, self._networks.sandboxes_on(network), request.api_version))

    async def create(self, request: Request) -> web.Response:
        """POST /networks/create"""
        spec = decode_network_create(await request.json())
        if is_overlay(spec):
            created = await self._overlays.create(spec)
            if spec.attachable:  # every node gets it: what the caller does next may be to start a container on it
                await self._networks.overlay.wait_network(created, ARRIVAL_S)
        else:
            created = (await self._networks.create(spec)).id
        return json_reply({"Id": created, "Warning": ""}, 201)

    async def connect(self, request: Request) -> web.Response:
        """POST /networks/{id}/connect"""
        container, settings = decode_connect(await request.json())
        await self._networks.connect(request.params["id"], container, settings)
        return empty(200)

    async def disconnect(self, request: Request) -> web.Response:
        """POST /networks/{id}/disconnect"""
        container, force = decode_disconnect(await request.json())
        await self._networks.disconnect(request.params["id"], container, force=force)
        return empty(200)

    async def remove(self, request: Request) -> web.Response:
        """DELETE /networks/{id}"""
        network = await self._resolve(request.params["id"])
        if is_overlay(network.spec):
            await self._overlays.remove(network.id)
        else:
            await self._networks.remove(network.id)
        return empty()

    async def prune(self, request: Request) -> web.Response:
        """POST /networks/prune"""
        filters = request.filters()
        removed = [*await self._networks.prune(filters), *await self._prune_overlays(filters)]
        return json_reply({"NetworksDeleted": removed or None})

    async def _prune_overlays(self, filters: Filters) -> Sequence[str]:
        removed = []
        for network in await self._overlays.prunable(filters, self._networks.prune_until(filters)):
            with suppress(InvalidArgument, NotFound, Unavailable):  # somebody began to use it, or removed it
                await self._overlays.remove(network.id)
                removed.append(network.name)
        return removed


def routes(networks: Networks, control: Control | None) -> list[Route]:
    """Every route of this module."""
    router = NetworkRouter(networks, OverlayNetworks(control))
    return [
        Route("GET", "/networks", router.list, "NetworkList"),
        Route("POST", "/networks/create", router.create, "NetworkCreate"),
        Route("POST", "/networks/prune", router.prune, "NetworkPrune"),
        Route("GET", "/networks/{id}", router.inspect, "NetworkInspect"),
        Route("DELETE", "/networks/{id}", router.remove, "NetworkDelete"),
        Route("POST", "/networks/{id}/connect", router.connect, "NetworkConnect"),
        Route("POST", "/networks/{id}/disconnect", router.disconnect, "NetworkDisconnect"),
    ]
