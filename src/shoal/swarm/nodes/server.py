"""The server of a node on 2377: for nodes that want to become one, and for members.

Without a certificate only `GET /v1/ca` and `POST /v1/certificates` with a token are answered. Whoever has one is who it
says, and speaks for that node only; managers speak for any node (they carry calls on for those that can't reach the
leader).
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from shoal.errors import DriverError, Forbidden, InternalError, NotFound, NotLeader, ShoalError, Unavailable
from shoal.model.cluster.node import Role
from shoal.swarm.manager.manager import Manager
from shoal.swarm.nodes.admission import Admission, member
from shoal.swarm.nodes.line import NODE_HEADER
from shoal.swarm.nodes.messages import Ask, Refused, decode, encode
from shoal.swarm.nodes.tls import Credentials, server_context
from shoal.swarm.pki.certificates import Identity, identity_of

log = logging.getLogger("shoal.cluster.server")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_BODY_BYTES = 64 * 1024 * 1024
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Managing:
    """What a manager's server works with."""

    manager: Manager
    admission: Admission


class Callers:
    """Who asks. cluster_id: of this node's cluster; managing: None on a worker"""

    def __init__(self, cluster_id: str, managing: Callable[[], Managing | None]) -> None:
        self._cluster_id = cluster_id
        self._managing = managing

    def identity(self, request: web.Request) -> Identity:
        """Raises: Forbidden for who has no certificate, or one of a node that was removed"""
        certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
        if not certificate:
            raise Forbidden("this needs a certificate of a node of the cluster")
        found = identity_of(certificate["subject"])
        if found.cluster_id != self._cluster_id:
            raise Forbidden("the certificate is of another cluster")
        if (managing := self._managing()) is not None:
            member(managing.manager.ledger.view, found.node_id)
        return found

    def manager(self, request: web.Request) -> Identity:
        """Raises: Forbidden for who is no manager"""
        found = self.identity(request)
        managing = self._managing()
        is_manager = found.role is Role.MANAGER
        if is_manager and managing is not None:
            is_manager = managing.manager.ledger.view.nodes[found.node_id].spec.role is Role.MANAGER
        if not is_manager:
            raise Forbidden(f"node {found.node_id} is no manager")
        return found

    def node_id(self, request: web.Request) -> str:
        """For which node the caller speaks: its own, or the one that a manager names."""
        named = request.headers.get(NODE_HEADER, "")
        found = self.identity(request)
        if not named or named == found.node_id:
            return found.node_id
        return named if self.manager(request) else ""

    def managing(self) -> Managing:
        """Raises: Unavailable on a worker"""
        if (managing := self._managing()) is None:
            raise Unavailable("this node is not a manager of the cluster")
        return managing


class NodeServer:
    """Listens from `open` to `close`. routes: (method, path, handler) beside those of admission"""

    def __init__(self, listen: tuple[str, int], callers: Callers, routes: Sequence[tuple[str, str, Handler]]) -> None:
        self._listen = listen
        self._callers = callers
        self._app = web.Application(middlewares=[_errors], client_max_size=MAX_BODY_BYTES)
        self._app.router.add_get("/v1/ca", self._ca)
        self._app.router.add_post("/v1/certificates", self._certificate)
        for method, path, handler in routes:
            self._app.router.add_route(method, path, handler)
        self._runner: web.AppRunner | None = None
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """That it listens on; chosen by the kernel where it was 0."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else self._listen[1]

    async def open(self, credentials: Credentials) -> None:
        """Raises: DriverError when the address can't be listened on"""
        self._socket = _bound(self._listen)
        self._runner = web.AppRunner(self._app, handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await self.renewed(credentials)

    async def renewed(self, credentials: Credentials) -> None:
        """New connections see this certificate and these CAs; the socket is never closed meanwhile."""
        if self._socket is None or self._runner is None or self._runner.server is None:
            raise InternalError("the server of the node is not open")
        context, before = server_context(credentials), self._server
        self._server = await asyncio.get_running_loop().create_server(
            self._runner.server, sock=self._socket.dup(), ssl=context, backlog=_BACKLOG, ssl_handshake_timeout=5
        )
        if before is not None:
            before.close()

    async def close(self) -> None:
        """Connections end."""
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._socket is not None:
            self._socket.close()
        self._server = self._runner = self._socket = None

    async def _ca(self, _request: web.Request) -> web.Response:
        """GET /v1/ca: who asks compares its digest with the one in its token."""
        return web.Response(text=self._callers.managing().admission.ca_certificate)

    async def _certificate(self, request: web.Request) -> web.Response:
        """POST /v1/certificates: an Ask; by token, or a member's renewal."""
        admission = self._callers.managing().admission
        ask = decode(await request.read(), Ask)
        if ask.token:
            admitted = await admission.admit(ask, request.remote or "")
            log.info("node %s joins as %s", admitted.node_id, admitted.role.value)
        else:
            admitted = await admission.renew(self._callers.identity(request), ask)
            log.info("node %s has a new certificate as %s", admitted.node_id, admitted.role.value)
        return web.Response(body=encode(admitted), content_type="application/json")


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except NotLeader as error:
        return _refused(error, (error.leader_id, error.address))
    except ShoalError as error:
        if error.status >= 500 and not isinstance(error, Unavailable):
            log.error("%s %s: %s", request.method, request.path, error.message)
        return _refused(error)
    except web.HTTPNotFound:
        return _refused(NotFound(f"{request.path}: no such thing here"))


def _refused(error: ShoalError, leader: tuple[str, str] = ("", "")) -> web.Response:
    body = encode(Refused(type(error).__name__, error.message, leader))
    return web.Response(status=max(error.status, 400), body=body, content_type="application/json")


def _bound(listen: tuple[str, int]) -> socket.socket:
    host, port = listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with contextlib.ExitStack() as stack:
        stack.callback(bound.close)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        try:
            bound.bind(listen)
            bound.listen(_BACKLOG)
        except OSError as error:
            raise DriverError(f"cannot listen for nodes on {host}:{port}: {error.strerror}") from error
        stack.pop_all()
    return bound
