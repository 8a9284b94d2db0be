"""/plugins: managed plugins, of which there are none.

A managed plugin is an image that the engine would run by itself. Plugins that run on their own are found in folders
(see docs/plugins.md); neither Docker nor Shoal lists those here.
"""

from aiohttp import web

from shoal.api.http.replies import json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.errors import NotFound, NotSupported

_INSTEAD = (
    "Shoal does not install plugins from images: run the plugin on the host, as a service or a container, so that it "
    "listens on /run/docker/plugins/NAME.sock; it is found there by its name"
)


class PluginRouter:
    """The operations on managed plugins. Source: Docker Engine API v1.51, tag Plugin."""

    async def list(self, request: Request) -> web.Response:
        """GET /plugins: there are none. `docker plugin ls` asks first, `docker inspect` last."""
        return json_reply([])

    async def missing(self, request: Request) -> web.Response:
        """What is asked of one that is installed: there is none."""
        raise NotFound(f'plugin "{request.params["name"]}" not found')

    async def install(self, request: Request) -> web.Response:
        """What would bring one here."""
        raise NotSupported(_INSTEAD)


def routes() -> list[Route]:
    """Every route of this module."""
    router = PluginRouter()
    return [
        Route("GET", "/plugins", router.list, "PluginList"),
        Route("GET", "/plugins/privileges", router.install, "GetPluginPrivileges"),
        Route("POST", "/plugins/pull", router.install, "PluginPull"),
        Route("POST", "/plugins/create", router.install, "PluginCreate"),
        Route("GET", "/plugins/{name...}/json", router.missing, "PluginInspect"),
        Route("DELETE", "/plugins/{name...}", router.missing, "PluginDelete"),
        Route("POST", "/plugins/{name...}/enable", router.missing, "PluginEnable"),
        Route("POST", "/plugins/{name...}/disable", router.missing, "PluginDisable"),
        Route("POST", "/plugins/{name...}/upgrade", router.missing, "PluginUpgrade"),
        Route("POST", "/plugins/{name...}/push", router.missing, "PluginPush"),
        Route("POST", "/plugins/{name...}/set", router.missing, "PluginSet"),
    ]
