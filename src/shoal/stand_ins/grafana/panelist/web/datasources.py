"""Routes of data sources: the list, one by id, UID or name, the proxy, their health."""

import re
from typing import Any
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from ..errors import ApiError, bad_request
from ..sources import public
from .context import answer, body_of, context_of, number_of, require_role

routes = web.RouteTableDef()
_HOP = (
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "content-encoding",
    "content-length",
)
#: what callers prove themselves to us with is no business of the data source
_OURS = ("host", "cookie", "authorization", "origin", "referer", "accept-encoding", "content-length")
#: of Prometheus' API, what viewers may ask; the rest (deleting series, reloading) is for administrators
_HARMLESS_POST = re.compile(r"^/?api/v1/(query|query_range|query_exemplars|series|labels|format_query)$")
_CHUNK = 64 * 1024


@routes.get("/api/datasources")
async def listing(request: web.Request) -> web.Response:
    """GET /api/datasources."""
    require_role(request, "Viewer")
    return answer([public(each) for each in context_of(request).sources.all()])


@routes.post("/api/datasources")
async def create(request: web.Request) -> web.Response:
    """POST /api/datasources."""
    require_role(request, "Admin")
    source = context_of(request).sources.add({**await body_of(request), "readOnly": False})
    return answer(
        {"datasource": public(source), "id": source["id"], "message": "Datasource added", "name": source["name"]}
    )


def _named(request: web.Request) -> dict[str, Any]:
    """The data source that the path names, in any of three ways. Raises: ApiError 400, 404"""
    sources, parts = context_of(request).sources, request.match_info
    if "uid" in parts:
        return sources.require(uid=parts["uid"])
    if "name" in parts:
        return sources.require(name=unquote(parts["name"]))
    return sources.require(id=number_of(parts["id"], "id"))


@routes.get(r"/api/datasources/{id:\d+}")
@routes.get("/api/datasources/uid/{uid}")
@routes.get("/api/datasources/name/{name}")
async def show(request: web.Request) -> web.Response:
    """GET /api/datasources/{id}, …/uid/{uid}, …/name/{name}."""
    require_role(request, "Viewer")
    return answer(public(_named(request)))


@routes.get("/api/datasources/id/{name}")
async def show_id(request: web.Request) -> web.Response:
    """GET /api/datasources/id/{name}."""
    require_role(request, "Viewer")
    return answer({"id": _named(request)["id"]})


@routes.put(r"/api/datasources/{id:\d+}")
@routes.put("/api/datasources/uid/{uid}")
async def update(request: web.Request) -> web.Response:
    """PUT /api/datasources/{id}, …/uid/{uid}."""
    require_role(request, "Admin")
    old = _named(request)
    source = context_of(request).sources.change(old, {**await body_of(request), "readOnly": False})
    shown = {"datasource": public(source), "id": source["id"], "name": source["name"]}
    return answer({**shown, "message": "Datasource updated"})


@routes.delete(r"/api/datasources/{id:\d+}")
@routes.delete("/api/datasources/uid/{uid}")
@routes.delete("/api/datasources/name/{name}")
async def delete(request: web.Request) -> web.Response:
    """DELETE /api/datasources/{id}, …/uid/{uid}, …/name/{name}."""
    require_role(request, "Admin")
    source = _named(request)
    context_of(request).sources.remove(source)
    return answer({"message": "Data source deleted", "id": source["id"]})


@routes.get("/api/datasources/uid/{uid}/health")
@routes.get(r"/api/datasources/{id:\d+}/health")
async def health(request: web.Request) -> web.Response:
    """GET /api/datasources/uid/{uid}/health: one query, as its page's button asks it."""
    require_role(request, "Viewer")
    source = _named(request)
    try:
        async with upstream(request, source, "GET", "api/v1/query", query={"query": "1+1"}) as response:
            text = await response.text()
            fine = response.status == 200
    except ApiError as error:
        text, fine = error.message, False
    if fine:
        return answer({"status": "OK", "message": "Successfully queried the Prometheus API."})
    return answer({"status": "ERROR", "message": text[:500]}, status=400)


@routes.route("*", r"/api/datasources/proxy/{id:\d+}/{path:.*}")
@routes.route("*", "/api/datasources/proxy/uid/{uid}/{path:.*}")
@routes.route("*", r"/api/datasources/{id:\d+}/resources/{path:.*}")
@routes.route("*", "/api/datasources/uid/{uid}/resources/{path:.*}")
async def proxy(request: web.Request) -> web.StreamResponse:
    """Any request to the data source itself, with its own password instead of the caller's."""
    path = request.match_info["path"]
    if ".." in unquote(path).split("/"):
        raise bad_request("the path leads out of the data source")
    harmless = request.method in ("GET", "HEAD") or (request.method == "POST" and _HARMLESS_POST.match(path))
    require_role(request, "Viewer" if harmless else "Admin")
    source = _named(request)
    async with upstream(
        request,
        source,
        request.method,
        path,
        query=request.query,
        data=await request.read() if request.can_read_body else None,
        headers={key: value for key, value in request.headers.items() if key.lower() not in (*_OURS, *_HOP)},
    ) as response:
        headers = {key: value for key, value in response.headers.items() if key.lower() not in (*_HOP, "set-cookie")}
        # A page of the data source must not act as one of ours.
        headers["Content-Security-Policy"] = "sandbox"
        answered = web.StreamResponse(status=response.status, headers=headers)
        await answered.prepare(request)
        async for chunk in response.content.iter_chunked(_CHUNK):
            await answered.write(chunk)
        await answered.write_eof()
        return answered


class upstream:
    """A request to a data source, as an asynchronous context. Raises: ApiError 502, 504 when it can't be reached"""

    def __init__(self, request: web.Request, source: dict[str, Any], method: str, path: str, **options: Any) -> None:
        self._context = context_of(request)
        self._source = source
        self._method = method
        self._path = path
        self._options = options

    async def __aenter__(self) -> aiohttp.ClientResponse:
        source, options = self._source, self._options
        headers = {**(options.get("headers") or {}), **_custom_headers(source)}
        auth = None
        if source["basicAuth"]:
            password = source["secureJsonData"].get("basicAuthPassword", "")
            auth = aiohttp.BasicAuth(source["basicAuthUser"], password)
        timeout = aiohttp.ClientTimeout(total=self._context.settings.proxy_timeout_s)
        try:
            self._response = await self._context.client.request(
                self._method,
                f"{source['url'].rstrip('/')}/{self._path.lstrip('/')}",
                params=options.get("query"),
                data=options.get("data"),
                headers=headers,
                auth=auth,
                timeout=timeout,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, ValueError) as error:
            raise ApiError(502, f"{source['name']} can't be reached: {error}") from error
        except TimeoutError as error:
            raise ApiError(504, f"{source['name']} did not answer in time") from error
        return self._response

    async def __aexit__(self, *error: object) -> None:
        self._response.release()


def _custom_headers(source: dict[str, Any]) -> dict[str, str]:
    """`httpHeaderName1` of jsonData with `httpHeaderValue1` of the secrets, and so on."""
    names = {key: str(value) for key, value in source["jsonData"].items() if key.startswith("httpHeaderName")}
    secrets = source["secureJsonData"]
    return {name: secrets.get(key.replace("Name", "Value"), "") for key, name in names.items() if name}
