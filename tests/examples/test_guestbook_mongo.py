"""The guestbook: Flask and MongoDB behind nginx, on overlay networks."""

import contextlib
import json
import socket
import struct
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.apps import fetch
from tests.support.browser import keep
from tests.support.engine import EngineProcess, wait_for
from tests.support.examples import Example
from tests.support.stand_ins import engine_with_stand_ins
from tests.support.swarm import OneNode

NAME = "guestbook-mongo"
IMAGES = ("mongo:6", "nginx:latest", "python:alpine", "busybox:latest")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins(*IMAGES) as engine:
        cluster = OneNode(engine)
        cluster.init()  # not by start.sh: the usual port of a cluster may be another test's
        yield engine
        cluster.leave()


@pytest.fixture(scope="module")
def guestbook(engine: EngineProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """Up, by the one command."""
    example = Example(engine, NAME, tmp_path_factory.mktemp("example"))
    example.start()
    yield example
    example.down()


def url(example: Example, path: str = "/") -> str:
    return f"http://127.0.0.1:{example.port('nginx', 80)}{path}"


def renew(example: Example) -> None:
    """Nobody has written anything yet."""
    example.compose("down", "--volumes")
    example.up()


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x2d\x6a\x4f" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def sign(page: Page, name: str, message: str, picture: Path | None = None) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Message").fill(message)
    if picture is not None:
        page.get_by_label("Picture").set_input_files(picture)
    page.get_by_role("button", name="Sign").click()


def test_guests_sign_and_read_what_others_wrote(guestbook: Example, page: Page, tmp_path: Path) -> None:
    picture = tmp_path / "leaf.png"
    picture.write_bytes(png(64, 64))
    page.goto(url(guestbook))
    if page.locator("#count").inner_text() != "0 entries":  # another try has signed
        renew(guestbook)
        page.goto(url(guestbook))
    expect(page.locator("#count")).to_have_text("0 entries")
    sign(page, "Grace", "The first line,\nand a <b>second</b> one.")
    expect(page.locator("#count")).to_have_text("1 entry")
    sign(page, "Ada", "With a picture.", picture)
    expect(page.locator("#count")).to_have_text("2 entries")

    expect(page.locator("article strong")).to_have_text(["Ada", "Grace"])
    expect(page.locator("article p").nth(1)).to_have_text("The first line,\nand a <b>second</b> one.")
    shown = page.get_by_alt_text("Picture of Ada")
    wait_for("the picture", lambda: shown.evaluate("image => image.naturalWidth") == 64)
    keep(page, NAME, "page")

    not_a_picture = tmp_path / "script.png"
    not_a_picture.write_bytes(b"<script>alert(1)</script>")
    sign(page, "Eve", "?", not_a_picture)
    expect(page.get_by_text("a picture is a PNG or a JPEG")).to_be_visible()
    page.goto(url(guestbook))
    expect(page.locator("#count")).to_have_text("2 entries")


