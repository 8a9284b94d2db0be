"""The HTTP client against a server on a real socket."""

import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.client.api import Api
from shoal.client.errors import ClientError, ConnectionLost, EngineUnreachable
from shoal.client.hosts import Host, host_from_env, parse_host
from shoal.client.http import Client
from shoal.client.streams import quote
from shoal.errors import Conflict, InvalidArgument, NotFound
from tests.support.fake_engine import Answer, Asked, FakeEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with FakeEngine(tmp_path) as engine:
        yield engine


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[Client]:
    client = Client(parse_host(engine.host))
    yield client
    client.close()


def test_a_request_needs_no_ping_and_connections_are_used_again(engine: FakeEngine, client: Client) -> None:
    engine.answers["GET /info"] = Answer(body={"ID": "x"})
    assert [client.get("/info") for _ in range(3)] == [{"ID": "x"}] * 3
    assert engine.asked_lines() == ["GET /info"] * 3
    assert engine.asked[0].version == "1.51"
    assert engine.connections == 1


def test_queries_take_flags_lists_and_filters(engine: FakeEngine, client: Client) -> None:
    engine.answers["GET /x"] = Answer(body=[])
    client.get(
        "/x", {"all": True, "no": False, "left": None, "t": ["a", "b c"], "filters": {"label": ["k=v&w"]}, "n": 3}
    )
    assert engine.asked[0].query == {
        "all": ["1"], "no": ["0"], "t": ["a", "b c"], "filters": ['{"label":["k=v&w"]}'], "n": ["3"],
    }  # fmt: skip


def test_errors_carry_status_message_and_class(engine: FakeEngine, client: Client) -> None:
    engine.answers["GET /a"] = Answer(404, {"message": "No such container: a", "hint": "look with shoal ps -a"})
    engine.answers["POST /b"] = Answer(409, {"message": "taken"})
    engine.answers["GET /c"] = Answer(500, b"it broke")
    with pytest.raises(NotFound) as missing:
        client.get("/a")
    assert (missing.value.message, missing.value.status) == ("No such container: a", 404)
    assert missing.value.hint == "look with shoal ps -a"
    with pytest.raises(Conflict, match="taken"):
        client.post("/b", body={})
    with pytest.raises(ClientError, match="it broke") as broken:
        client.get("/c")
    assert broken.value.status == 500
    assert engine.connections == 1  # an error does not cost the connection


def test_not_modified_is_no_error(engine: FakeEngine, client: Client) -> None:
    engine.answers["POST /containers/c/start"] = Answer(304)
    Api(client).containers.start("c")


def test_an_older_engine_is_spoken_to_in_its_version(engine: FakeEngine, client: Client) -> None:
    def refuse_new(asked: Asked) -> Answer:
        if asked.version != "1.47":
            text = f"client version {asked.version} is too new. Maximum supported API version is 1.47"
            return Answer(400, {"message": text})
        return Answer(body={"ok": True})

    engine.answers["POST /volumes/create"] = refuse_new
    assert client.post("/volumes/create", body={"Name": "v"}) == {"ok": True}
    assert client.post("/volumes/create", body={"Name": "v"}) == {"ok": True}
    assert [asked.version for asked in engine.asked] == ["1.51", "1.47", "1.47"]


def test_a_body_that_can_be_sent_once_asks_for_the_version_first(engine: FakeEngine, client: Client) -> None:
    engine.answers["GET /_ping"] = Answer(body=b"OK", headers={"Api-Version": "1.44"})
    engine.answers["POST /images/load"] = lambda asked: Answer(chunks=[b'{"stream":"', asked.body, b'"}\n'])
    with client.request("POST", "/images/load", body=iter([b"some", b"", b"bytes"])) as response:
        assert list(response.json_values()) == [{"stream": "somebytes"}]
    assert engine.asked_lines() == ["GET /_ping", "POST /images/load"]
    assert engine.asked[1].version == "1.44"
    assert engine.asked[1].headers["transfer-encoding"] == "chunked"


def test_a_file_is_sent_whole_from_where_it_stands(engine: FakeEngine, client: Client, tmp_path: Path) -> None:
    engine.answers["POST /images/load"] = Answer(body={})
    path, pipe = tmp_path / "archive", tmp_path / "pipe"
    path.write_bytes(b"skipped" + b"line\n" * 300_000)
    with path.open("rb") as file:
        file.read(7)
        client.post("/images/load", body=file)
    os.mkfifo(pipe)
    with pipe.open("r+b", buffering=0) as fifo:
        fifo.write(b"one\ntwo\n")
        with pipe.open("rb") as file:
            fifo.close()
            client.post("/images/load", body=file)
    with open(os.devnull, "rb") as nothing:
        client.post("/images/load", body=nothing)
    assert [asked.body for asked in engine.asked if asked.method == "POST"] == [b"line\n" * 300_000, b"one\ntwo\n", b""]


