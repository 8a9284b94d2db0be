"""Containers of a real engine, for integration tests: what the API answers, with less to write."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.support.engine import EngineProcess, wait_for

IMAGE = "busybox"


class Node:
    """Calls of the containers' API on one engine."""

    def __init__(self, engine: EngineProcess) -> None:
        self.engine = engine

    def create(self, *cmd: str, name: str = "", host: dict[str, Any] | None = None, **config: Any) -> str:
        """The id of a new container. `host`: HostConfig; config: further keys of the body."""
        status, answer = self.try_create(*cmd, name=name, host=host, **config)
        assert status == 201, answer
        return str(answer["Id"])

    def try_create(
        self, *cmd: str, name: str = "", host: dict[str, Any] | None = None, **config: Any
    ) -> tuple[int, Any]:
        """(status, answer) of a create."""
        body = {"Image": IMAGE, "Cmd": list(cmd) or None, "HostConfig": host or {}, **config}
        return self.engine.call("POST", f"/containers/create?name={name}", body)

    def run(self, *cmd: str, name: str = "", host: dict[str, Any] | None = None, **config: Any) -> str:
        """The id of a started container."""
        container = self.create(*cmd, name=name, host=host, **config)
        self.post(container, "start")
        return container

    def output(self, *cmd: str, host: dict[str, Any] | None = None, status: int = 0, **config: Any) -> str:
        """What a container printed, stdout and stderr, when it has ended with `status`."""
        container = self.run(*cmd, host=host, Tty=True, **config)
        got = self.engine.call("POST", f"/containers/{container}/wait")[1]["StatusCode"]
        text = self.engine.call("GET", f"/containers/{container}/logs?stdout=1&stderr=1")[1]
        words = (text if isinstance(text, bytes) else str(text or "").encode()).decode().replace("\r\n", "\n")
        assert got == status, words
        self.delete(container)
        return words.strip()

    def post(self, container: str, verb: str, expect: int = 204, body: Any = None, **query: Any) -> Any:
        """The answer of a verb."""
        words = "&".join(f"{key}={value}" for key, value in query.items())
        status, answer = self.engine.call("POST", f"/containers/{container}/{verb}?{words}", body)
        assert status == expect, (status, answer)
        return answer

    def delete(self, container: str, expect: int = 204, **query: Any) -> Any:
        """The answer of a removal."""
        words = "&".join(f"{key}={value}" for key, value in query.items())
        status, answer = self.engine.call("DELETE", f"/containers/{container}?{words}")
        assert status == expect, (status, answer)
        return answer

    def inspect(self, container: str) -> Any:
        """The answer of inspect."""
        status, answer = self.engine.call("GET", f"/containers/{container}/json")
        assert status == 200, answer
        return answer

    def state(self, container: str) -> Any:
        """`State` of the container."""
        return self.inspect(container)["State"]

    def list(self, **query: Any) -> Any:
        """The answer of a list; `filters` may be a dict."""
        query = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in query.items()}
        words = "&".join(f"{key}={value}" for key, value in query.items())
        status, answer = self.engine.call("GET", "/containers/json?" + words.replace(" ", "%20").replace('"', "%22"))
        assert status == 200, answer
        return answer

    def wait_state(self, container: str, timeout_s: float = 10, **wanted: Any) -> Any:
        """`State` as soon as it has these values."""

        def check() -> Any:
            state = self.state(container)
            return state if all(state[key] == value for key, value in wanted.items()) else None

        return wait_for(f"{container[:12]}: {wanted}, is {self.state(container)}", check, timeout_s)

    def wait_program(self, container: str, program: str) -> None:
        """Return when `program` runs in the container: what its script did before that is done."""

        def check() -> bool:
            rows = self.engine.call("GET", f"/containers/{container}/top")[1].get("Processes") or ()
            return any(row[-1].split()[0] == program for row in rows)

        wait_for(f"{program} runs in {container[:12]}", check)

    @contextmanager
    def events(self, **filters: Sequence[str]) -> Iterator["EventLines"]:
        """Events from now on, as they come."""
        lines = EventLines(self.engine, filters)
        try:
            yield lines
        finally:
            lines.close()


class EventLines:
    """The stream of GET /events."""

    def __init__(self, engine: EngineProcess, filters: dict[str, Sequence[str]]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(str(engine.socket))
        path = "/events?filters=" + json.dumps(filters).replace('"', "%22").replace(" ", "")
        self._socket.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        self._file = self._socket.makefile("rb")
        while self._file.readline().strip():
            pass

    def next(self) -> Any:
        """The next event."""
        while True:
            line = self._file.readline()
            assert line, "the stream of events ended"
            if line.strip().startswith(b"{"):
                return json.loads(line)

    def actions_until(self, last: str) -> list[str]:
        """The actions of the next events, up to and with `last`."""
        actions = [self.next()["Action"]]
        while actions[-1] != last:
            actions.append(self.next()["Action"])
        return actions

    def close(self) -> None:
        self._file.close()
        self._socket.close()
