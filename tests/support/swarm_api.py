"""The API of a manager without a machine: real routes and a real manager, over a store in memory and no socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

from shoal.api.http.app import App
from shoal.api.swarm.routes import cluster_routes
from shoal.contracts.cluster.control import Control, SwarmInit, SwarmJoin, SwarmState
from shoal.errors import Unavailable
from shoal.model.cluster.task import Task
from shoal.swarm.manager import Manager
from tests.support.managers import MANAGER


@dataclass
class Memberships:
    """A node's way in and out that only remembers."""

    said: list[Any] = field(default_factory=list)
    now: SwarmState = field(default_factory=lambda: SwarmState(state="active", node_id=MANAGER, is_manager=True))

    def state(self) -> SwarmState:
        return self.now

    async def init(self, request: SwarmInit) -> str:
        self.said.append(request)
        return MANAGER

    async def join(self, request: SwarmJoin) -> None:
        self.said.append(request)

    async def leave(self, *, force: bool) -> None:
        if not force:
            raise Unavailable("You are attempting to leave the swarm on a node that is participating as a manager.")
        self.now = replace(self.now, state="inactive", is_manager=False)

    async def unlock(self, key: str) -> None:
        self.said.append(key)


@dataclass
class Logs:
    """{task id: chunks of its log, or what goes wrong}"""

    chunks: Mapping[str, list[bytes | Exception]]
    asked: dict[str, Mapping[str, str]] = field(default_factory=dict)

    async def logs(self, task: Task, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        self.asked[task.id] = query
        for chunk in self.chunks[task.id]:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


class _Writer(AbstractStreamWriter):
    def __init__(self) -> None:
        self.body = b""

    async def write(self, chunk: Any) -> None:
        self.body += bytes(chunk)

    async def write_eof(self, chunk: bytes = b"") -> None:
        self.body += chunk

    async def drain(self) -> None: ...
    def enable_compression(self, *args: Any, **more: Any) -> None: ...
    def enable_chunking(self) -> None: ...
    async def write_headers(self, *args: Any, **more: Any) -> None: ...


class SwarmApi:
    """manager: where records can be written and looked at"""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.membership = Memberships()
        control = Control(
            membership=self.membership,
            clusters=manager.clusters,
            services=manager.services,
            nodes=manager.nodes,
            secrets=manager.secrets,
            configs=manager.configs,
            networks=manager.networks,
        )
        self.control = control
        self.app = App(cluster_routes(control))

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """(status, decoded JSON; bytes of a stream; None of an empty answer)."""
        response, streamed = await self._answer(method, path, body, headers)
        if isinstance(response, web.Response):
            text = response.body
            return response.status, json.loads(bytes(text)) if isinstance(text, bytes) and text else None
        return response.status, streamed

    async def header(self, method: str, path: str, name: str) -> str | None:
        """Of an answer."""
        return (await self._answer(method, path, None, {}))[0].headers.get(name)

    async def _answer(
        self, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[web.StreamResponse, bytes]:
        content = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 20)
        if body is not None:
            content.feed_data(json.dumps(body).encode())
        content.feed_eof()
        writer = _Writer()
        request = make_mocked_request(method, path, headers=headers, payload=content, writer=writer)
        return await self.app.answer(request), writer.body

    async def made(self, path: str, body: Any) -> str:
        """The id of what this makes."""
        status, answer = await self.call("POST", path, body)
        assert status == 201, answer
        return str(answer["ID"])
