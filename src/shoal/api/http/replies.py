"""The answers of the handlers."""

import errno
import logging
from collections.abc import AsyncIterable, Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from shoal import __version__
from shoal.api.http.request import API_VERSION, Request
from shoal.errors import DriverError, InternalError, ShoalError

log = logging.getLogger("shoal.api")

#: headers of every reply; clients negotiate by them
HEADERS = {
    "Api-Version": f"{API_VERSION[0]}.{API_VERSION[1]}",
    "Builder-Version": "1",
    "Docker-Experimental": "false",
    "Ostype": "linux",
    "Server": f"Shoal/{__version__} (linux)",
}

_encode = msgspec.json.encode


def json_line(value: Any) -> bytes:
    """`value` as JSON with a newline at the end, as Docker's."""
    return _encode(value) + b"\n"


def json_reply(value: Any, status: int = 200) -> web.Response:
    """`value` as JSON, with a newline at the end as Docker's."""
    return web.Response(body=json_line(value), status=status, content_type="application/json")


def empty(status: int = 204) -> web.Response:
    """No body."""
    return web.Response(status=status)


def described(error: Exception) -> ShoalError:
    """What the user is told of any exception. A full disk comes up anywhere; the rest are bugs and go to the log."""
    if isinstance(error, ShoalError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DriverError("no space left on device", hint="free some space: shoal system prune")
    log.error("internal error", exc_info=error)
    return InternalError(f"internal error: {type(error).__name__}: {error}")


def error_reply(error: ShoalError) -> web.Response:
    """The error's status and {"message": …}; its hint as `hint` where it has one. A 304 has no body."""
    if error.status == 304:
        return empty(304)
    message = error.message.encode(errors="backslashreplace").decode()
    body = {"message": message} | ({"hint": error.hint} if error.hint else {})
    return json_reply(body, error.status)


def stream_response(content_type: str, status: int = 200) -> web.StreamResponse:
    """A response with the engine's headers, for a handler that writes its body bit by bit."""
    return web.StreamResponse(status=status, headers={**HEADERS, "Content-Type": content_type})


async def send_stream(
    request: Request, content_type: str, chunks: AsyncIterable[bytes], headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """The response whose body is `chunks`, sent as they come. An error ends the connection: the status has gone out."""
    response = stream_response(content_type)
    response.headers.update(headers or {})
    await response.prepare(request.http)
    try:
        async for chunk in chunks:
            await response.write(chunk)
    except ConnectionError:
        raise
    except Exception as error:
        message = described(error).message
        log.error("%s %s: broken off: %s", request.http.method, request.http.path, message)
        if request.http.transport is not None:
            request.http.transport.abort()
        raise ConnectionAbortedError(message) from error
    await response.write_eof()
    return response


class JsonStream:
    """A body of JSON objects, a line each, sent at once: pull, push, build, load, events, stats.

    The headers go out on entry, so that the client knows that its request was taken. An error after that is a last
    line {"errorDetail": {"message": …}, "error": …}. Source: Docker's jsonmessage.
    """

    def __init__(self, request: Request, content_type: str = "application/json") -> None:
        self._request = request
        self.response = stream_response(content_type)

    async def __aenter__(self) -> Self:
        await self.response.prepare(self._request.http)
        return self

    async def send(self, value: Any) -> None:
        """One line."""
        await self.response.write(_encode(value) + b"\r\n")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            await self._send_error(described(error))
            return True
        if error is None:
            await self.response.write_eof()
        return False

    async def _send_error(self, error: ShoalError) -> None:
        detail: dict[str, Any] = {"message": error.message}
        code = getattr(error, "exit_status", -1)
        if code > 0:
            detail["code"] = code
        if error.hint:
            detail["hint"] = error.hint
        await self.send({"errorDetail": detail, "error": error.message})
        await self.response.write_eof()
