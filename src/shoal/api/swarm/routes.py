"""The routes of a cluster, and what reads say while the managers have no quorum."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from aiohttp import web

from shoal.api.http.request import Request
from shoal.api.http.router import Handler, Route
from shoal.api.swarm import files, logs, nodes, services, swarm, tasks
from shoal.contracts.cluster.control import Control

#: Source: RFC 7234, 5.5.1, "Response is Stale"
WARNING = '110 shoal "the managers have no quorum: what is shown may be old"'


def cluster_routes(control: Control | None) -> list[Route]:
    """All of them."""
    parts = (swarm, nodes, services, tasks, logs, files)
    return list(old_while_without_quorum([route for part in parts for route in part.routes(control)], control))


def old_while_without_quorum(routes: Iterable[Route], control: Control | None) -> Iterator[Route]:
    """The same routes; what is read has the header `Warning` while it may be old."""
    for route in routes:
        if control is None or route.method != "GET" or route.stream:
            yield route
        else:
            yield replace(route, handler=_marked(route.handler, control))


def _marked(handler: Handler, control: Control) -> Handler:
    async def marked(request: Request) -> web.StreamResponse:
        response = await handler(request)
        if not control.membership.state().has_quorum:
            response.headers["Warning"] = WARNING
        return response

    return marked
