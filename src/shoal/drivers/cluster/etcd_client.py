"""Calls of etcd's JSON gateway, over TLS where files are given, each with a deadline."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Generic, TypeVar

import aiohttp
import msgspec

from shoal.drivers.cluster.etcd_messages import Message, Refusal, StreamError
from shoal.errors import DriverError, ShoalError, Unavailable

DEADLINE_S = 5.0
_PAUSE_S = 0.1
_MAX_PAUSE_S = 1.0
_LARGE = 256 * 1024

# A member without a leader refuses at once, and ends watches that would hear nothing any more.
_NEEDS_LEADER = {"Grpc-Metadata-hasleader": "true"}
#: a member does not answer the others, or has for less than 5 s
UNHEALTHY = "etcdserver: unhealthy cluster"
#: refused before anything was proposed: may be asked again whatever it was
_NOT_TAKEN = ("etcdserver: no leader", "etcdserver: too many requests", UNHEALTHY)
_UNAVAILABLE, _DEADLINE_EXCEEDED, _CANCELLED, _EXHAUSTED = 14, 4, 1, 8

T = TypeVar("T", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files. They may be replaced while in use: new connections take what is there then."""

    ca: Path
    certificate: Path
    key: Path


class EtcdRefusal(DriverError):
    """etcd understood the call and refused it. code: gRPC's"""

    def __init__(self, message: str, code: int) -> None:
        hint = "the cluster's store is full" if code == _EXHAUSTED else ""
        super().__init__(message, hint=hint)
        self.code = code


class _Result(Message, Generic[T], frozen=True):
    """A line of a streamed answer."""

    result: T | None = None
    error: StreamError | None = None


class EtcdClient:
    """One manager's way to the members of the store."""

    def __init__(self, endpoints: Sequence[str], tls: TlsFiles | None = None) -> None:
        """endpoints: client URLs, the nearest first"""
        self._endpoints = list(endpoints)
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self._context_of: tuple[int, ...] = ()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Ready to call; nothing was called yet."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(), auto_decompress=False)

    async def close(self) -> None:
        """Connections are closed. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self,
        path: str,
        request: Message,
        answer: type[T],
        *,
        again: bool = True,
        deadline_s: float = DEADLINE_S,
        alone: bool = False,
    ) -> T:
        """again: it may be asked again although it may have been done. alone: a member answers without a leader too.

        Raises: Unavailable when nobody has answered before the deadline; EtcdRefusal
        """
        raw = await self._asked(path, request, again=again, deadline_s=deadline_s, alone=alone)
        return _decoded(raw, answer, path)

    async def _asked(
        self, path: str, request: Message, *, again: bool = True, deadline_s: float = DEADLINE_S, alone: bool = False
    ) -> bytes:
        body = msgspec.json.encode(request)
        failure: ShoalError | None = None
        pause_s = _PAUSE_S
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    for endpoint in list(self._endpoints):
                        try:
                            return await self._post(endpoint, path, body, again=again, alone=alone)
                        except _NotTaken as error:
                            failure = error.why
                            self._prefer_others(endpoint)
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, _MAX_PAUSE_S)
        except TimeoutError:
            why = f": {failure}" if failure else ""
            raise Unavailable(f"no quorum of managers answers within {deadline_s:g} s{why}") from failure

    async def call_streamed(self, path: str, request: Message, answer: type[T]) -> T:
        """As `call`, where etcd answers with a stream of one answer."""
        raw = await self._asked(path, request)
        return _streamed(raw, answer, path)

    async def stream(self, path: str, request: Message, answer: type[T]) -> AsyncIterator[T]:
        """Answers until the other side ends it. Raises: Unavailable, EtcdRefusal"""
        endpoint = self._endpoints[0]
        try:
            async with (
                asyncio.timeout(DEADLINE_S) as until_it_begins,
                self._request(endpoint, path, msgspec.json.encode(request)) as response,
            ):
                until_it_begins.reschedule(None)
                if response.status != 200:
                    raise _refusal(await response.read(), path)
                async for line in _lines(response.content):
                    yield _streamed(line, answer, path)
        except (aiohttp.ClientError, OSError) as error:
            self._prefer_others(endpoint)
            raise Unavailable(f"etcd at {endpoint} does not answer: {error}") from error

    def _prefer_others(self, endpoint: str) -> None:
        if self._endpoints[0] == endpoint:
            self._endpoints.append(self._endpoints.pop(0))

    async def _post(self, endpoint: str, path: str, body: bytes, *, again: bool, alone: bool) -> bytes:
        """Raises: _NotTaken where another try can't do harm, Unavailable, EtcdRefusal"""
        try:
            async with self._request(endpoint, path, body, alone=alone) as response:
                raw = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise _NotTaken(Unavailable(f"etcd at {endpoint} does not answer: {error}")) from error
        except (aiohttp.ClientError, OSError) as error:
            lost = Unavailable(f"the answer of etcd at {endpoint} was lost: {error}")
            raise (_NotTaken(lost) if again else lost) from error
        if response.status == 200:
            return raw
        refusal = _refusal(raw, path)
        if refusal.message in _NOT_TAKEN:
            raise _NotTaken(refusal)
        if refusal.code in (_UNAVAILABLE, _DEADLINE_EXCEEDED, _CANCELLED):
            if again:
                raise _NotTaken(refusal)
            raise Unavailable(refusal.message)
        raise refusal

    def _request(
        self, endpoint: str, path: str, body: bytes, *, alone: bool = False
    ) -> "aiohttp.client._RequestContextManager":
        if self._session is None:
            raise Unavailable("the cluster's store is closed")
        # A large one goes out in pieces, between which other work is done.
        data = BytesIO(body) if len(body) > _LARGE else body
        headers = {} if alone else _NEEDS_LEADER
        return self._session.post(f"{endpoint}/v3/{path}", data=data, headers=headers, ssl=self._ssl())

    def _ssl(self) -> ssl.SSLContext | bool:
        if self._tls is None:
            return True
        written = tuple(path.stat().st_mtime_ns for path in (self._tls.ca, self._tls.certificate, self._tls.key))
        if self._context is None or written != self._context_of:
            context = ssl.create_default_context(cafile=self._tls.ca)
            # The cluster's own CA says who is who; names of machines say nothing here.
            context.check_hostname = False
            context.load_cert_chain(self._tls.certificate, self._tls.key)
            self._context, self._context_of = context, written
        return self._context


class _NotTaken(Exception):
    """Somebody else may be asked."""

    def __init__(self, why: ShoalError) -> None:
        super().__init__(str(why))
        self.why = why


def _decoded(raw: bytes, answer: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(raw, type=answer, strict=False)
    except msgspec.MsgspecError as error:
        raise DriverError(f"cannot understand etcd's answer to {path}: {error}") from error


def _streamed(line: bytes, answer: type[T], path: str) -> T:
    decoded: _Result[T] = _decoded(line, _Result[answer], path)  # type: ignore[valid-type]
    if decoded.error is not None:
        raise Unavailable(decoded.error.message)
    return decoded.result or answer()


def _refusal(raw: bytes, path: str) -> EtcdRefusal:
    try:
        refusal = msgspec.json.decode(raw, type=Refusal, strict=False)
    except msgspec.MsgspecError:
        return EtcdRefusal(f"{path}: {raw[:200].decode(errors='replace')}", 0)
    return EtcdRefusal(refusal.message, refusal.code)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length."""
    parts: list[bytes] = []
    async for chunk in content.iter_any():
        *ended, rest = chunk.split(b"\n")
        for line in ended:
            yield b"".join([*parts, line])
            parts = []
        if rest:
            parts.append(rest)
