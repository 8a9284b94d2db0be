"""The program as a whole: names of commands, errors and statuses, logins, pulls; against an engine of answers."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.cli.command import Context
from shoal.cli.main import run
from shoal.client.hosts import parse_host
from shoal.client.http import Client
from tests.support.fake_engine import Answer, Asked, FakeEngine


class Program:
    """Runs command lines in this process."""

    def __init__(self, engine: FakeEngine, folder: Path) -> None:
        self.engine = engine
        self.env = {"SHOAL_HOST": engine.host, "DOCKER_CONFIG": str(folder / "config"), "HOME": str(folder)}
        self.client = Client(parse_host(engine.host))

    def __call__(self, *words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        """(exit status, standard output, standard error)."""
        out, err = io.StringIO(), io.StringIO()
        context = Context(
            env=self.env, stdin=io.BytesIO(stdin), stdout=out, stderr=err, client_maker=lambda: self.client
        )
        return run(words, context), out.getvalue(), err.getvalue()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with FakeEngine(tmp_path) as engine:
        program = Program(engine, tmp_path)
        yield program
        program.client.close()


def test_a_command_by_all_its_names(program: Program) -> None:
    program.engine.answers["GET /containers/json"] = Answer(body=[])
    outcomes = {program(*words) for words in (["ps"], ["container", "ls"], ["container", "ps"], ["container", "list"])}
    assert outcomes == {(0, "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n", "")}


@pytest.mark.parametrize(
    ("words", "name"),
    [(["help", "ps"], "ps"), (["ps", "--help"], "ps"), (["container", "ls", "--help"], "container ls")],
)
def test_help_of_a_command(program: Program, words: list[str], name: str) -> None:
    status, out, _ = program(*words)
    assert status == 0 and out.startswith(f"Usage:  shoal {name} [OPTIONS]\n\nList containers\n")


def test_help_of_all_and_of_a_group(program: Program) -> None:
    for words in ([], ["help"], ["--help"], ["-h"]):
        assert program(*words)[1].startswith("Usage:  shoal [OPTIONS] COMMAND\n")
    for words in (["network"], ["network", "--help"], ["help", "network"]):
        assert program(*words)[1].startswith("Usage:  shoal network COMMAND\n")
    assert program("-v")[1] == program("--version")[1] == "Shoal version 0.1.0\n"


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        (["nonsense"], 1, "shoal: unknown command: shoal nonsense\n"),
        (["imagess"], 1, 'shoal: unknown command: shoal imagess\ndid you mean "shoal images"?\n'),
        (["network", "creat"], 1, "shoal: unknown command: shoal network creat\n"),
        (["stop"], 1, "shoal: 'shoal stop' requires at least 1 argument\n\nUsage:  shoal stop [OPTIONS] CONTAINER "),
        (["ps", "--nope"], 125, "shoal: unknown flag: --nope\n\nUsage:  shoal ps [OPTIONS]\n\nRun 'shoal ps --help'"),
        (["run", "--nope"], 125, "shoal: unknown flag: --nope\n\nUsage:  shoal run [OPTIONS] IMAGE "),
        (["ps", "-f", "x"], 125, 'shoal: invalid argument "x" for "-f, --filter" flag: bad format'),
        (["ps", "--format", "{{.Nope}}"], 1, "Error: template: :1: executing"),
        (["-H", "a:1", "-H", "b:1", "ps"], 1, "shoal: specify only one -H\n"),
    ],
)  # fmt: skip
def test_mistakes(program: Program, words: list[str], status: int, error: str) -> None:
    program.engine.answers["GET /containers/json"] = Answer(body=[{"Id": "a", "Created": 1}])
    got_status, out, err = program(*words)
    assert (got_status, out) == (status, "")
    assert err.startswith(error)


def test_the_engine_s_refusals(program: Program) -> None:
    program.engine.answers["POST /containers/web/pause"] = Answer(409, {"message": "Container web is not running"})
    assert program("pause", "web") == (1, "", "Error response from daemon: Container web is not running\n")
    program.engine.answers["POST /containers/create"] = Answer(400, {"message": "invalid reference format"})
    assert program("run", "A") == (125, "", "shoal: Error response from daemon: invalid reference format\n")


def test_no_engine(program: Program, tmp_path: Path) -> None:
    program.client = Client(parse_host(f"unix://{tmp_path}/none.sock"))
    status, out, err = program("ps")
    assert (status, out) == (1, "")
    assert err == (
        f"Error: Cannot connect to the Shoal engine at unix://{tmp_path}/none.sock. Is shoald running?\n"
        "hint: -H, SHOAL_HOST or DOCKER_HOST names this address; without them it is unix:///run/shoal/shoal.sock\n"
    )


def test_a_missing_image_is_pulled_once_with_the_login_that_is_stored(program: Program) -> None:
    created: list[Asked] = []

    def create(asked: Asked) -> Answer:
        created.append(asked)
        if len(created) == 1:
            return Answer(404, {"message": "No such image: localhost:5000/app:latest"})
        return Answer(201, {"Id": "c" * 64, "Warnings": ["mind the gap"]})

    folder = Path(program.env["DOCKER_CONFIG"])
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {"localhost:5000": {"auth": "YW5uOnB3"}}}))
    program.engine.answers["POST /containers/create"] = create
    program.engine.answers["POST /images/create"] = Answer(chunks=[b'{"status":"Pulling","id":"latest"}\r\n'])
    status, out, err = program("create", "--name", "web", "localhost:5000/app")
    assert (status, out) == (0, "c" * 64 + "\n")
    assert err == "Unable to find image 'localhost:5000/app:latest' locally\nlatest: Pulling\nWARNING: mind the gap\n"
    pull = program.engine.asked[1]
    assert pull.query == {"fromImage": ["localhost:5000/app"], "tag": ["latest"]}
    assert pull.headers["x-registry-auth"] not in ("", "e30=")
    assert [asked.query for asked in created] == [{"name": ["web"]}] * 2


def test_a_pull_that_fails_in_the_middle(program: Program) -> None:
    program.engine.answers["POST /images/create"] = Answer(
        chunks=[
            b'{"status":"Pulling"}\n',
            b'{"errorDetail":{"message":"digest does not match"},"error":"digest does not match"}\n',
        ]
    )
    status, out, err = program("pull", "busybox")
    assert (status, out, err) == (1, "Using default tag: latest\nPulling\n", "digest does not match\n")


def test_login_and_logout(program: Program) -> None:
    program.engine.answers["POST /auth"] = Answer(body={"Status": "Login Succeeded", "IdentityToken": ""})
    status, out, err = program("login", "-u", "ann", "--password-stdin", "localhost:5000", stdin=b"secret\n")
    assert (status, out) == (0, "Login Succeeded\n")
    assert "stored unencrypted" in err
    assert program.engine.asked[-1].json == {"username": "ann", "password": "secret", "serveraddress": "localhost:5000"}
    assert program("logout", "localhost:5000")[1] == "Removing login credentials for localhost:5000\n"
    assert program("logout", "localhost:5000")[1] == "Not logged in to localhost:5000\n"
    program.engine.answers["POST /auth"] = Answer(401, {"message": "unauthorized: incorrect username or password"})
    refused = program("login", "-u", "ann", "-p", "wrong", "localhost:5000")
    assert refused[0] == 1 and "unauthorized" in refused[2]
    assert not (json.loads((Path(program.env["DOCKER_CONFIG"]) / "config.json").read_text())["auths"])


def test_search(program: Program) -> None:
    found: list[dict[str, Any]] = [{"name": "redis", "description": "x" * 60, "star_count": 12, "is_official": True}]
    program.engine.answers["GET /images/search"] = Answer(body=found)
    assert program("search", "--limit", "5", "redis")[1] == (
        "NAME      DESCRIPTION                                     STARS     OFFICIAL\n"
        f"redis     {'x' * 44}…   12        [OK]\n"
    )
    assert program.engine.asked[0].query == {"term": ["redis"], "limit": ["5"]}


def test_a_stand_in_is_asked_for(program: Program) -> None:
    program.engine.answers["POST /shoal/stand-ins"] = Answer(chunks=[b'{"stream":"redis: made\\n"}\n'])
    assert program("image", "stand-in", "redis")[:2] == (0, "redis: made\n")
    assert program.engine.asked[0].json == {"References": ["redis"], "Force": False}


def test_the_short_forms_of_compose_take_its_flags_anywhere(program: Program) -> None:
    status, _, err = program("down", "-f", "/no/such/compose.yaml", "-p", "x")
    assert status != 0 and "/no/such/compose.yaml" in err


def test_an_address_where_something_else_listens(program: Program) -> None:
    program.engine.answers["GET /containers/json"] = Answer(body=b"<html>hello</html>")
    status, _, err = program("ps")
    assert status == 1 and "the answer is not JSON" in err


def test_a_file_that_cannot_be_written_is_told(program: Program, tmp_path: Path) -> None:
    program.engine.answers["POST /containers/create"] = Answer(201, {"Id": "c" * 64})
    status, _, err = program("create", "--cidfile", f"{tmp_path}/no/dir/cid", "busybox")
    assert (status, err) == (1, f"Error: {tmp_path}/no/dir/cid: no such file or directory\n")
    assert program.engine.asked == []  # nothing is created whose id would be lost


def test_a_cid_file_goes_where_nothing_is_created(program: Program, tmp_path: Path) -> None:
    program.engine.answers["POST /containers/create"] = Answer(400, {"message": "no"})
    assert program("create", "--cidfile", f"{tmp_path}/cid", "busybox")[0] == 1
    assert not (tmp_path / "cid").exists()
