"""An engine of answers: an HTTP server on a UNIX socket that says what a test tells it to, and keeps what it was asked.

For the client's and the CLI's own side only; everything about real containers runs against the real engine.
"""

import json
import socketserver
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit


class Asked(NamedTuple):
    """A request as it came. path: without version; query: {name: [values]}"""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    version: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Answer(NamedTuple):
    """status, body (bytes, or anything as JSON), headers; `chunks` in place of a body is sent in chunks."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = MappingProxyType({})
    chunks: list[bytes] | None = None


class FakeEngine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """answers: {"METHOD /path": Answer, or function of Asked}; a connection taken over is given to `raw[path]`"""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.path = folder / "engine.sock"
        super().__init__(str(self.path), _Handler)
        self.answers: dict[str, Answer | Callable[[Asked], Answer]] = {}
        self.raw: dict[str, Callable[[Any, Any], None]] = {}
        self.asked: list[Asked] = []
        self.connections = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def host(self) -> str:
        return f"unix://{self.path}"

    def asked_lines(self) -> list[str]:
        """ "METHOD /path" of every request, in order."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeEngine

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        path, version = parts.path, ""
        if path.startswith("/v1."):
            version, _, rest = path[2:].partition("/")
            path = "/" + rest
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, path, parse_qs(parts.query, True), headers, self._body(headers), version)
        self.server.asked.append(asked)
        if path in self.server.raw:
            self.close_connection = True
            self.server.raw[path](self.rfile, self.wfile)
            return
        found = self.server.answers.get(f"{self.command} {path}", Answer(404, {"message": f"page not found: {path}"}))
        self._answer(found(asked) if callable(found) else found)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(headers.get("content-length", 0)))

    def _answer(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunks is not None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in answer.chunks:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")
            return
        body = (
            answer.body
            if isinstance(answer.body, bytes)
            else b""
            if answer.body is None
            else json.dumps(answer.body).encode()
        )
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _handle
