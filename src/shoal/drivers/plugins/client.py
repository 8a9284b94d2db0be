"""One call of a plugin: a POST with JSON both ways, within a time limit.

Source: Docker, "Docker Plugin API"; the words of errors are those of Docker's engine.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from shoal.drivers.plugins.discovery import Address, Tls
from shoal.errors import DriverError

_HEADERS = {
    "Accept": "application/vnd.docker.plugins.v1.2+json",
    "Content-Type": "application/vnd.docker.plugins.v1.2+json",
}
_CONNECT_S = 5.0
_LONGEST_WAIT_S = 30.0


class Unreachable(DriverError):
    """The plugin did not answer. sent: whether it may have got the call"""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class Refused(DriverError):
    """The plugin answered that it won't, in its own words."""


async def call(
    address: Address, method: str, body: Mapping[str, Any], *, timeout_s: float, patience_s: float
) -> dict[str, Any]:
    """The plugin's answer.

    patience_s: how long to try again while nobody listens there; waits double from one second, as in Docker
    Raises: Unreachable, Refused
    """
    waited, wait = 0.0, 1.0
    while True:
        try:
            return await _call(address, method, body, timeout_s)
        except Unreachable as error:
            if error.sent or waited + wait > patience_s:
                raise
        await asyncio.sleep(wait)
        waited, wait = waited + wait, min(2 * wait, _LONGEST_WAIT_S)


async def _call(address: Address, method: str, body: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    url = f"{'https' if address.tls else 'http'}://{address.host or 'plugin'}/{method}"
    limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(_CONNECT_S, timeout_s))
    said = f'Post "{_shown(address)}/{method}"'
    try:
        connector = await asyncio.to_thread(_connector_of, address)
        async with (
            aiohttp.ClientSession(connector=connector(), timeout=limits, headers=_HEADERS, trust_env=False) as session,
            session.post(url, data=json.dumps(body).encode()) as response,
        ):
            raw = await response.read()
            status = response.status
    except aiohttp.ClientConnectorError as error:
        raise Unreachable(f"{said}: {_dialled(address, error)}", sent=False) from error
    except TimeoutError as error:
        connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
        raise Unreachable(f"{said}: context deadline exceeded", sent=not connecting) from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"{said}: {_words(error)}", sent=True) from error
    return _answer(method, status, raw)


def _answer(method: str, status: int, raw: bytes) -> dict[str, Any]:
    text = raw.decode(errors="replace").strip()
    try:
        told = json.loads(raw) if text else {}
    except ValueError:
        told = None
    refusal = told.get("Err") or told.get("Error") if isinstance(told, dict) else None
    if status != 200:
        raise Refused(f"{method}: {refusal or text or f'status {status}'}")
    if not isinstance(told, dict):
        raise Refused(f"{method}: expected a JSON object, got {text[:80]!r}")
    if refusal:
        raise Refused(str(refusal))
    return told


def _connector_of(address: Address) -> Any:
    """What makes the connector, in the event loop. Blocking: reads certificates."""
    if address.path:
        return lambda: aiohttp.UnixConnector(address.path)
    context = _context(address.tls) if address.tls else None
    return lambda: aiohttp.TCPConnector(ssl=context or True)


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca_file or None)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file or None)
    return context


def _shown(address: Address) -> str:
    if address.path:
        return f"http://{quote(address.path, safe='')}"
    return f"{'https' if address.tls else 'http'}://{address.host}"


def _dialled(address: Address, error: aiohttp.ClientConnectorError) -> str:
    where = f"unix {address.path}" if address.path else f"tcp {address.host}"
    return f"dial {where}: connect: {_words(error.os_error)}"


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", "") or str(error) or type(error).__name__
    return text[0].lower() + text[1:]
