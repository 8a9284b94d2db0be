"""/volumes"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from shoal.api.http.replies import empty, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.volumes import Volumes
from shoal.errors import InvalidArgument
from shoal.model.volume import Volume
from shoal.wire.fields import read_text
from shoal.wire.volume import encode_volume


class VolumeRouter:
    """The operations on volumes. Source: Docker Engine API v1.51, tag Volume."""

    def __init__(self, volumes: Volumes) -> None:
        self._volumes = volumes

    async def list(self, request: Request) -> web.Response:
        """GET /volumes"""
        found, warnings = await self._volumes.list_all(request.filters())
        return json_reply({"Volumes": [self._encode(v) for v in found], "Warnings": list(warnings) or None})

    async def create(self, request: Request) -> web.Response:
        """POST /volumes/create"""
        body = await request.object()
        volume = await self._volumes.create(
            read_text(body.get("Name") or "", "Name"),
            driver=read_text(body.get("Driver") or "", "Driver"),
            labels=_texts("Labels", body.get("Labels")),
            options=_texts("DriverOpts", body.get("DriverOpts")),
        )
        return json_reply(self._encode(volume), 201)

    async def inspect(self, request: Request) -> web.Response:
        """GET /volumes/{name}"""
        volume, status = await self._volumes.inspect(request.params["name"])
        return json_reply(self._encode(volume, status))

    async def remove(self, request: Request) -> web.Response:
        """DELETE /volumes/{name}"""
        await self._volumes.remove(request.params["name"], force=request.flag("force"))
        return empty()

    async def prune(self, request: Request) -> web.Response:
        """POST /volumes/prune. Before 1.42 named volumes went too."""
        filters = request.filters()
        if request.api_version < (1, 42):
            filters.setdefault("all", ["true"])
        removed, freed = await self._volumes.prune(filters)
        return json_reply({"VolumesDeleted": list(removed) or None, "SpaceReclaimed": freed})

    def _encode(self, volume: Volume, status: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return encode_volume(volume, self._volumes.path(volume), status=status)


def _texts(field: str, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise InvalidArgument(f"{field}: expected an object of strings")
    return value


def routes(volumes: Volumes) -> list[Route]:
    """Every route of this module."""
    router = VolumeRouter(volumes)
    return [
        Route("GET", "/volumes", router.list, "VolumeList"),
        Route("POST", "/volumes/create", router.create, "VolumeCreate"),
        Route("POST", "/volumes/prune", router.prune, "VolumePrune"),
        Route("GET", "/volumes/{name}", router.inspect, "VolumeInspect"),
        Route("DELETE", "/volumes/{name}", router.remove, "VolumeDelete"),
    ]
