"""Which handler answers which method and path."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from shoal.api.http.request import Request

Handler = Callable[[Request], Awaitable[web.StreamResponse]]

_VERSION = re.compile(r"/v(\d{1,9})\.(\d{1,9})(?=/|$)", re.ASCII)
_PARAMETER = re.compile(r"\{(\w+)(\.\.\.)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    path: "/containers/{id}/start"; `{name...}` also matches slashes (image names)
    operation: the operationId in the Docker Engine API, "ContainerStart"; Shoal's own start with "Shoal"
    stream: the handler runs only as long as the client listens (logs, pull, events); any other is finished even when
        the client goes away half-way
    """

    method: str
    path: str
    handler: Handler
    operation: str
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request and its path parameters, URL-decoded."""

    route: Route
    params: dict[str, str]


class Router:
    """Routes found by method and first path segment."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes: Sequence[Route] = tuple(routes)
        self._groups: dict[tuple[str, str], list[tuple[re.Pattern[str], Route]]] = {}
        # Longer literal paths first: "/images/json" must win over "/images/{name...}".
        for route in sorted(self.routes, key=lambda r: (r.path.count("{"), "..." in r.path)):
            self._groups.setdefault((route.method, _first(route.path)), []).append((compile_path(route.path), route))

    def match(self, method: str, path: str) -> Match | None:
        """The route of `path` (raw, without version prefix), or None. A HEAD is answered by a GET where no HEAD is."""
        for pattern, route in self._groups.get((method, _first(path)), ()):
            if found := pattern.fullmatch(path):
                return Match(route, {k: unquote(v) for k, v in found.groupdict().items()})
        return self.match("GET", path) if method == "HEAD" else None


def _first(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else ""


def compile_path(path: str) -> re.Pattern[str]:
    """The pattern of a route's path: "/x/{id}" -> /x/(?P<id>[^/]+)"""
    parts: list[str] = []
    end = 0
    for found in _PARAMETER.finditer(path):
        parts.append(re.escape(path[end : found.start()]))
        parts.append(f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})")
        end = found.end()
    return re.compile("".join(parts) + re.escape(path[end:]))


def split_version(path: str) -> tuple[tuple[int, int] | None, str]:
    """("/v1.51/info") -> ((1, 51), "/info"); (None, path) where there is no prefix."""
    if found := _VERSION.match(path):
        return (int(found[1]), int(found[2])), path[found.end() :] or "/"
    return None, path
