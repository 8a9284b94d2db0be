"""/distribution: what a registry has, without pulling it."""

from aiohttp import web

from shoal.api.auth import registry_auth
from shoal.api.http.replies import json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.images import Images
from shoal.oci.manifest import platform_json


def routes(images: Images) -> list[Route]:
    """The distribution routes."""
    return [Route("GET", "/distribution/{name...}/json", DistributionRouter(images).inspect, "DistributionInspect")]


class DistributionRouter:
    """Source: Docker Engine API v1.51, tag Distribution."""

    def __init__(self, images: Images) -> None:
        self._images = images

    async def inspect(self, request: Request) -> web.Response:
        """GET /distribution/{name}/json"""
        found, platforms = await self._images.distribution(request.params["name"], registry_auth(request))
        return json_reply(
            {
                "Descriptor": {"mediaType": found.media_type, "digest": found.digest, "size": len(found.body)},
                "Platforms": [platform_json(platform) for platform in platforms],
            }
        )
