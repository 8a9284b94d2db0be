"""A request as the handlers see it."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from shoal.api.http.upgrade import read_body
from shoal.errors import InvalidArgument
from shoal.wire.fields import read_object

#: the newest and the oldest version of the Docker Engine API that is answered
API_VERSION = (1, 51)
MIN_API_VERSION = (1, 24)

BODY_LIMIT = 32 * 1024 * 1024


class Request:
    """Path parameters, query and body of one call, decoded with Docker's rules."""

    def __init__(self, http: web.BaseRequest, params: Mapping[str, str], api_version: tuple[int, int]) -> None:
        """`http` is aiohttp's request: headers, body stream, transport."""
        self.http = http
        self.params = params
        self.api_version = api_version
        self.query = http.rel_url.query
        self._body: bytes | None = None

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean of the query: "", "0", "no", "false" and "none" are false, anything else is true."""
        if name not in self.query:
            return default
        return self.query[name].strip().lower() not in ("", "0", "no", "false", "none")

    def int(self, name: str, default: int = 0) -> int:
        """A whole number of the query. Raises: InvalidArgument"""
        text = self.query.get(name, "")
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise InvalidArgument(f'{name}: expected a whole number, got "{text}"') from None

    def filters(self) -> dict[str, list[str]]:
        """The `filters` of the query: {"label": ["a=b", "c"]}.

        Both JSON forms are read: {"label": ["a=b"]} and {"label": {"a=b": true}}. Raises: InvalidArgument
        """
        text = self.query.get("filters", "")
        if not text:
            return {}
        try:
            value = parse_json(text.encode(errors="replace"), "invalid filters")
        except InvalidArgument:
            raise InvalidArgument(f"invalid filters: expected JSON, got {text!r}") from None
        if not isinstance(value, dict):
            raise InvalidArgument(f"invalid filters: expected a JSON object, got {text!r}")
        return {key: _filter_values(key, entry) for key, entry in value.items()}

    async def body(self) -> bytes:
        """The whole body, also when asked for again. Raises: InvalidArgument when it is over 32 MiB"""
        if self._body is None:
            self._body = await read_body(self.http, BODY_LIMIT)
        return self._body

    async def json(self) -> Any:
        """The body as JSON; {} when it is empty. Raises: InvalidArgument"""
        data = await self.body()
        return parse_json(data, "invalid JSON") if data.strip() else {}

    async def object(self) -> Mapping[str, Any]:
        """The body as a JSON object; {} when it is empty. Raises: InvalidArgument"""
        return read_object(await self.json(), "")


def parse_json(data: bytes, what: str) -> Any:
    """A JSON document whose texts can go anywhere: into files, arguments, other JSON.

    what: begins the message
    Raises: InvalidArgument, also for a NUL or half a surrogate pair in a text
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{what}: {error}") from None
    if b"\\u" in data or b"\xed" in data:
        _check_texts(value, what)
    return value


def _check_texts(value: Any, what: str) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidArgument(f"{what}: {value!r} contains a NUL byte")
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise InvalidArgument(f"{what}: {value!r} is not valid Unicode")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_texts(key, what)
            _check_texts(item, what)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item, what)


def _filter_values(key: str, entry: Any) -> list[str]:
    if isinstance(entry, dict):
        return [str(value) for value, wanted in entry.items() if wanted]
    if isinstance(entry, list):
        return [str(value) for value in entry]
    raise InvalidArgument(f"invalid filter '{key}': expected a list or an object, got {type(entry).__name__}")
