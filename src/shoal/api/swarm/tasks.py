"""/tasks"""

from aiohttp import web

from shoal.api.http.replies import json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.api.swarm.part import Part
from shoal.contracts.cluster.control import Control
from shoal.wire.swarm.task import Networks, encode_task


class TaskRouter(Part):
    """The operations on tasks. Source: Docker Engine API v1.51, tag Task."""

    async def list(self, request: Request) -> web.Response:
        """GET /tasks"""
        found = await self.control.services.tasks(request.filters())
        networks = await self._networks()
        return json_reply([encode_task(task.record, task.version, networks) for task in found])

    async def inspect(self, request: Request) -> web.Response:
        """GET /tasks/{id}"""
        task = await self.control.services.task(request.params["id"])
        return json_reply(encode_task(task.record, task.version, await self._networks()))

    async def _networks(self) -> Networks:
        return {found.record.id: (found.record, found.version) for found in await self.control.networks.list()}


def routes(control: Control | None) -> list[Route]:
    """Every route of this module."""
    router = TaskRouter(control)
    return [
        Route("GET", "/tasks", router.list, "TaskList"),
        Route("GET", "/tasks/{id}", router.inspect, "TaskInspect"),
    ]
