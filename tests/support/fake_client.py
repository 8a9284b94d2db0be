"""An HTTP client whose engine is a `FakeDocker` in the same process: no socket, no thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from shoal.client.errors import answer_error
from shoal.client.hosts import Host
from shoal.client.http import Client
from shoal.client.streams import encode_query
from tests.support.fake_docker import FakeDocker, Reply


class FakeResponse:
    def __init__(self, reply: Reply, features: str = "") -> None:
        self.status = reply.status
        self._reply = reply
        self.headers = {"shoal-features": features}
        self.closed = False

    def json(self) -> Any:
        return self._reply.body

    def is_multiplexed(self) -> bool:
        return True

    def read(self, _size: int = -1) -> bytes:
        return next(iter(self._reply.stream or ()), b"")

    def json_values(self) -> Iterator[Any]:
        for chunk in self._reply.stream or ():
            for line in chunk.splitlines():
                if line.strip():
                    yield json.loads(line)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class FakeClient(Client):
    """A client without a connection.

    sent: (method, path with query, headers) of all requests
    features: of Shoal's own that the engine says it has
    """

    def __init__(self, docker: FakeDocker) -> None:
        super().__init__(Host("unix", path="/run/fake.sock"))
        self.docker = docker
        self.features = ""
        self.sent: list[tuple[str, str, dict[str, str]]] = []

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        target = path + encode_query(query)
        self.sent.append((method, target, dict(headers or {})))
        if body is None or isinstance(body, bytes):
            data = body or b""
        elif isinstance(body, dict):
            data = json.dumps(body).encode()
        else:
            data = b"".join(body)
        reply = self.docker.handle(method, target, data)
        if reply.status >= 400:
            raise answer_error(reply.status, reply.body["message"])
        return FakeResponse(reply, self.features)
