"""Synchronous HTTP/1.1 to an engine, over a UNIX socket or TCP.

Made for a command-line program: one import of `socket` and `json`, no ping before the first request, bodies streamed
both ways, and connections that can be taken over (`101 UPGRADED`) for attach and exec.

A `Client` may be shared by threads: each request borrows an idle connection or opens one. A `Response` belongs to the
thread that asked. Paths are given without version ("/containers/json"); the client puts the version that both sides
speak in front. It tries its own first; an engine that is older says so in its refusal, and the request is sent again.
"""

from __future__ import annotations

import io
import json
import os
import select
import socket
import stat
from collections import deque

from shoal.client.errors import ClientError, ConnectionLost, EngineUnreachable, answer_error
from shoal.client.hosts import DEFAULT_HOST, Host
from shoal.client.streams import BodyReader, Hijacked, encode_query, read_head
from shoal.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Any

API_VERSION = "1.51"
_CONNECT_TIMEOUT_S = 10.0
_RECEIVE_BUFFER_BYTES = 65536
_PIECE_BYTES = 1 << 20
_SEND_BUFFER_BYTES = 1 << 20  #: the kernel may give less; the fuller it is, the fewer times the engine wakes


class TlsFiles:
    """Certificates for TCP with TLS; empty paths mean none. `verify` = the engine's certificate is checked."""

    __slots__ = ("ca", "cert", "key", "verify")

    def __init__(self, *, ca: str = "", cert: str = "", key: str = "", verify: bool = True) -> None:
        self.ca = ca
        self.cert = cert
        self.key = key
        self.verify = verify


class Connection:
    """One socket to the engine, with the bytes that were read ahead."""

    __slots__ = ("reader", "socket")

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.reader = io.BufferedReader(socket.SocketIO(sock, "r"), _RECEIVE_BUFFER_BYTES)

    def is_stale(self) -> bool:
        """Whether the other side has closed this idle connection (or sent what nobody asked for)."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


class Response:
    """An answer whose body may not have been read yet; read it whole, iterate it, or close it.

    headers: names in lower case
    """

    def __init__(
        self, client: Client, connection: Connection, status: int, headers: dict[str, str], method: str
    ) -> None:
        self.status = status
        self.headers = headers
        self._client = client
        self._connection: Connection | None = connection
        self._body = BodyReader(connection.reader, headers, is_empty=method == "HEAD" or status in (204, 304))
        if self._body.is_finished:
            self._release()

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the body, b"" at its end; all that is left for size < 0."""
        try:
            data = self._body.read(size)
        except (OSError, EOFError) as error:
            self.close()
            raise ConnectionLost(f"the engine closed the connection: {error}") from error
        if self._body.is_finished:
            self._release()
        return data

    def json(self) -> Any:
        """The body as a JSON value; None where there is no body."""
        data = self.read()
        return _json_value(data) if data.strip() else None

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, as they arrive."""
        while data := self.read(_RECEIVE_BUFFER_BYTES):
            yield data

    def json_values(self) -> Iterator[Any]:
        """The JSON values of a body that holds one a line, as they arrive."""
        rest = b""
        for chunk in self.chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield _json_value(line)
        if rest.strip():
            yield _json_value(rest)

    def is_multiplexed(self) -> bool:
        """Whether the body carries stdout and stderr in frames (streams.frames tells them apart)."""
        return self.headers.get("content-type", "") == "application/vnd.docker.multiplexed-stream"

    def close(self) -> None:
        """End the response; an unread body closes the connection. Idempotent."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _release(self) -> None:
        if self._connection is None:
            return
        if self.headers.get("connection", "").lower() == "close" or self._body.ends_with_connection:
            self.close()
        else:
            self._client._give_back(self._connection)
            self._connection = None

    def __enter__(self) -> Response:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _how_to_reach(host: Host) -> str:
    if str(host) == DEFAULT_HOST:
        return "start it with: shoal daemon start"
    return f"-H, SHOAL_HOST or DOCKER_HOST names this address; without them it is {DEFAULT_HOST}"


