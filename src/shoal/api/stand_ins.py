"""Stand-ins over HTTP: Shoal's own, no part of Docker's API."""

from typing import Protocol

from aiohttp import web

from shoal.api.http.progress import stream_progress
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.errors import InvalidArgument
from shoal.model.image import Image
from shoal.model.progress import Report
from shoal.stand_ins import require_recipe


class StandIns(Protocol):
    """What these routes ask of the engine."""

    async def make(self, reference: str, report: Report, *, force: bool = False) -> Image:
        """The stand-in for a reference."""
        ...


def routes(stand_ins: StandIns) -> list[Route]:
    """The stand-in routes."""
    return [Route("POST", "/shoal/stand-ins", _Handlers(stand_ins).make, "ShoalStandIns", stream=True)]


class _Handlers:
    def __init__(self, stand_ins: StandIns) -> None:
        self._stand_ins = stand_ins

    async def make(self, request: Request) -> web.StreamResponse:
        """POST /shoal/stand-ins: {"References": ["redis:alpine"], "Force": false}; progress as of a pull"""
        body = await request.json()
        references = body.get("References") if isinstance(body, dict) else None
        if not isinstance(references, list) or not all(isinstance(name, str) for name in references) or not references:
            raise InvalidArgument('References: expected a list of image references, such as ["redis:alpine"]')
        for reference in references:
            require_recipe(reference)
        force = bool(body.get("Force"))

        async def work(report: Report) -> None:
            for reference in references:
                await self._stand_ins.make(reference, report, force=force)

        return await stream_progress(request, work)
