"""/auth, and the credentials that come with a request."""

from aiohttp import web

from shoal.api.http.replies import json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.images import Images
from shoal.model.registry import RegistryAuth
from shoal.wire.registry_auth import decode_auth, decode_auth_header


def routes(images: Images) -> list[Route]:
    """The login route."""
    return [Route("POST", "/auth", AuthRouter(images).check, "SystemAuth")]


class AuthRouter:
    """Source: Docker Engine API v1.51, SystemAuth."""

    def __init__(self, images: Images) -> None:
        self._images = images

    async def check(self, request: Request) -> web.Response:
        """POST /auth"""
        token = await self._images.login(decode_auth(await request.json()))
        return json_reply({"Status": "Login Succeeded", "IdentityToken": token})


def registry_auth(request: Request) -> RegistryAuth | None:
    """The credentials of the X-Registry-Auth header. Raises: InvalidArgument"""
    return decode_auth_header(request.http.headers.get("X-Registry-Auth", ""))
