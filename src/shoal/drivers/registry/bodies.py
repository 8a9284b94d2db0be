"""Bodies of replies, taken only so far: the other side may be hostile."""

import json
from typing import Any

import aiohttp

from shoal.errors import DriverError, InvalidArgument

_CHUNK = 256 << 10


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body. Raises: InvalidArgument when it is over `limit` bytes"""
    data = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        data += chunk
        if len(data) > limit:
            raise InvalidArgument(f"{response.url}: over {limit} bytes")
    return bytes(data)


async def read_json(response: aiohttp.ClientResponse, limit: int) -> dict[str, Any]:
    """The JSON object that the body is. Raises: DriverError, InvalidArgument"""
    try:
        value = json.loads(await read_body(response, limit))
    except (ValueError, RecursionError) as error:
        raise DriverError(f"{response.url}: expected JSON: {error}") from None
    if not isinstance(value, dict):
        raise DriverError(f"{response.url}: expected a JSON object, got {type(value).__name__}")
    return value
