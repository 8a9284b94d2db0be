"""Files that ADD fetches, and contexts given as a URL."""

import asyncio
import hashlib
import posixpath
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp

from shoal.errors import DriverError, InvalidArgument

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=120)
_PIECE_BYTES = 1 << 18


async def fetch(url: str) -> AsyncIterator[bytes]:
    """The bytes at `url`; the host's proxies and certificates are used. Raises: DriverError"""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True, auto_decompress=False) as session,
            session.get(url) as reply,
        ):
            if reply.status != 200:
                raise DriverError(f"failed to GET {url}: got status {reply.status} {reply.reason or ''}".rstrip())
            async for chunk in reply.content.iter_chunked(_PIECE_BYTES):
                yield chunk
    except (TimeoutError, aiohttp.ClientError, ValueError) as error:
        raise DriverError(f"failed to GET {url}: {error or type(error).__name__}") from error


async def download(url: str, target: Path, checksum: str = "") -> tuple[str, str]:
    """(sha256 in hex, file name) of what is at `url`, now in `target`.

    checksum: "sha256:…" that it must have, "" = any
    Raises: DriverError; InvalidArgument for another checksum
    """
    digest = hashlib.sha256()
    try:
        with open(target, "wb") as out:
            async for chunk in fetch(url):
                digest.update(chunk)
                await asyncio.to_thread(out.write, chunk)
    except OSError as error:
        raise DriverError(f"cannot keep {url}: {error.strerror or error}") from error
    got = digest.hexdigest()
    if checksum and checksum != f"sha256:{got}":
        raise InvalidArgument(f"digest mismatch for {url}: wanted {checksum}, got sha256:{got}")
    return got, posixpath.basename(unquote(urlsplit(url).path))