def test_json_values_may_break_anywhere(engine: FakeEngine, client: Client) -> None:
    engine.answers["GET /events"] = Answer(chunks=[b'{"a":1}\n{"b"', b":2}\r\n\r\n", b'{"c":"\xc3', b'\xa9"}'])
    assert list(Api(client).system.events()) == [{"a": 1}, {"b": 2}, {"c": "é"}]


def test_a_connection_that_the_engine_closed_is_not_used(engine: FakeEngine, client: Client) -> None:
    engine.answers["GET /x"] = Answer(body={}, headers={"Connection": "close"})
    client.get("/x")
    client.get("/x")
    assert engine.connections == 2


def test_a_request_survives_an_engine_that_restarted(tmp_path: Path) -> None:
    with FakeEngine(tmp_path) as first:
        first.answers["GET /x"] = Answer(body=1)
        client = Client(parse_host(first.host))
        assert client.get("/x") == 1
        socket_path = first.path
    for connection in client._idle:  # the first engine's end of the idle connection is gone
        connection.socket.shutdown(2)
    socket_path.unlink()
    with FakeEngine(tmp_path) as second:
        second.answers["GET /x"] = Answer(body=2)
        assert client.get("/x") == 2
    client.close()


def test_hijack_keeps_what_came_with_the_head_and_half_closes(engine: FakeEngine, client: Client) -> None:
    def talk(reader: object, writer: object) -> None:
        writer.write(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nhello ")
        writer.write(b"you said: " + reader.read())

    engine.raw["/containers/c/attach"] = talk
    stream = Api(client).containers.attach("c", {"stream": True, "stdin": True})
    assert not stream.is_multiplexed
    stream.write(b"good day")
    stream.close_write()
    assert b"".join(data for _, data in stream.frames()) == b"hello you said: good day"
    stream.close()
    asked = engine.asked[0]
    assert (asked.headers["upgrade"], asked.headers["connection"].lower()) == ("tcp", "upgrade")


def test_hijack_refused_is_an_error(engine: FakeEngine, client: Client) -> None:
    engine.answers["POST /exec/e/start"] = Answer(409, {"message": "Container c is paused"})
    with pytest.raises(Conflict, match="is paused"):
        Api(client).execs.start("e", tty=False)


def test_an_answer_that_breaks_off_is_told(engine: FakeEngine, client: Client) -> None:
    def break_off(reader: object, writer: object) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    engine.raw["/info"] = break_off
    with pytest.raises(ConnectionLost):
        client.get("/info")


def test_nobody_there_says_where_the_address_comes_from(tmp_path: Path) -> None:
    client = Client(Host("unix", path=str(tmp_path / "no.sock")))
    with pytest.raises(EngineUnreachable) as error:
        client.get("/info")
    assert error.value.message == f"Cannot connect to the Shoal engine at unix://{tmp_path}/no.sock. Is shoald running?"
    assert "DOCKER_HOST" in error.value.hint and "unix:///run/shoal/shoal.sock" in error.value.hint


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("unix:///run/x.sock", "unix:///run/x.sock"),
        ("/run/x.sock", "unix:///run/x.sock"),
        ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
        ("tcp://[::1]:99", "tcp://[::1]:99"),
        ("localhost:5", "tcp://localhost:5"),
    ],
)
def test_hosts(text: str, shown: str) -> None:
    assert str(parse_host(text)) == shown


@pytest.mark.parametrize("text", ["ssh://x", "tcp://h:99999", "unix://", "gopher://x", "tcp://"])
def test_hosts_that_cannot_be_reached_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_host(text)


def test_shoal_host_wins_over_docker_host() -> None:
    assert str(host_from_env({"SHOAL_HOST": "unix:///a", "DOCKER_HOST": "unix:///b"})) == "unix:///a"
    assert str(host_from_env({"DOCKER_HOST": "unix:///b"})) == "unix:///b"
    assert str(host_from_env({})) == "unix:///run/shoal/shoal.sock"


@given(st.text(), st.sampled_from(["", "/:@"]))
def test_quoting_is_the_standard_library_s(text: str, safe: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    assert quote(text, safe) == urllib.parse.quote(text, safe=safe)
