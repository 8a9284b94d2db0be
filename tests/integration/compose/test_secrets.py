"""Secrets and configs that must never reach a disk: where they are, what they survive, and what happens when lost."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import leftovers
from tests.support.apps import App
from tests.support.engine import EngineProcess, engine_with_busybox, wait_for

TOKEN = "/run/secrets/token"


@pytest.fixture
def word() -> str:
    return secrets.token_hex(16)


@pytest.fixture
def app(app: App, word: str) -> App:
    app.env["TOKEN"] = word
    app.write("""
services:
  a:
    image: busybox
    command: sh -c 'sha256sum /run/secrets/token; exec sleep 1000'
    stop_signal: SIGKILL
    restart: always
    read_only: true
    secrets: [{source: token, uid: "7", gid: "8", mode: 0400}]
    configs: [{source: words, target: /etc/words}]
secrets: {token: {environment: TOKEN}}
configs: {words: {content: "${TOKEN} and more"}}
""")
    return app


def seen(app: App, path: str = TOKEN) -> str:
    return app.compose("exec", "-T", "a", "cat", path).stdout


def on_disk(engine: EngineProcess, word: str) -> list[str]:
    """Files of the engine on the host that have these bytes: database, layers, logs, run directory."""
    found = subprocess.run(["grep", "-rlF", word, str(engine.base)], capture_output=True, text=True, check=False)
    assert found.returncode in (0, 1), found.stderr
    return found.stdout.splitlines()


def in_memory(engine: EngineProcess) -> list[Path]:
    """The files that the engine keeps in memory, as its mount namespace shows them."""
    return [path for path in (engine.run_inside / "memory").rglob("*") if path.is_file()]


def test_values_are_in_memory_only_and_gone_with_the_container(app: App, word: str) -> None:
    engine = app.engine
    app.compose("up", "-d")
    assert seen(app) == word and seen(app, "/etc/words") == f"{word} and more"
    assert app.compose("exec", "-T", "a", "stat", "-c", "%u:%g %a", TOKEN).stdout.split() == ["7:8", "400"]
    assert app.compose("exec", "-T", "a", "sh", "-c", f"echo x >{TOKEN}", check=False).returncode != 0
    assert len(in_memory(engine)) == 2
    for answer in (app.inspect("a-1"), app.containers(), engine.call("GET", "/events?until=1")[1]):
        assert word not in str(answer)
    exported = engine.call("GET", f"/containers/{app.name}-a-1/export")[1]
    assert word.encode() not in exported and b"run/secrets/token" in exported  # an empty file, to mount on
    assert on_disk(engine, word) == []
    app.compose("up", "-d", "--force-recreate")
    assert len(in_memory(engine)) == 2
    app.down()
    assert in_memory(engine) == [] and on_disk(engine, word) == []


def test_a_new_value_makes_the_container_anew(app: App) -> None:
    app.compose("up", "-d")
    before = app.ids()
    app.env["TOKEN"] = "another"
    app.compose("up", "-d")
    assert app.ids() != before and seen(app) == "another"


def test_values_outlive_runs_and_engines(app: App, word: str) -> None:
    engine, name = app.engine, f"{app.name}-a-1"
    app.compose("up", "-d")
    engine.kill()
    engine.start()
    assert seen(app) == word
    engine.shoal("restart", "-t", "0", name)
    assert seen(app) == word
    os.kill(app.inspect("a-1")["State"]["Pid"], signal.SIGKILL)  # the policy starts it again
    wait_for("its restart", lambda: app.inspect("a-1")["RestartCount"] and app.inspect("a-1")["State"]["Running"])
    assert seen(app) == word
    for end in (engine.kill, engine.stop):
        app.compose("stop", "-t", "0")
        end()  # nothing of the app runs now
        engine.start()
        engine.shoal("start", name)
        assert seen(app) == word
    assert on_disk(engine, word) == []


def test_without_containers_that_have_some_nothing_stays(app: App) -> None:
    engine = app.engine
    app.compose("up", "-d")
    app.compose("stop", "-t", "0")
    engine.stop()
    assert len(leftovers.processes([engine.base])) == 1  # netd keeps the mount namespace
    engine.start()
    app.down()
    engine.stop()
    assert leftovers.processes([engine.base]) == []
    engine.start()


def test_what_never_came_is_missed(app: App, word: str) -> None:
    """A client that died between the two calls: its next `up` finishes the work."""
    app.compose("create")
    engine, container = app.engine, app.ids()["a-1"]
    body = app.inspect("a-1")
    status, made = engine.call(
        "POST", "/containers/create?name=half", body["Config"] | {"HostConfig": body["HostConfig"]}
    )
    assert status == 201, made
    status, answer = engine.call("POST", "/containers/half/start")
    assert status == 409
    assert answer["message"] == (
        'container "/half" lacks files that are kept in memory only: /etc/words, /run/secrets/token '
        '(never given, or gone with a reboot); "shoal compose up" brings them back'
    )
    put = f"/containers/{container}/memory-files"
    for files, message in (
        ({"/etc/words": "YQ=="}, "no content for /run/secrets/token"),
        ({"/etc/words": "YQ==", TOKEN: "YQ==", "/x": ""}, "has no file in memory at /x"),
        ({"/etc/words": "?"}, "Files./etc/words: expected base64"),
    ):
        status, answer = engine.call("PUT", put, {"Files": files})
        assert status == 400 and message in answer["message"]
    assert engine.call("PUT", "/containers/nobody/memory-files", {"Files": {}})[0] == 404
    engine.call("DELETE", "/containers/half")
    app.compose("up", "-d")
    assert app.ids()["a-1"] == container and seen(app) == word


def test_a_file_can_not_be_where_a_mount_is(engine: EngineProcess) -> None:
    host = {"MemoryFiles": [{"Target": "/a"}], "Tmpfs": {"/a": ""}}
    status, answer = engine.call("POST", "/containers/create", {"Image": "busybox", "HostConfig": host})
    assert (status, answer["message"]) == (400, "Duplicate mount point: /a")


def test_a_copy_from_outside_sees_it_and_can_not_change_it(app: App, word: str, tmp_path: Path) -> None:
    app.compose("up", "-d")
    for _ in range(2):  # running, then stopped
        app.compose("cp", f"a:{TOKEN}", str(tmp_path / "copy"))
        assert (tmp_path / "copy").read_text() == word
        (tmp_path / "copy").write_text("forged")
        assert app.compose("cp", str(tmp_path / "copy"), f"a:{TOKEN}", check=False).returncode == 1
        app.compose("stop", "-t", "0")
    app.compose("start")
    assert seen(app) == word


# -- a reboot


@pytest.fixture
def rebooting() -> Iterator[EngineProcess]:
    with engine_with_busybox() as engine:
        yield engine


def reboot(engine: EngineProcess, app: App) -> None:
    """What a loss of power leaves: no process of the engine or its containers, an empty run directory."""
    pids = [app.inspect(name)["State"]["Pid"] for name in app.states()]
    engine.kill()
    pids += [int(line.split()[1].rstrip(":")) for line in leftovers.processes([engine.base])]
    for pid in filter(None, pids):
        os.kill(pid, signal.SIGKILL)
    wait_for("their end", lambda: not leftovers.processes([engine.base]))
    shutil.rmtree(engine.run)
    engine.start()


def test_a_reboot_loses_values_and_up_brings_them_back(rebooting: EngineProcess, tmp_path: Path, word: str) -> None:
    engine, app = rebooting, App(rebooting, tmp_path, "app")
    app.env["TOKEN"] = word
    app.write("""
services:
  a: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, restart: always, secrets: [token]}
  b: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, restart: always}
secrets: {token: {environment: TOKEN}}
""")
    app.compose("up", "-d")
    before = app.ids()
    reboot(engine, app)
    wait_for("the start that fails", lambda: app.inspect("a-1")["State"]["Error"])
    wait_for("what has no secret", lambda: app.states()["b-1"] == "running")
    state = app.inspect("a-1")["State"]
    assert state["Status"] == "exited" and f"kept in memory only: {TOKEN}" in state["Error"]
    refused = engine.shoal("start", "app-a-1", check=False)
    assert refused.returncode == 1 and '"shoal compose up" brings them back' in refused.stderr
    app.compose("up", "-d")
    assert app.states() == {"a-1": "running", "b-1": "running"} and app.ids() == before
    assert seen(app) == word and on_disk(engine, word) == []
