"""Logs of tasks, fetched from the nodes that have them."""

from collections.abc import AsyncIterator, Callable, Mapping
from urllib.parse import quote, urlencode

from aiohttp import web

from shoal.cluster.view import View
from shoal.contracts.cluster.logs import TaskLogReader
from shoal.errors import NotFound, ShoalError, Unavailable
from shoal.model.cluster.task import Task
from shoal.swarm.nodes.admission import serving
from shoal.swarm.nodes.client import NodeClient
from shoal.swarm.nodes.server import Callers, Handler


class LogRoutes:
    """GET /v1/logs/{container}, for managers only."""

    def __init__(self, callers: Callers, reader: TaskLogReader) -> None:
        self._callers = callers
        self._reader = reader

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)"""
        return [("GET", "/v1/logs/{container}", self.read)]

    async def read(self, request: web.Request) -> web.StreamResponse:
        """The head goes out at once: a log that is followed may be silent for long."""
        self._callers.manager(request)
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        async with self._reader.open(request.match_info["container"], dict(request.query)) as pieces:
            await response.prepare(request)
            try:
                async for piece in pieces:
                    await response.write(piece)
            except ShoalError:
                if request.transport is not None:
                    request.transport.abort()  # the reader must not take this for the end
                raise
        await response.write_eof()
        return response


class ClusterLogs:
    """The log of any task of the cluster: read here, or asked for where it is. See swarm.manager.control.services."""

    def __init__(self, client: NodeClient, node_id: str, reader: TaskLogReader, view: Callable[[], View]) -> None:
        """`reader`: of the node `node_id`, which is this one."""
        self._client = client
        self._node_id = node_id
        self._reader = reader
        self._view = view

    async def logs(self, task: Task, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Raises: NotFound where there is no container; Unavailable when its node does not answer"""
        container = task.status.container_id
        if not container:
            raise NotFound(f"task {task.id} has no container")
        if task.node_id == self._node_id:
            async with self._reader.open(container, query) as pieces:
                async for piece in pieces:
                    yield piece
            return
        path = f"/v1/logs/{quote(container)}?{urlencode(query)}"
        async with self._client.pieces("GET", self._address(task.node_id), path, name=task.node_id) as pieces:
            async for piece in pieces:
                yield piece

    def _address(self, node_id: str) -> str:
        node = self._view().nodes.get(node_id)
        if node is None or not node.address:
            raise Unavailable(f"node {node_id} is not available")
        return serving(node)
