"""Calls to other nodes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import aiohttp

from shoal import errors
from shoal.errors import InternalError, InvalidArgument, NotLeader, ShoalError, Unavailable
from shoal.swarm.nodes.messages import Refused, decode

#: a manager in the same building answers within a millisecond; one that is gone must not cost a returning node much
CONNECT_S = 1.0
CALL_S = 10.0
MANAGER = "swarm-manager"


class NodeClient:
    """Calls under this node's certificate, or under none. `renewed` after the certificate has changed."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._make_context = context
        self._session: aiohttp.ClientSession | None = None
        self._before: aiohttp.ClientSession | None = None  #: under the certificate before: its streams go on

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(ssl=self._make_context(), limit=0, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False)
        return self._session

    async def renewed(self) -> None:
        """Later calls show the certificate that there is now; streams that are open go on."""
        oldest, self._before, self._session = self._before, self._session, None
        if oldest is not None:
            await oldest.close()

    async def close(self) -> None:
        await self.renewed()
        await self.renewed()

    async def call(
        self,
        method: str,
        address: str,
        path: str,
        body: bytes = b"",
        *,
        name: str = MANAGER,
        timeout_s: float = CALL_S,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of the answer. address: "host:port"    name: whom it must be of, by role or id

        Raises: Unavailable when nobody answers; NotLeader; what the other side says
        """
        asked = self.asked(method, address, path, body, name=name, headers=headers)
        async with _translated(address), asyncio.timeout(timeout_s), asked as response:
            return await response.read()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        address: str,
        path: str,
        body: bytes = b"",
        *,
        name: str = MANAGER,
        first_s: float = CALL_S,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Lines of an answer that goes on. first_s: until it begins. Raises: as `call`"""
        asked = self.asked(method, address, path, body, name=name, headers=headers, first_s=first_s)
        async with asked as response:
            yield _lines(address, response)

    @asynccontextmanager
    async def pieces(
        self, method: str, address: str, path: str, *, name: str = MANAGER, first_s: float = CALL_S
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of an answer as they come. Raises: as `call`"""
        async with self.asked(method, address, path, b"", name=name, first_s=first_s) as response:
            yield pieces_of(address, response)

    @asynccontextmanager
    async def asked(
        self,
        method: str,
        address: str,
        path: str,
        body: bytes = b"",
        *,
        name: str = MANAGER,
        headers: Mapping[str, str] | None = None,
        first_s: float = CALL_S,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, its body not read yet. first_s: until it begins. Raises: as `call`"""
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_connect=CONNECT_S)
        async with _translated(address), asyncio.timeout(first_s):
            response = await self._open().request(
                method,
                f"https://{address}{path}",
                data=body or None,
                headers=headers,
                server_hostname=name or None,
                timeout=timeout,
                allow_redirects=False,
            )
        try:
            if response.status >= 400:
                async with _translated(address):
                    raise _refusal(response.status, await response.read())
            yield response
        finally:
            response.close()


async def pieces_of(address: str, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body as it comes. Raises: Unavailable"""
    async with _translated(address):
        async for piece in response.content.iter_any():
            yield piece


async def _lines(address: str, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    rest: list[bytes] = []
    async for piece in pieces_of(address, response):
        *ended, last = piece.split(b"\n")
        for line in ended:
            yield b"".join((*rest, line))
            rest.clear()
        rest.append(last)


@asynccontextmanager
async def _translated(address: str) -> AsyncIterator[None]:
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unavailable(f"{address}: {_reason(error.certificate_error)}") from error
    except TimeoutError as error:
        raise Unavailable(f"{address}: no answer in time") from error
    except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
        raise Unavailable(f"{address}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    if "CERTIFICATE_EXPIRED" in text.upper() or "certificate has expired" in text:
        return "certificate has expired"
    return text


def _refusal(status: int, body: bytes) -> ShoalError:
    try:
        said = decode(body, Refused)
    except InvalidArgument:
        return InternalError(f"status {status}: {body[:200]!r}")
    if said.kind == NotLeader.__name__:
        return NotLeader(*said.leader)
    kind = getattr(errors, said.kind, None)
    if isinstance(kind, type) and issubclass(kind, ShoalError):
        return kind(said.message)
    return InternalError(said.message)
