"""Clients that vanish, stall or come all at once; the engine goes on, and keeps nothing of them."""

import io
import json
import os
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from tests.support.engine import EngineProcess, wait_for
from tests.support.running import Node

UPGRADE = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
TICKS = ("sh", "-c", "while :; do echo tick; sleep 0.05; done")
SHORT = json.dumps({"Image": "busybox", "Cmd": ["true"]}).encode()


@pytest.fixture
def node(engine: EngineProcess) -> Node:
    return Node(engine)


def context() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in (
            ("Dockerfile", b"FROM busybox\nRUN sleep 0.3\nRUN sleep 0.3\n"),
            ("big", os.urandom(1 << 20)),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def open_request(
    engine: EngineProcess, method: str, path: str, body: bytes = b"", headers: str = ""
) -> tuple[socket.socket, bytes]:
    """(a connection, what is to be sent on it)"""
    about = f"Host: x\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n"
    head = f"{method} {path} HTTP/1.1\r\n{about}\r\n"
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(engine.socket))
    return connection, head.encode() + body


def vanish(engine: EngineProcess, request: tuple[str, str, bytes, str], cut: float, pause_s: float) -> None:
    """Send this share of a request, wait, and go."""
    connection, data = open_request(engine, *request)
    with connection:
        connection.sendall(data[: int(len(data) * cut)])
        time.sleep(pause_s)


def descriptors(engine: EngineProcess) -> int:
    assert engine.process is not None
    return len(os.listdir(f"/proc/{engine.process.pid}/fd"))


def made_exec(node: Node) -> str:
    body = {
        "Cmd": ["sh", "-c", "for i in 1 2 3; do echo a; sleep 0.1; done"],
        "AttachStdout": True,
        "AttachStdin": True,
    }
    return str(node.engine.call("POST", "/containers/busy/exec", body)[1]["Id"])


def test_clients_that_vanish_at_any_point(node: Node) -> None:
    engine = node.engine
    node.run(*TICKS, name="busy", OpenStdin=True)
    tar = context()
    requests = [
        ("GET", "/containers/busy/logs?stdout=1&follow=1", b"", ""),
        ("POST", "/containers/busy/attach?stream=1&stdin=1&stdout=1", b"", UPGRADE),
        ("POST", "/containers/busy/attach?stream=1&stdout=1", b"", ""),
        ("POST", "/containers/busy/wait", b"", ""),
        ("GET", "/events", b"", ""),
        ("GET", "/containers/busy/stats", b"", ""),
        ("GET", "/containers/busy/archive?path=/bin", b"", ""),
        ("GET", "/containers/busy/export", b"", ""),
        ("GET", "/images/get?names=busybox", b"", ""),
        ("POST", "/build?t=vanished", tar, ""),
        ("POST", "/images/load", tar, ""),
        ("PUT", "/containers/busy/archive?path=/tmp", tar, ""),
        ("POST", "/images/create?fromSrc=-&repo=vanished", tar, ""),
        ("POST", "/containers/create", SHORT, ""),
        ("POST", "/containers/busy/restart?t=0", b"", ""),
    ]
    before = descriptors(engine)
    log_from = engine.log.stat().st_size
    for request in requests:
        for cut, pause_s in ((0.01, 0), (0.6, 0), (0.6, 0.05), (1, 0), (1, 0.02), (1, 0.15), (1, 0.5)):
            vanish(engine, request, cut, pause_s)
    for headers in ("", UPGRADE):
        for cut, pause_s in ((0.6, 0), (1, 0), (1, 0.05), (1, 0.3)):
            vanish(engine, ("POST", f"/exec/{made_exec(node)}/start", b"{}", headers), cut, pause_s)
    wait_for("all of them are forgotten", lambda: descriptors(engine) <= before + 8)
    wait_for("nobody listens", lambda: engine.call("GET", "/info")[1]["NEventsListener"] == 0)
    wait_for(
        "half-done builds are gone",
        lambda: not [*engine.root.glob("snapshots/build-*"), *engine.run_inside.glob("builds/steps/*")],
    )
    node.delete("busy", force=1)
    with engine.log.open("rb") as log:
        log.seek(log_from)
        assert b"Traceback" not in log.read()


