"""/system/df"""

import asyncio
from typing import Any

from aiohttp import web

from shoal.api.http.replies import json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.builds import Builds
from shoal.engine.containers import Containers
from shoal.engine.images import Images
from shoal.engine.volumes import Volumes
from shoal.errors import InvalidArgument
from shoal.wire.build import encode_cache_entry
from shoal.wire.container.listing import encode_summary as encode_container
from shoal.wire.image import encode_summary as encode_image
from shoal.wire.image import shared_bytes
from shoal.wire.volume import encode_volume

_TYPES = ("container", "image", "volume", "build-cache")


class DiskUsageRouter:
    """What takes the disk. Source: Docker Engine API v1.51, SystemDataUsage."""

    def __init__(self, images: Images, containers: Containers, volumes: Volumes, builds: Builds) -> None:
        self._images = images
        self._containers = containers
        self._volumes = volumes
        self._builds = builds

    async def usage(self, request: Request) -> web.Response:
        """GET /system/df. Cost: reads the directories of containers and volumes."""
        types = request.query.getall("type", []) or list(_TYPES)
        for name in types:
            if name not in _TYPES:
                raise InvalidArgument(f"unknown object type: {name}")
        body: dict[str, Any] = {"LayersSize": 0, **dict.fromkeys(("Images", "Containers", "Volumes", "BuildCache"))}
        if "image" in types:
            body |= self._image_usage(request.api_version)
        if "container" in types:
            body["Containers"] = await self._container_usage(request.api_version)
        if "volume" in types:
            body["Volumes"] = await self._volume_usage()
        if "build-cache" in types:
            entries = [encode_cache_entry(entry) for entry in await self._builds.usage()]
            body |= {"BuildCache": entries, "BuilderSize": sum(e["Size"] for e in entries if not e["Shared"])}
        return json_reply(body)

    def _image_usage(self, version: tuple[int, int]) -> dict[str, Any]:
        images = self._images.all()
        used = [use.image_id for use in self._containers.views.image_uses()]
        summaries = [
            encode_image(i, version, shared_bytes=shared_bytes(i, images), containers=used.count(i.id)) for i in images
        ]
        return {"LayersSize": sum(layer.unpacked_bytes for layer in self._images.layers()), "Images": summaries}

    async def _container_usage(self, version: tuple[int, int]) -> list[dict[str, Any]]:
        containers = self._containers.list(all=True)
        views = self._containers.views
        sizes = await asyncio.gather(*(views.sizes(c) for c in containers))
        return [
            encode_container(
                c,
                now=views.now_ns(),
                image_name=views.image_name(c),
                sizes=(s.writable_bytes, s.root_bytes),
                version=version,
            )
            for c, s in zip(containers, sizes, strict=True)
        ]

    async def _volume_usage(self) -> list[dict[str, Any]]:
        volumes = [volume for volume in self._volumes.list() if not volume.is_plugins]
        sizes = await asyncio.gather(*(self._volumes.usage(v.name) for v in volumes))
        return [
            encode_volume(v, self._volumes.path(v), usage=(size, len(self._volumes.users(v.name))))
            for v, size in zip(volumes, sizes, strict=True)
        ]


def routes(images: Images, containers: Containers, volumes: Volumes, builds: Builds) -> list[Route]:
    """Every route of this module."""
    router = DiskUsageRouter(images, containers, volumes, builds)
    return [Route("GET", "/system/df", router.usage, "SystemDataUsage")]