def ask(example: Example, method: str, path: str, body: object = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url(example, path), data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_users_of_the_second_step(guestbook: Example) -> None:
    if ask(guestbook, "GET", "/user/get/7")[0] == 200:  # another try has added it
        renew(guestbook)
    assert ask(guestbook, "GET", "/user/get/7") == (404, {"error": "no user 7"})
    assert ask(guestbook, "POST", "/user/add/7", {"name": "Ada"}) == (201, {"id": 7, "name": "Ada"})
    assert ask(guestbook, "GET", "/user/get/7") == (200, {"id": 7, "name": "Ada"})
    assert ask(guestbook, "POST", "/user/add/7", {"name": "Eve"})[0] == 409
    assert ask(guestbook, "POST", "/user/add/8", ["no"])[0] == 400


def beside(engine: EngineProcess, network: str, script: str) -> str:
    """What a script prints in a container of its own on one of the example's networks."""
    return engine.shoal("run", "--rm", "--network", f"{NAME}_{network}", "busybox", "sh", "-c", script).stdout


def test_nothing_outside_reaches_mongodb(guestbook: Example) -> None:
    engine = guestbook.engine
    published = {
        guestbook.short(one): [port for port in one["Ports"] if "PublicPort" in port] for one in guestbook.containers()
    }
    assert {name for name, ports in published.items() if ports} == {"nginx-1"}
    networks = guestbook.inspect("mongo-1")["NetworkSettings"]["Networks"]
    assert set(networks) == {f"{NAME}_back"}
    address = networks[f"{NAME}_back"]["IPAddress"]
    # Something else may answer: some machines lead every unknown address to a proxy. MongoDB has its own words.
    asked = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2"
    told = "access MongoDB over HTTP"

    inside = beside(
        engine, "back", f"{asked} {address} 27017; {asked} mongo 27017; ip route | grep default || echo alone"
    )
    assert inside.count(told) == 2 and inside.endswith("alone\n")
    neighbour = beside(engine, "front", f"{asked} {address} 27017; {asked} mongo 27017 2>&1; {asked} app 9000")
    assert told not in neighbour and "nc: bad address 'mongo'" in neighbour and "<title>Guestbook</title>" in neighbour
    assert told not in answer_of(address)


def answer_of(address: str) -> str:
    """What the host gets from port 27017 of an address, "" where nothing listens."""
    with contextlib.suppress(OSError), socket.create_connection((address, 27017), timeout=2) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.recv(1000).decode()
    return ""


def test_mongodb_wants_a_password_and_the_app_has_one_database(guestbook: Example) -> None:
    def shell(*words: str) -> str:
        done = guestbook.compose("exec", "-T", "mongo", "mongosh", "--quiet", "--norc", *words, check=False)
        return done.stdout + done.stderr

    assert "requires authentication" in shell("python-microservice", "--eval", "db.entries.findOne()")
    password = (guestbook.folder / "secrets/guestbook_password").read_text().strip()
    own = "print(db.entries.countDocuments() >= 0)"
    other = "db.getSiblingDB('admin').system.users.findOne()"
    told = shell("-u", "guestbook", "-p", password, "python-microservice", "--eval", own, "--eval", other)
    assert told.startswith("true\n") and "not authorized on admin" in told


def test_what_was_written_survives_down_and_up(guestbook: Example) -> None:
    guestbook.up()  # a try before this one may have ended while it was down
    boundary = b"----line"
    parts = [
        b'Content-Disposition: form-data; name="name"\r\n\r\nLin',
        b'Content-Disposition: form-data; name="message"\r\n\r\nStill here?',
        b'Content-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n' + png(8, 8),
    ]
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
    with urllib.request.urlopen(urllib.request.Request(url(guestbook, "/sign"), body, kind), timeout=10) as answer:
        before = answer.read().decode()
    assert "Still here?" in before and "/pictures/" in before
    ids = guestbook.ids()
    guestbook.compose("down")
    assert guestbook.containers() == []
    guestbook.up()
    assert set(guestbook.ids().values()).isdisjoint(ids.values())
    assert fetch(guestbook.port("nginx", 80)) == before
    picture = before.split('<img src="')[1].split('"')[0]
    with urllib.request.urlopen(url(guestbook, picture), timeout=10) as answer:
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.read() == png(8, 8)


def test_a_new_container_of_the_app_is_found_by_nginx(guestbook: Example) -> None:
    guestbook.up()
    guestbook.compose("up", "-d", "--wait", "--force-recreate", "--no-deps", "app")

    def answers() -> bool:
        try:
            return "Guestbook" in fetch(guestbook.port("nginx", 80))
        except urllib.error.HTTPError:
            return False

    wait_for("the page", answers, 20)


def test_as_a_stack(guestbook: Example, tmp_path: Path) -> None:
    guestbook.compose("down")
    engine = guestbook.engine
    stack = Example(engine, NAME, tmp_path, files=("docker-stack.yml",))
    stack.deploy("book")
    try:
        wanted = {"book_nginx 1/1", "book_app 2/2", "book_mongo 1/1"}
        replicas = ("stack", "services", "--format", "{{.Name}} {{.Replicas}}", "book")
        wait_for("all replicas", lambda: set(engine.shoal(*replicas).stdout.splitlines()) == wanted, 90)
        assert ask(stack, "POST", "/user/add/1", {"name": "Lin"})[0] == 201
        assert [ask(stack, "GET", "/user/get/1")[0] for _ in range(4)] == [200] * 4
    finally:
        engine.shoal("stack", "rm", "book")
        wait_for("no tasks", lambda: not engine.call("GET", "/containers/json?all=1")[1], 30)
        for volume in ("mongo-data", "pictures"):
            engine.shoal("volume", "rm", "-f", f"book_{volume}")
