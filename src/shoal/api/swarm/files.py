"""/secrets and /configs"""

from aiohttp import web

from shoal.api.http.replies import empty, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.api.swarm.part import Part, version_of
from shoal.contracts.cluster.control import Control, Files, Versioned
from shoal.errors import InvalidArgument
from shoal.model.cluster.cluster import Sealed
from shoal.wire.swarm.sealed import decode_sealed, encode_sealed


class FileRouter(Part):
    """The operations on secrets, or on configs. Source: Docker Engine API v1.51, tags Secret and Config."""

    def __init__(self, control: Control | None, kind: str) -> None:
        """`kind`: "secrets" or "configs" """
        super().__init__(control)
        self._kind = kind

    @property
    def _files(self) -> Files:
        return self.control.secrets if self._kind == "secrets" else self.control.configs

    async def _encoded(self, found: Versioned[Sealed]) -> object:
        data = await self._files.data(found.record.id) if self._kind == "configs" else None
        return encode_sealed(found.record, found.version, data)

    async def list(self, request: Request) -> web.Response:
        """GET /secrets, GET /configs"""
        return json_reply([await self._encoded(found) for found in await self._files.list(request.filters())])

    async def inspect(self, request: Request) -> web.Response:
        """GET /secrets/{id}, GET /configs/{id}"""
        return json_reply(await self._encoded(await self._files.resolve(request.params["id"])))

    async def create(self, request: Request) -> web.Response:
        """POST /secrets/create, POST /configs/create. dockerd says `ID`, the contract `Id`."""
        spec = decode_sealed(await request.object())
        created = await self._files.create(spec.name, spec.data or b"", spec.labels, spec.template)
        return json_reply({"ID": created, "Id": created}, 201)

    async def update(self, request: Request) -> web.Response:
        """POST /secrets/{id}/update, POST /configs/{id}/update: labels only."""
        version = version_of(request, self._kind.removesuffix("s"))
        spec = decode_sealed(await request.object())
        record = (await self._files.resolve(request.params["id"])).record
        is_other = spec.name != record.name
        if is_other or (spec.data and spec.data != await self._files.data(record.id)):
            raise InvalidArgument("rpc error: code = InvalidArgument desc = only updates to Labels are allowed")
        await self._files.update(record.id, version, spec.labels)
        return empty(200)

    async def remove(self, request: Request) -> web.Response:
        """DELETE /secrets/{id}, DELETE /configs/{id}"""
        await self._files.remove(request.params["id"])
        return empty()


def routes(control: Control | None) -> list[Route]:
    """Every route of this module."""
    found = []
    for kind, noun in (("secrets", "Secret"), ("configs", "Config")):
        router = FileRouter(control, kind)
        found += [
            Route("GET", f"/{kind}", router.list, f"{noun}List"),
            Route("POST", f"/{kind}/create", router.create, f"{noun}Create"),
            Route("GET", f"/{kind}/{{id}}", router.inspect, f"{noun}Inspect"),
            Route("DELETE", f"/{kind}/{{id}}", router.remove, f"{noun}Delete"),
            Route("POST", f"/{kind}/{{id}}/update", router.update, f"{noun}Update"),
        ]
    return found
