"""/containers: create, look, start, stop, remove. Attach, exec, logs and the like are in modules of their own."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web

from shoal.api.http.replies import empty, json_line, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.containers import Containers
from shoal.errors import InvalidArgument
from shoal.model.container import Container
from shoal.wire.container.create import decode_container
from shoal.wire.container.inspect import Surroundings, encode_inspect
from shoal.wire.container.listing import encode_prune, encode_summary, encode_wait
from shoal.wire.container.update import decode_update

#: how long a look at a container waits for a start of it that is under way
_SETTLE_S = 2.0


class ContainerRouter:
    """The operations on containers and their life. Source: Docker Engine API v1.51, tag Container."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    async def create(self, request: Request) -> web.Response:
        """POST /containers/create"""
        body = await request.body()
        if not body.strip():
            raise InvalidArgument("invalid JSON: got EOF while reading request body")
        spec = decode_container(await request.json(), request.api_version)
        container, warnings = await self._containers.create(
            spec, request.query.get("name", ""), platform=request.query.get("platform", "")
        )
        return json_reply({"Id": container.id, "Warnings": list(warnings)}, 201)

    async def list(self, request: Request) -> web.Response:
        """GET /containers/json"""
        views = self._containers.views
        chosen = self._containers.list(request.filters(), all=request.flag("all"), limit=request.int("limit"))
        sizes = await self._sizes(chosen) if request.flag("size") else {}
        now = views.now_ns()
        return json_reply(
            [
                encode_summary(
                    c,
                    now=now,
                    image_name=views.image_name(c),
                    sizes=sizes.get(c.id),
                    version=request.api_version,
                )
                for c in chosen
            ]
        )

    async def _sizes(self, containers: Sequence[Container]) -> dict[str, tuple[int, int]]:
        found = await asyncio.gather(*(self._containers.views.sizes(c) for c in containers))
        return {c.id: (s.writable_bytes, s.root_bytes) for c, s in zip(containers, found, strict=True)}

    async def inspect(self, request: Request) -> web.Response:
        """GET /containers/{id}/json"""
        container = await self._settled(self._containers.resolve(request.params["id"]))
        sizes = await self._sizes([container]) if request.flag("size") else {}
        views = self._containers.views
        around = Surroundings(
            hostname_path=str(views.files.hostname(container.id)),
            hosts_path=str(views.files.hosts(container.id)),
            resolv_conf_path=str(views.files.resolv_conf(container.id)),
            log_path="" if container.spec.host.log.driver == "none" else str(views.files.log(container.id)),
            exec_ids=views.exec_ids(container.id),
            sizes=sizes.get(container.id),
            graph={"UpperDir": views.upper_dir(container.id)},
        )
        return json_reply(encode_inspect(container, around, request.api_version))

    async def _settled(self, container: Container) -> Container:
        """The container once a start of it has ended, as dockerd answers.

        cAdvisor asks when it sees the cgroup, in the middle of the start, and takes a container that does not run yet
        for none, for good.
        """
        lock = self._containers.lock(container.id)
        if container.is_running or not lock.locked():
            return container
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_S), lock:
                pass
        return self._containers.resolve(container.id)

    async def start(self, request: Request) -> web.Response:
        """POST /containers/{id}/start"""
        await self._containers.start(request.params["id"])
        return empty()

    async def stop(self, request: Request) -> web.Response:
        """POST /containers/{id}/stop"""
        await self._containers.stop(request.params["id"], _timeout(request), request.query.get("signal", ""))
        return empty()

    async def restart(self, request: Request) -> web.Response:
        """POST /containers/{id}/restart"""
        await self._containers.restart(request.params["id"], _timeout(request), request.query.get("signal", ""))
        return empty()

    async def kill(self, request: Request) -> web.Response:
        """POST /containers/{id}/kill"""
        await self._containers.kill(request.params["id"], request.query.get("signal", ""))
        return empty()

    async def pause(self, request: Request) -> web.Response:
        """POST /containers/{id}/pause"""
        await self._containers.pause(request.params["id"])
        return empty()

    async def unpause(self, request: Request) -> web.Response:
        """POST /containers/{id}/unpause"""
        await self._containers.unpause(request.params["id"])
        return empty()

    async def rename(self, request: Request) -> web.Response:
        """POST /containers/{id}/rename"""
        await self._containers.rename(request.params["id"], request.query.get("name", ""))
        return empty()

    async def update(self, request: Request) -> web.Response:
        """POST /containers/{id}/update"""
        resources, restart = decode_update(await request.json())
        await self._containers.update(request.params["id"], resources, restart)
        return json_reply({"Warnings": None})

    async def remove(self, request: Request) -> web.Response:
        """DELETE /containers/{id}"""
        await self._containers.remove(
            request.params["id"],
            force=request.flag("force"),
            volumes=request.flag("v"),
            link=request.flag("link"),
        )
        return empty()

    async def prune(self, request: Request) -> web.Response:
        """POST /containers/prune"""
        removed, freed = await self._containers.prune(request.filters())
        return json_reply(encode_prune(list(removed), freed))

    async def wait(self, request: Request) -> web.StreamResponse:
        """POST /containers/{id}/wait. The headers go out at once: clients start the container only after them."""
        condition = request.query.get("condition", "")
        container = self._containers.resolve(request.params["id"])
        self._containers.check_condition(condition)
        waiting = asyncio.ensure_future(self._containers.wait(container.id, condition))
        try:
            await asyncio.sleep(0)  # it watches from here on, before the client can know
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request.http)
            await response.write(json_line(encode_wait(*await waiting)))
            await response.write_eof()
        finally:
            waiting.cancel()
        return response


def _timeout(request: Request) -> int | None:
    return request.int("t") if request.query.get("t") else None


def routes(containers: Containers) -> list[Route]:
    """The routes of containers and their life."""
    router = ContainerRouter(containers)
    return [
        Route("POST", "/containers/create", router.create, "ContainerCreate"),
        Route("GET", "/containers/json", router.list, "ContainerList"),
        Route("POST", "/containers/prune", router.prune, "ContainerPrune"),
        Route("GET", "/containers/{id}/json", router.inspect, "ContainerInspect"),
        Route("POST", "/containers/{id}/start", router.start, "ContainerStart"),
        Route("POST", "/containers/{id}/stop", router.stop, "ContainerStop"),
        Route("POST", "/containers/{id}/restart", router.restart, "ContainerRestart"),
        Route("POST", "/containers/{id}/kill", router.kill, "ContainerKill"),
        Route("POST", "/containers/{id}/pause", router.pause, "ContainerPause"),
        Route("POST", "/containers/{id}/unpause", router.unpause, "ContainerUnpause"),
        Route("POST", "/containers/{id}/rename", router.rename, "ContainerRename"),
        Route("POST", "/containers/{id}/update", router.update, "ContainerUpdate"),
        Route("POST", "/containers/{id}/wait", router.wait, "ContainerWait", stream=True),
        Route("DELETE", "/containers/{id}", router.remove, "ContainerDelete"),
    ]
