"""Files of containers: cp, diff, export, and those that are kept in memory."""

from aiohttp import web

from shoal.api.http.replies import empty, json_reply, send_stream
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.containers import Containers
from shoal.engine.streams.archives import Archives
from shoal.errors import InvalidArgument
from shoal.wire.archive import encode_changes, encode_path_stat
from shoal.wire.container.mounts import decode_contents

_STAT = "X-Docker-Container-Path-Stat"


class ArchiveRouter:
    """Source: Docker Engine API v1.51, ContainerArchive, PutContainerArchive, ContainerChanges, ContainerExport."""

    def __init__(self, archives: Archives, containers: Containers) -> None:
        self._archives = archives
        self._containers = containers

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

    async def give(self, request: Request) -> web.Response:
        """PUT /containers/{id}/memory-files: contents of the files that HostConfig.MemoryFiles declared."""
        await self._containers.give_files(request.params["id"], decode_contents(await request.json()))
        return empty()

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


def routes(archives: Archives, containers: Containers) -> list[Route]:
    """What this module serves."""
    router = ArchiveRouter(archives, containers)
    return [
        Route("HEAD", "/containers/{id}/archive", router.stat, "ContainerArchiveInfo"),
        Route("GET", "/containers/{id}/archive", router.get, "ContainerArchive", stream=True),
        Route("PUT", "/containers/{id}/archive", router.put, "PutContainerArchive"),
        Route("PUT", "/containers/{id}/memory-files", router.give, "ShoalContainerMemoryFiles"),
        Route("GET", "/containers/{id}/export", router.export, "ContainerExport", stream=True),
        Route("GET", "/containers/{id}/changes", router.changes, "ContainerChanges"),
    ]
