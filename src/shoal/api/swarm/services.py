"""/services"""

from aiohttp import web

from shoal.api.http.replies import empty, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.api.swarm.part import Part, version_of
from shoal.contracts.cluster.control import Control
from shoal.errors import InvalidArgument
from shoal.wire.registry_auth import decode_auth_header
from shoal.wire.swarm.service import encode_service
from shoal.wire.swarm.service_spec import decode_service_spec, unknown_keys, with_kept_extras


class ServiceRouter(Part):
    """The operations on services. Source: Docker Engine API v1.51, tag Service."""

    async def list(self, request: Request) -> web.Response:
        """GET /services. `status` adds how many tasks run."""
        services = self.control.services
        found = await services.list(request.filters())
        counts = await services.counts([service.record for service in found]) if request.flag("status") else {}
        return json_reply(
            [encode_service(item.record, item.version, counts=counts.get(item.record.id)) for item in found]
        )

    async def inspect(self, request: Request) -> web.Response:
        """GET /services/{id}. `insertDefaults` adds what nobody said."""
        service = await self.control.services.resolve(request.params["id"])
        return json_reply(encode_service(service.record, service.version, defaults=request.flag("insertDefaults")))

    async def create(self, request: Request) -> web.Response:
        """POST /services/create"""
        body = await request.object()
        spec = decode_service_spec(body)
        created, warnings = await self.control.services.create(spec, registry_auth=_registry_auth(request))
        return json_reply({"ID": created, "Warnings": [*unknown_keys(body), *warnings] or None}, 201)

    async def update(self, request: Request) -> web.Response:
        """POST /services/{id}/update. With `rollback=previous` the body does not matter."""
        version = version_of(request, "service")
        is_rollback, auth_from = _is_rollback(request), _auth_from(request)
        auth = _registry_auth(request)
        services = self.control.services
        service = (await services.resolve(request.params["id"])).record
        body = await request.object()
        spec = service.spec if is_rollback else decode_service_spec(with_kept_extras(body, service.spec))
        warnings = await services.update(
            service.id, version, spec, rollback=is_rollback, registry_auth=auth, auth_from=auth_from
        )
        unknown = [] if is_rollback else unknown_keys(body)
        return json_reply({"Warnings": [*unknown, *warnings] or None})

    async def rebalance(self, request: Request) -> web.Response:
        """POST /shoal/services/{id}/rebalance, of Shoal's own"""
        await self.control.services.rebalance(request.params["id"])
        return empty(200)

    async def remove(self, request: Request) -> web.Response:
        """DELETE /services/{id}"""
        await self.control.services.remove(request.params["id"])
        return empty(200)


def _is_rollback(request: Request) -> bool:
    word = request.query.get("rollback", "")
    if word not in ("", "none", "previous"):
        raise InvalidArgument(f"unrecognized rollback option {word}")
    return word == "previous"


def _auth_from(request: Request) -> str:
    source = request.query.get("registryAuthFrom", "")
    if source not in ("", "spec", "previous-spec"):
        raise InvalidArgument("unsupported registryAuthFrom value")
    return source


def _registry_auth(request: Request) -> str:
    """The header as it came; "" where it names nobody. Raises: InvalidArgument"""
    header = request.http.headers.get("X-Registry-Auth", "")
    return header if decode_auth_header(header) is not None else ""


def routes(control: Control | None) -> list[Route]:
    """Every route of this module."""
    router = ServiceRouter(control)
    return [
        Route("GET", "/services", router.list, "ServiceList"),
        Route("POST", "/services/create", router.create, "ServiceCreate"),
        Route("GET", "/services/{id}", router.inspect, "ServiceInspect"),
        Route("DELETE", "/services/{id}", router.remove, "ServiceDelete"),
        Route("POST", "/services/{id}/update", router.update, "ServiceUpdate"),
        Route("POST", "/shoal/services/{id}/rebalance", router.rebalance, "ShoalServiceRebalance"),
    ]
