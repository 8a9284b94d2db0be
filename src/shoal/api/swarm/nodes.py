"""/nodes"""

from aiohttp import web

from shoal.api.http.replies import empty, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.api.swarm.part import Part, version_of
from shoal.contracts.cluster.control import Control
from shoal.wire.swarm.node import decode_node_spec, encode_node


class NodeRouter(Part):
    """The operations on nodes. Source: Docker Engine API v1.51, tag Node."""

    async def list(self, request: Request) -> web.Response:
        """GET /nodes"""
        found = await self.control.nodes.list(request.filters())
        certificate = await self._certificate()
        return json_reply([encode_node(node.record, node.version, certificate) for node in found])

    async def inspect(self, request: Request) -> web.Response:
        """GET /nodes/{id}"""
        node = await self.control.nodes.resolve(request.params["id"])
        return json_reply(encode_node(node.record, node.version, await self._certificate()))

    async def _certificate(self) -> str:
        return (await self.control.clusters.inspect()).cluster.record.ca_certificate

    async def update(self, request: Request) -> web.Response:
        """POST /nodes/{id}/update"""
        version = version_of(request, "node")
        await self.control.nodes.update(request.params["id"], version, decode_node_spec(await request.object()))
        return empty(200)

    async def remove(self, request: Request) -> web.Response:
        """DELETE /nodes/{id}"""
        await self.control.nodes.remove(request.params["id"], force=request.flag("force"))
        return empty(200)


def routes(control: Control | None) -> list[Route]:
    """Every route of this module."""
    router = NodeRouter(control)
    return [
        Route("GET", "/nodes", router.list, "NodeList"),
        Route("GET", "/nodes/{id}", router.inspect, "NodeInspect"),
        Route("DELETE", "/nodes/{id}", router.remove, "NodeDelete"),
        Route("POST", "/nodes/{id}/update", router.update, "NodeUpdate"),
    ]