class Client:
    """HTTP to one engine.

    api_version: spoken first, e.g. "1.51"; goes down to the engine's where that is older
    """

    def __init__(self, host: Host, *, tls: TlsFiles | None = None, api_version: str = "", user_agent: str = "") -> None:
        self.host = host
        self.api_version = api_version or API_VERSION
        self._may_negotiate = not api_version
        self._tls = tls
        self._user_agent = user_agent or "shoal"
        self._idle: deque[Connection] = deque()
        self.warning = ""  #: what the engine said of one of its answers, e.g. that it may be old

    # -- whole answers

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer of GET `path`. Raises: ClientError (ClientNotFound, ClientConflict), EngineUnreachable."""
        return self._whole("GET", path, query)

    def post(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON answer of POST `path`; None where it has no body (204, 304). `body` is sent as JSON."""
        return self._whole("POST", path, query, body, headers)

    def put(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON answer of PUT `path`."""
        return self._whole("PUT", path, query, body, headers)

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer of DELETE `path`."""
        return self._whole("DELETE", path, query)

    def head(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The headers of HEAD `path`, names in lower case."""
        with self.request("HEAD", path, query) as response:
            return response.headers

    def _whole(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        with self.request(method, path, query, body=body, headers=headers) as response:
            return response.json()

    # -- streams

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """The answer, its headers read and its body not.

        query: values may be str, int, bool (1, 0), lists (repeated) and dicts (JSON, as filters are); None is left out
        body: None, bytes, a binary file (from where it stands), an iterable of bytes (sent in chunks), or anything
            else as JSON
        timeout_s: of each wait for bytes; None waits for ever
        Raises: ClientError for a status of 400 and above, EngineUnreachable, ConnectionLost
        """
        if self._may_negotiate and _is_stream(body):
            self.negotiate()
        while True:
            connection, status, answer = self._exchange(method, path, query, body, dict(headers or {}), timeout_s)
            response = Response(self, connection, status, answer, method)
            if status < 400:
                self._may_negotiate = False
                self.warning = _warning_in(answer) or self.warning
                return response
            error = answer_error(status, *_message_of(response))
            if not self._steps_down(error):
                raise error

    def hijack(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Hijacked:
        """The raw two-way stream that POST `path` turns its connection into. Raises: as request."""
        while True:
            head = {"Connection": "Upgrade", "Upgrade": "tcp", **(headers or {})}
            connection, status, answer = self._exchange("POST", path, query, body, head, None)
            if status in (101, 200):
                self._may_negotiate = False
                return Hijacked(connection.socket, connection.reader, answer)
            error = answer_error(status, *_message_of(Response(self, connection, status, answer, "POST")))
            if not self._steps_down(error):
                raise error

    def negotiate(self) -> dict[str, str]:
        """The headers of the engine's ping; from now on the lower of both versions is spoken."""
        connection, status, headers = self._exchange("GET", "/_ping", None, None, {}, None, versioned=False)
        Response(self, connection, status, headers, "GET").read()
        theirs = headers.get("api-version", "")
        if theirs and self._may_negotiate and _version_key(theirs) < _version_key(self.api_version):
            self.api_version = theirs
        self._may_negotiate = False
        return headers

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    # -- inside

    def _steps_down(self, error: ClientError) -> bool:
        """Whether the engine refused our version and the request is to be sent again with the engine's own."""
        _, found, theirs = error.message.partition("aximum supported API version is ")
        theirs = theirs.strip().rstrip(".")
        if not self._may_negotiate or error.status != 400 or not found or not theirs:
            return False
        self.api_version = theirs
        self._may_negotiate = False
        return True

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any,
        headers: dict[str, str],
        timeout_s: float | None,
        versioned: bool = True,
    ) -> tuple[Connection, int, dict[str, str]]:
        target = (f"/v{self.api_version}" if versioned else "") + path + encode_query(query)
        payload = self._encode_body(body, headers)
        head = self._head(method, target, headers)
        connection, is_fresh = self._borrow()
        while True:
            try:
                connection.socket.settimeout(timeout_s)
                _send(connection.socket, head, payload)
                status, answer = read_head(connection.reader)
                return connection, status, answer
            except (OSError, EOFError) as error:
                connection.close()
                if is_fresh or _is_stream(payload) or isinstance(error, TimeoutError):
                    raise ConnectionLost(f"the engine at {self.host} closed the connection: {error}") from error
                connection, is_fresh = self._open(), True

    def _head(self, method: str, target: str, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host.header}", f"User-Agent: {self._user_agent}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @staticmethod
    def _encode_body(body: Any, headers: dict[str, str]) -> bytes | Iterable[bytes]:
        if body is None:
            headers["Content-Length"] = "0"
            return b""
        if _is_stream(body):
            headers.setdefault("Content-Type", "application/x-tar")
            size = _file_bytes(body)
            if size >= 0:
                headers["Content-Length"] = str(size)
            else:
                headers["Transfer-Encoding"] = "chunked"
            return body  # type: ignore[no-any-return]
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        headers["Content-Length"] = str(len(body))
        return body  # type: ignore[no-any-return]

    def _borrow(self) -> tuple[Connection, bool]:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took it
                break
            if not connection.is_stale():
                return connection, False
            connection.close()
        return self._open(), True

    def _give_back(self, connection: Connection) -> None:
        self._idle.append(connection)

    def _open(self) -> Connection:
        try:
            return Connection(self._connect())
        except PermissionError as error:
            raise EngineUnreachable(
                f"permission denied while trying to connect to the Shoal engine at {self.host}",
                hint='run as root, or join the group that owns the socket (by default "shoal")',
            ) from error
        except OSError as error:
            raise EngineUnreachable(
                f"Cannot connect to the Shoal engine at {self.host}. Is shoald running?",
                hint=_how_to_reach(self.host),
            ) from error

    def _connect(self) -> socket.socket:
        if self.host.kind == "unix":
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            try:
                sock.connect(self.host.path)
            except OSError:
                sock.close()
                raise
            return sock
        sock = socket.create_connection((self.host.name, self.host.port), timeout=_CONNECT_TIMEOUT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if self._tls is None else _wrap_tls(sock, self.host.name, self._tls)


def _send(sock: socket.socket, head: bytes, payload: bytes | Iterable[bytes]) -> None:
    if isinstance(payload, bytes):
        sock.sendall(head + payload)
        return
    sock.sendall(head)
    try:
        if (size := _file_bytes(payload)) >= 0:
            _send_file(sock, payload, size)
            return
        for chunk in _in_pieces(payload):
            if chunk:
                sock.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        sock.sendall(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # the engine answered before the end of the body: its answer says why


def _send_file(sock: socket.socket, file: Any, size: int) -> None:
    if size and sock.sendfile(file, file.tell(), size) != size:
        raise OSError("the file has become shorter while it was sent")


def _file_bytes(body: Any) -> int:
    """What is left to read of a regular file, -1 for anything else."""
    if not hasattr(body, "fileno"):
        return -1
    status = os.fstat(body.fileno())
    return status.st_size - body.tell() if stat.S_ISREG(status.st_mode) else -1


def _in_pieces(stream: Any) -> Iterable[bytes]:
    """The chunks of an iterable; of a file, which would iterate in lines, pieces of fair size."""
    return iter(lambda: stream.read(_PIECE_BYTES), b"") if hasattr(stream, "read") else stream


def _is_stream(body: Any) -> bool:
    return hasattr(body, "__iter__") and not isinstance(body, bytes | str | dict | list | tuple)


def _warning_in(headers: Mapping[str, str]) -> str:
    """The text of the header `Warning`: 110 shoal "text". Source: RFC 7234, 5.5"""
    return headers.get("warning", "").partition('"')[2].rstrip('"')


def _message_of(response: Response) -> tuple[str, str]:
    """Message and hint of an error; only Shoal's engine gives hints."""
    text = response.read().decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except ValueError:
        return text or f"the engine answered {response.status}", ""
    message = value.get("message") if isinstance(value, dict) else None
    return (str(message), str(value.get("hint") or "")) if message else (text, "")


def _json_value(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise ClientError(f"the answer is not JSON (is this an engine's address?): {data[:60]!r}") from error


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _wrap_tls(sock: socket.socket, name: str, files: TlsFiles) -> socket.socket:
    import ssl  # 8 ms: only where asked for

    try:
        context = ssl.create_default_context(cafile=files.ca or None)
        if not files.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if files.cert:
            context.load_cert_chain(files.cert, files.key or None)
        return context.wrap_socket(sock, server_hostname=name)
    except ssl.SSLError as error:
        raise InvalidArgument(f"TLS with {name} failed: {error}") from error
