"""Plugins as processes of tests: those of examples/plugins, and one that does what a test tells it."""

import contextlib
import json
import signal
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from shoal.drivers import mount as sys_mount
from tests.support.engine import wait_for

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"


@contextlib.contextmanager
def shared_folder(folder: Path) -> Iterator[Path]:
    """The folder as a shared mount: what is mounted below it from now on reaches engines that start later."""
    folder.mkdir(parents=True, exist_ok=True)
    sys_mount.mount(str(folder), str(folder), flags=sys_mount.MS_BIND)
    sys_mount.mount("", str(folder), flags=sys_mount.MS_SHARED)
    try:
        yield folder
    finally:
        inner = [path for path in sys_mount.mount_points(str(folder)) if path.startswith(f"{folder}/")]
        for path in (*sorted(inner, reverse=True), str(folder)):
            sys_mount.unmount(path)


class PluginProcess:
    """A plugin of examples/plugins that listens on `<sockets>/NAME.sock`."""

    def __init__(self, name: str, sockets: Path, *args: str) -> None:
        self.socket = sockets / f"{name}.sock"
        self.log = sockets.parent / f"{name}.log"
        self._argv = [sys.executable, str(EXAMPLES / name / f"{name}.py"), "--socket", str(self.socket), *args]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        heard = len(self.text())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for("the plugin listens", lambda: "listening" in self.text()[heard:])

    def text(self) -> str:
        """What it has logged."""
        return self.log.read_text() if self.log.exists() else ""

    def calls(self) -> list[str]:
        """Methods that the engine has called."""
        return [line.split()[0].strip("/") for line in self.text().splitlines() if line.startswith("/")]

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it; its socket stays. Nothing where it does not run."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(10)

    def __enter__(self) -> "PluginProcess":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.end(signal.SIGKILL)


Reply = Callable[[str, Mapping[str, Any]], tuple[int, bytes]]


Calls = list[tuple[str, dict[str, Any]]]


@contextlib.contextmanager
def told_plugin(socket: Path, reply: Reply) -> Iterator[Calls]:
    """A plugin in this process that answers with `reply(method, body)`; its list grows with every call."""
    calls: Calls = []

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(socket), _handler(reply, calls)) as server, _serving(server):
        yield calls


@contextlib.contextmanager
def told_tls_plugin(context: ssl.SSLContext, reply: Reply) -> Iterator[int]:
    """The same behind TLS; its port on 127.0.0.1."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a caller that does not trust us

        def get_request(self) -> tuple[Any, Any]:
            line, client = self.socket.accept()
            return context.wrap_socket(line, server_side=True, do_handshake_on_connect=False), client

    with Server(("127.0.0.1", 0), _handler(reply, [])) as server, _serving(server):
        yield server.server_port


@contextlib.contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def _handler(reply: Reply, calls: Calls) -> type[BaseHTTPRequestHandler]:
    class Call(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            method = self.path.strip("/")
            calls.append((method, body))
            status, told = reply(method, body)
            self.send_response(status)
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):
                self.wfile.write(told)

        def address_string(self) -> str:
            return "engine"

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Call


def said(**told: Any) -> tuple[int, bytes]:
    """An answer of status 200."""
    return 200, json.dumps(told).encode()
