"""/swarm"""

from aiohttp import web

from shoal.api.http.replies import empty, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.api.http.upgrade import read_body
from shoal.api.swarm.part import Part, version_of
from shoal.contracts.cluster.control import Control, SwarmInit, SwarmJoin, SwarmRestore
from shoal.wire.swarm.cluster import (
    PASSPHRASE_HEADER,
    decode_cluster_spec,
    decode_init,
    decode_join,
    decode_passphrase,
    decode_unlock,
    encode_swarm,
)

_BACKUP_LIMIT = 1 << 30


class SwarmRouter(Part):
    """The operations on the cluster itself. Source: Docker Engine API v1.51, tag Swarm."""

    async def inspect(self, request: Request) -> web.Response:
        """GET /swarm"""
        view = await self.control.clusters.inspect()
        record, version = view.cluster.record, view.cluster.version
        return json_reply(encode_swarm(record, version, view.tokens, is_rotating=view.rotation_in_progress))

    async def init(self, request: Request) -> web.Response:
        """POST /swarm/init"""
        given = decode_init(await request.object())
        return json_reply(await self.control.membership.init(SwarmInit(**given)))

    async def join(self, request: Request) -> web.Response:
        """POST /swarm/join"""
        given = decode_join(await request.object())
        await self.control.membership.join(SwarmJoin(**given))
        return empty(200)

    async def leave(self, request: Request) -> web.Response:
        """POST /swarm/leave"""
        await self.control.membership.leave(force=request.flag("force"))
        return empty(200)

    async def update(self, request: Request) -> web.Response:
        """POST /swarm/update"""
        version = version_of(request, "swarm")
        clusters = self.control.clusters
        current = (await clusters.inspect()).cluster.record.spec
        await clusters.update(
            version,
            decode_cluster_spec(await request.object(), current),
            rotate_worker_token=request.flag("rotateWorkerToken"),
            rotate_manager_token=request.flag("rotateManagerToken"),
            rotate_unlock_key=request.flag("rotateManagerUnlockKey"),
        )
        return empty(200)

    async def unlock_key(self, request: Request) -> web.Response:
        """GET /swarm/unlockkey"""
        return json_reply({"UnlockKey": await self.control.clusters.unlock_key()})

    async def unlock(self, request: Request) -> web.Response:
        """POST /swarm/unlock"""
        await self.control.membership.unlock(decode_unlock(await request.object()))
        return empty(200)

    async def backup(self, request: Request) -> web.Response:
        """POST /shoal/swarm/backup"""
        passphrase = decode_passphrase(request.http.headers.get(PASSPHRASE_HEADER, ""))
        body = await self.control.membership.backup(passphrase)
        return web.Response(body=body, content_type="application/octet-stream")

    async def restore(self, request: Request) -> web.Response:
        """POST /shoal/swarm/restore"""
        wanted = SwarmRestore(
            backup=await read_body(request.http, _BACKUP_LIMIT),
            passphrase=decode_passphrase(request.http.headers.get(PASSPHRASE_HEADER, "")),
            listen=request.query.get("listen", ""),
            advertise=request.query.get("advertise", ""),
            force=request.flag("force"),
        )
        return json_reply(await self.control.membership.restore(wanted))


def routes(control: Control | None) -> list[Route]:
    """Every route of this module."""
    router = SwarmRouter(control)
    return [
        Route("GET", "/swarm", router.inspect, "SwarmInspect"),
        Route("POST", "/swarm/init", router.init, "SwarmInit"),
        Route("POST", "/swarm/join", router.join, "SwarmJoin"),
        Route("POST", "/swarm/leave", router.leave, "SwarmLeave"),
        Route("POST", "/swarm/update", router.update, "SwarmUpdate"),
        Route("GET", "/swarm/unlockkey", router.unlock_key, "SwarmUnlockkey"),
        Route("POST", "/swarm/unlock", router.unlock, "SwarmUnlock"),
        Route("POST", "/shoal/swarm/backup", router.backup, "ShoalSwarmBackup"),
        Route("POST", "/shoal/swarm/restore", router.restore, "ShoalSwarmRestore"),
    ]
