"""Files of containers: cp, diff, export."""

from aiohttp import web

from shoal.api.http.replies import empty, json_reply, send_stream
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.streams.archives import Archives
from shoal.errors import InvalidArgument
from shoal.wire.archive import encode_changes, encode_path_stat

_STAT = "X-Docker-Container-Path-Stat"


class ArchiveRouter:
    """Source: Docker Engine API v1.51, ContainerArchive, PutContainerArchive, ContainerChanges, ContainerExport."""

    def __init__(self, archives: Archives) -> None:
        self._archives = archives

    async def stat(self, request: Request) -> web.Response:
        """HEAD /containers/{id}/archive"""
        found = await self._archives.stat(request.params["id"], _path(request))
        reply = empty(200)
        reply.headers[_STAT] = encode_path_stat(found)
        return reply

    async def get(self, request: Request) -> web.StreamResponse:
        """GET /containers/{id}/archive"""
        async with self._archives.get(request.params["id"], _path(request)) as (found, chunks):
            return await send_stream(request, "application/x-tar", chunks, {_STAT: encode_path_stat(found)})

    async def put(self, request: Request) -> web.Response:
        """PUT /containers/{id}/archive"""
        await self._archives.put(
            request.params["id"],
            _path(request),
            request.http.content.iter_any(),
            as_its_user=request.flag("copyUIDGID"),
            keep_kinds=request.flag("noOverwriteDirNonDir"),
        )
        return empty(200)

    async def export(self, request: Request) -> web.StreamResponse:
        """GET /containers/{id}/export"""
        async with self._archives.export(request.params["id"]) as chunks:
            return await send_stream(request, "application/octet-stream", chunks)

    async def changes(self, request: Request) -> web.Response:
        """GET /containers/{id}/changes"""
        return json_reply(encode_changes(await self._archives.changes(request.params["id"])))


def _path(request: Request) -> str:
    if not (path := request.query.get("path", "")):
        raise InvalidArgument("bad parameter: path can't be empty")
    return path


def routes(archives: Archives) -> list[Route]:
    """What this module serves."""
    router = ArchiveRouter(archives)
    return [
        Route("HEAD", "/containers/{id}/archive", router.stat, "ContainerArchiveInfo"),
        Route("GET", "/containers/{id}/archive", router.get, "ContainerArchive", stream=True),
        Route("PUT", "/containers/{id}/archive", router.put, "PutContainerArchive"),
        Route("GET", "/containers/{id}/export", router.export, "ContainerExport", stream=True),
        Route("GET", "/containers/{id}/changes", router.changes, "ContainerChanges"),
    ]
