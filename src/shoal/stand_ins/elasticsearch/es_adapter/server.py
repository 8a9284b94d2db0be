"""Answers on port 9200 and asks Elasticsearch 1.5 on the container's loopback."""

import json
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from . import translate

BEHIND = ("127.0.0.1", 9199)
_TIMEOUT_S = 60.0


def ask(method: str, path: str, data: bytes | None = None) -> tuple[int, str, bytes]:
    """(status, content type, body) of Elasticsearch 1.5. Raises: OSError, HTTPException"""
    connection = HTTPConnection(*BEHIND, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type") or "application/json", answer.read()
    finally:
        connection.close()


class Handler(BaseHTTPRequestHandler):
    """One request of a client."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        where = urlsplit(self.path).path
        data = self._body()
        try:
            if where.endswith("/_field_stats"):
                self._answer(200, "application/json", self._field_stats(where, data))
                return
            translated = translate.body(self.command, where, data)
            status, kind, body = ask(self.command, translate.path(self.path), translated or None)
        except (OSError, HTTPException) as error:
            self._answer(503, "application/json", json.dumps({"error": str(error), "status": 503}).encode())
            return
        self._answer(status, kind, translate.answer(where, body))

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _field_stats(self, where: str, data: bytes) -> bytes:
        index = where.removesuffix("/_field_stats").strip("/") or "_all"
        _, _, mappings = ask("GET", f"/{index}/_mapping")
        by_index = "level=indices" in self.path
        return json.dumps(
            translate.field_stats(json.loads(data or b"{}"), json.loads(mappings), by_index=by_index)
        ).encode()

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged, as Elasticsearch logs none."""
