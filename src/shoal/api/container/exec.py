"""/exec: further programs in running containers."""

from collections.abc import AsyncIterator

from aiohttp import web

from shoal.api.container.attach import content_type_of, terminal_size
from shoal.api.http.hijack import Hijacked, hijack
from shoal.api.http.pump import Stdio, pump
from shoal.api.http.replies import empty, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.contracts.runtime import ExecProcess
from shoal.engine.execs import Execs
from shoal.errors import Conflict, InvalidArgument, ShoalError
from shoal.model.exec import Exec
from shoal.wire.exec import decode_console_size, decode_exec, encode_exec


class ExecRouter:
    """Source: Docker Engine API v1.51, tag Exec."""

    def __init__(self, execs: Execs) -> None:
        self._execs = execs

    async def create(self, request: Request) -> web.Response:
        """POST /containers/{id}/exec"""
        spec = decode_exec(await request.json())
        return json_reply({"Id": self._execs.create(request.params["id"], spec).id}, 201)

    async def start(self, request: Request) -> web.StreamResponse:
        """POST /exec/{id}/start

        As with Docker, the connection is taken over before the program is started: why it can't be comes as output.
        """
        body = await request.json()
        if not isinstance(body, dict):
            raise InvalidArgument("exec start: expected an object")
        exec, size = self._execs.get(request.params["id"]), decode_console_size(body)
        if body.get("Detach"):
            await self._execs.start(exec.id, detached=True)
            return empty(200)
        if exec.running or exec.exit_code is not None:
            raise Conflict(f"Error: Exec command {exec.id} is already running or has already run")
        tty = exec.spec.tty
        async with hijack(request, content_type_of(request, tty=tty)) as stream:
            try:
                process = await self._execs.start(exec.id, size=size)
            except ShoalError as error:
                await pump(stream, _failure(error, framed=not tty))
                return Hijacked()
            try:
                await pump(stream, self._stdio(exec, process))
            finally:
                self._execs.leave(process)
        return Hijacked()

    def _stdio(self, exec: Exec, process: ExecProcess) -> Stdio:
        spec = exec.spec
        attached = ((1, spec.attach_stdout or spec.tty), (2, spec.attach_stderr))

        async def output() -> AsyncIterator[tuple[int, bytes]]:
            async for piece in process.read():
                yield piece
            await self._execs.wait(exec.id)  # the client asks for the exit code as soon as the stream ends

        async def end_input() -> None:
            process.close_stdin()

        return Stdio(
            output=output(),
            write=process.write,
            end_input=end_input,
            wanted=frozenset(number for number, flag in attached if flag),
            stdin=spec.attach_stdin,
            framed=not spec.tty,
            detach_keys=spec.detach_keys if spec.tty and spec.attach_stdin else b"",
        )

    async def resize(self, request: Request) -> web.Response:
        """POST /exec/{id}/resize"""
        height, width = terminal_size(request)
        self._execs.resize(request.params["id"], height, width)
        return empty(200)

    async def inspect(self, request: Request) -> web.Response:
        """GET /exec/{id}/json"""
        return json_reply(encode_exec(self._execs.get(request.params["id"])))


def _failure(error: ShoalError, *, framed: bool) -> Stdio:
    async def message() -> AsyncIterator[tuple[int, bytes]]:
        yield 1, f"{error.message}\r\n".encode()

    async def nothing(data: bytes = b"") -> None:
        return

    return Stdio(output=message(), write=nothing, end_input=nothing, framed=framed)


def routes(execs: Execs) -> list[Route]:
    """What this module serves."""
    router = ExecRouter(execs)
    return [
        Route("POST", "/containers/{id}/exec", router.create, "ContainerExec"),
        Route("POST", "/exec/{id}/start", router.start, "ExecStart", stream=True),
        Route("POST", "/exec/{id}/resize", router.resize, "ExecResize"),
        Route("GET", "/exec/{id}/json", router.inspect, "ExecInspect"),
    ]
