"""Builds over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from aiohttp import web

from shoal.api.http.progress import body_chunks, stream_progress
from shoal.api.http.replies import json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.errors import NotFound
from shoal.model.build import BuildCacheEntry, BuildRequest
from shoal.model.image import Image
from shoal.model.progress import Report
from shoal.wire.build import QueryReader, decode_build


class Pruned(Protocol):
    """What a prune removed."""

    @property
    def entries(self) -> Sequence[BuildCacheEntry]:
        """The entries that went."""
        ...

    @property
    def reclaimed_bytes(self) -> int:
        """Freed on disk."""
        ...


class Build(Protocol):
    """A build that is ready to run."""

    async def run(self, report: Report) -> Image:
        """Carry it out."""
        ...

    async def close(self) -> None:
        """Drop it."""
        ...


class Builds(Protocol):
    """What these routes ask of the engine."""

    async def prepare(self, request: BuildRequest, chunks: AsyncIterator[bytes]) -> Build:
        """The build, its context received and its Dockerfile read."""
        ...

    async def prune(
        self, filters: Mapping[str, Sequence[str]], *, everything: bool = False, keep_bytes: int = 0
    ) -> Pruned:
        """Remove entries of the build cache."""
        ...


def routes(builds: Builds) -> list[Route]:
    """The build routes."""
    handlers = _Handlers(builds)
    return [
        Route("POST", "/build", handlers.build, "ImageBuild", stream=True),
        Route("POST", "/build/prune", handlers.prune, "BuildPrune"),
        # 404 tells clients that there is no BuildKit here: they fall back to POST /build.
        Route("POST", "/session", handlers.no_session, "Session"),
        Route("POST", "/grpc", handlers.no_session, "ShoalNoGrpc"),
    ]


class _Handlers:
    def __init__(self, builds: Builds) -> None:
        self._builds = builds

    async def build(self, request: Request) -> web.StreamResponse:
        """POST /build. Source: Docker Engine API, ImageBuild."""
        wanted = decode_build(QueryReader(request.query), request.http.headers)
        build = await self._builds.prepare(wanted, body_chunks(request))
        try:
            return await stream_progress(request, build.run)
        finally:
            await asyncio.shield(build.close())

    async def prune(self, request: Request) -> web.StreamResponse:
        """POST /build/prune. Source: Docker Engine API, BuildPrune."""
        keep = request.int("reserved-space") or request.int("keep-storage")
        pruned = await self._builds.prune(request.filters(), everything=request.flag("all"), keep_bytes=keep)
        return json_reply(
            {
                "CachesDeleted": [entry.id for entry in pruned.entries] or None,
                "SpaceReclaimed": pruned.reclaimed_bytes,
            }
        )

    async def no_session(self, request: Request) -> web.StreamResponse:
        """POST /session, POST /grpc: there is no BuildKit."""
        raise NotFound("page not found", hint="set DOCKER_BUILDKIT=0: this engine has the classic build API")
