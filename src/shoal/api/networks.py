"""/networks"""

from aiohttp import web

from shoal.api.http.replies import empty, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.networks import Networks
from shoal.wire.network import decode_connect, decode_disconnect, decode_network_create, encode_network


class NetworkRouter:
    """The operations on networks. Source: Docker Engine API v1.51, tag Network."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    async def list(self, request: Request) -> web.Response:
        """GET /networks. Before 1.28 the containers were in the list."""
        found = self._networks.list(request.filters())
        detailed = request.api_version < (1, 28)
        return json_reply(
            [
                encode_network(n, self._networks.sandboxes_on(n) if detailed else None, request.api_version)
                for n in found
            ]
        )

    async def inspect(self, request: Request) -> web.Response:
        """GET /networks/{id}. `verbose` adds services of a cluster: there are none."""
        network = self._networks.resolve(request.params["id"], scope=request.query.get("scope", ""))
        return json_reply(encode_network(network, self._networks.sandboxes_on(network), request.api_version))

    async def create(self, request: Request) -> web.Response:
        """POST /networks/create"""
        network = await self._networks.create(decode_network_create(await request.json()))
        return json_reply({"Id": network.id, "Warning": ""}, 201)

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
        await self._networks.remove(request.params["id"])
        return empty()

    async def prune(self, request: Request) -> web.Response:
        """POST /networks/prune"""
        removed = await self._networks.prune(request.filters())
        return json_reply({"NetworksDeleted": list(removed) or None})


def routes(networks: Networks) -> list[Route]:
    """Every route of this module."""
    router = NetworkRouter(networks)
    return [
        Route("GET", "/networks", router.list, "NetworkList"),
        Route("POST", "/networks/create", router.create, "NetworkCreate"),
        Route("POST", "/networks/prune", router.prune, "NetworkPrune"),
        Route("GET", "/networks/{id}", router.inspect, "NetworkInspect"),
        Route("DELETE", "/networks/{id}", router.remove, "NetworkDelete"),
        Route("POST", "/networks/{id}/connect", router.connect, "NetworkConnect"),
        Route("POST", "/networks/{id}/disconnect", router.disconnect, "NetworkDisconnect"),
    ]
