"""What the routes work with, and how they read requests and write answers."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from ..accounts import Accounts, Caller
from ..dashboards import Dashboards, Folders
from ..errors import ApiError, bad_request
from ..settings import ROLES, Settings
from ..sources import Sources
from ..store import Store

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Context:
    """The server's parts. `client`: for requests to data sources"""

    settings: Settings
    store: Store
    accounts: Accounts
    sources: Sources
    folders: Folders
    dashboards: Dashboards
    client: aiohttp.ClientSession
    now_s: Callable[[], float] = field(default=time.time)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
CALLER = "caller"


def context_of(request: web.Request) -> Context:
    """The server's parts."""
    return request.app[CONTEXT]


def caller_of(request: web.Request) -> Caller:
    """Who asks."""
    caller: Caller = request[CALLER]
    return caller


def require_role(request: web.Request, role: str) -> Caller:
    """Who asks. Raises: ApiError 401, 403 where `role` is more than theirs"""
    caller = caller_of(request)
    if not caller.role:
        raise ApiError(401, "Unauthorized")
    if ROLES.index(caller.role) < ROLES.index(role):
        raise ApiError(403, f"You'll need additional permissions to perform this action. Permissions needed: {role}")
    return caller


async def body_of(request: web.Request) -> Json:
    """The JSON object that came with the request; {} where nothing came. Raises: ApiError 400"""
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise bad_request("bad request data") from error
    if not isinstance(body, dict):
        raise bad_request("bad request data: expected an object")
    return body


def number_of(text: str | None, what: str) -> int:
    """`text` as a whole number. Raises: ApiError 400"""
    try:
        return int(text or "")
    except ValueError as error:
        raise bad_request(f"{what} is invalid") from error


def answer(body: Any, status: int = 200) -> web.Response:
    """`body` as JSON."""
    return web.json_response(body, status=status, dumps=lambda value: json.dumps(value, separators=(",", ":")))