@contextmanager
def stalled(engine: EngineProcess, paths: list[str]) -> Iterator[None]:
    """Clients that read nothing of their answers, and some that never finish their requests."""
    connections = []
    for path in paths * 4:
        connection, data = open_request(engine, "GET", path)
        connection.sendall(data)
        connections.append(connection)
        connection, data = open_request(engine, "POST", "/containers/create", SHORT)
        connection.sendall(data[:-10])
        connections.append(connection)
    yield
    for connection in connections:
        connection.close()


def test_clients_that_stall_hold_nobody_up(node: Node) -> None:
    node.run(*TICKS, name="busy")
    with stalled(
        node.engine,
        ["/events", "/containers/busy/logs?stdout=1&follow=1", "/containers/busy/export", "/images/get?names=busybox"],
    ):
        start = time.monotonic()
        for _ in range(5):
            container = node.run("sleep", "1000")
            node.delete(container, force=1)
        node.delete("busy", force=1)
        assert time.monotonic() - start < 10


OPERATIONS = (
    (
        "POST",
        "/containers/create?name={0}",
        {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"Binds": ["crowd:/v"], "NetworkMode": "crowd1"}},
    ),
    ("POST", "/containers/{0}/start", None),
    ("POST", "/containers/{0}/stop?t=0", None),
    ("POST", "/containers/{0}/restart?t=0", None),
    ("POST", "/containers/{0}/kill", None),
    ("POST", "/containers/{0}/pause", None),
    ("POST", "/containers/{0}/unpause", None),
    ("POST", "/containers/{0}/update", {"PidsLimit": 50}),
    ("POST", "/containers/{0}/rename?name={1}", None),
    ("DELETE", "/containers/{0}?force=1&v=1", None),
    ("POST", "/networks/crowd2/connect", {"Container": "{0}"}),
    ("POST", "/networks/crowd2/disconnect", {"Container": "{0}"}),
    ("DELETE", "/volumes/crowd", None),
    ("POST", "/commit?container={0}&repo=crowd", {}),
    ("DELETE", "/images/crowd?force=1", None),
    ("POST", "/containers/prune", None),
    ("GET", "/containers/json?all=1&size=1", None),
    ("GET", "/system/df", None),
    ("GET", "/containers/{0}/archive?path=/etc", None),
)


def test_a_crowd_at_the_same_containers(node: Node) -> None:
    """Twenty clients do everything to four containers at once: all is answered soon, and all can be removed after."""
    engine = node.engine
    for name in ("crowd1", "crowd2"):
        assert engine.call("POST", "/networks/create", {"Name": name})[0] == 201
    names = [f"crowd-{number}" for number in range(4)]
    end = time.monotonic() + 8
    faults: list[object] = []
    lock = threading.Lock()

    def client(number: int) -> None:
        turn = number
        while time.monotonic() < end:
            turn = (turn * 7919 + 104729) % 1_000_003  # every run the same wishes, in any order
            method, path, body = OPERATIONS[turn % len(OPERATIONS)]
            name, other = names[turn % len(names)], names[turn // 7 % len(names)]
            filled = None if body is None else json.loads(json.dumps(body).replace("{0}", name))
            start = time.monotonic()
            status, answer = engine.call(method, path.format(name, other), filled, timeout_s=40)
            if status >= 500 or time.monotonic() - start > 10:
                with lock:
                    faults.append((method, path, status, answer, time.monotonic() - start))

    with ThreadPoolExecutor(20) as crowd:
        list(crowd.map(client, range(20)))
    assert not faults, faults[:5]
    for container in engine.call("GET", "/containers/json?all=1")[1]:
        status, answer = engine.call("DELETE", f"/containers/{container['Id']}?force=1")
        assert status in (204, 404), answer
    assert engine.call("GET", "/containers/json?all=1")[1] == []
    for name in ("crowd1", "crowd2"):
        assert engine.call("DELETE", f"/networks/{name}")[0] == 204
    with suppress(AssertionError):
        engine.call("DELETE", "/images/crowd?force=1")
    engine.call("POST", "/images/prune")
