"""The engine comes and goes; containers stay. Engines side by side, clean stops, crashes, reboots, other versions."""

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shoal.drivers.runtime.processes import is_zombie
from tests.support.engine import EngineProcess, engine_with_busybox, wait_for
from tests.support.ports import free_port
from tests.support.running import Node
from tests.support.traces import traces

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: real namespaces, mounts and networks")

SERVE = ("sh", "-c", 'mkdir /www; echo "$WORD" >/www/index.html; exec httpd -f -p 80 -h /www')


def page(port: int) -> str:
    """What the web server on this port of loopback has; "" while there is none."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5) as answer:
        return str(answer.read().decode().strip())
    return ""


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[EngineProcess, EngineProcess]]:
    with engine_with_busybox() as one, engine_with_busybox() as other:
        yield one, other


@pytest.fixture
def two(both: tuple[EngineProcess, EngineProcess]) -> Iterator[tuple[EngineProcess, EngineProcess]]:
    """Two engines that run; a test that failed in the middle leaves nothing to the next."""
    yield both
    for engine in both:
        if engine.process is not None and engine.process.poll() is not None:
            engine.start()
        engine.remove_everything()


def serve(engine: EngineProcess, word: str, port: int) -> str:
    host = {"PortBindings": {"80/tcp": [{"HostPort": str(port)}]}, "NetworkMode": "app"}
    return Node(engine).run(*SERVE, name="web", host=host, Env=[f"WORD={word}"], ExposedPorts={"80/tcp": {}})


def test_two_engines_side_by_side(two: tuple[EngineProcess, EngineProcess]) -> None:
    """Same names of everything, neither sees or reaches the other's, one goes without a trace in the other."""
    one, other = two
    ports = {one: free_port(), other: free_port()}
    for engine, word in ((one, "one"), (other, "other")):
        engine.docker("network", "create", "app")
        engine.docker("volume", "create", "data")
        serve(engine, word, ports[engine])
        wait_for(word, lambda engine=engine, word=word: page(ports[engine]) == word)  # type: ignore[misc]
        asked = engine.docker("run", "--rm", "--network=app", "-v", "data:/d", "busybox", "wget", "-qO-", "http://web")
        assert asked.stdout.strip() == word
    taken = one.docker("run", "--rm", "-p", f"{ports[other]}:80", "busybox", "true", check=False)
    assert taken.returncode == 125 and "address already in use" in taken.stderr
    address = other.docker("inspect", "-f", "{{.NetworkSettings.Networks.app.IPAddress}}", "web").stdout.strip()
    reach = one.docker(
        "run", "--rm", "--network=app", "busybox", "wget", "-T1", "-qO-", f"http://{address}", check=False
    )
    assert reach.returncode != 0 and not reach.stdout
    assert one.docker("info", "-f", "{{.ID}}").stdout != other.docker("info", "-f", "{{.ID}}").stdout
    names = other.docker("ps", "-a", "--format", "{{.Names}}").stdout

    theirs = traces(other)
    one.remove_everything()
    assert one.stop() == 0
    assert not one.leftovers()
    assert traces(other) == theirs
    assert page(ports[other]) == "other" and page(ports[one]) == ""
    assert other.docker("ps", "-a", "--format", "{{.Names}}").stdout == names
    one.start()
    assert traces(other) == theirs and page(ports[other]) == "other"
    other.remove_everything()


def test_sigterm_ends_in_time_and_containers_run_on(two: tuple[EngineProcess, EngineProcess]) -> None:
    """Clients that wait or listen are let go, the socket is gone, ports answer; the next engine takes all over."""
    engine, _ = two
    engine.docker("network", "create", "app")
    port = free_port()
    web = serve(engine, "on", port)
    wait_for("the page", lambda: page(port) == "on")
    pid = Node(engine).state(web)["Pid"]
    clients = [
        subprocess.Popen(["docker", *words], env=engine.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for words in (["events"], ["logs", "-f", "web"], ["wait", "web"], ["stats"], ["attach", "web"])
    ]
    try:
        wait_for("the clients are there", lambda: len(engine.docker("events", "--since=0", "--until=0s").args) > 0)
        started = time.monotonic()
        assert engine.stop() == 0
        assert time.monotonic() - started < 5
        assert not engine.socket.exists() and not (engine.run / "shoald.pid").exists()
        for client in clients:
            client.wait(5)
    finally:
        for client in clients:
            client.kill()
            client.communicate()
    assert page(port) == "on" and Path(f"/proc/{pid}").exists()
    assert "msg=stopped" in engine.log.read_text().splitlines()[-1]
    engine.start()
    assert Node(engine).state(web)["Pid"] == pid
    engine.remove_everything()


def test_containers_are_stopped_with_the_engine_where_asked() -> None:
    with engine_with_busybox("--stop-containers-on-exit") as engine:
        node = Node(engine)
        polite = node.run("sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done")
        kept = node.run(
            "sh",
            "-c",
            "trap 'exit 0' TERM; while :; do sleep 0.05; done",
            host={"RestartPolicy": {"Name": "unless-stopped"}},
        )
        paused = node.run("sleep", "1000", StopSignal="SIGKILL")
        node.post(paused, "pause")
        pids = [node.state(container)["Pid"] for container in (polite, kept, paused)]
        assert engine.stop() == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
        engine.start()
        assert node.state(polite)["ExitCode"] == 7
        assert node.state(paused)["ExitCode"] == 137
        node.wait_state(kept, Status="running")


def test_fifty_containers_outlive_a_kill_and_are_back_in_hand_within_3_seconds(fresh_engine: EngineProcess) -> None:
    engine, node = fresh_engine, Node(fresh_engine)

    def run(number: int) -> str:
        return node.run("sh", "-c", f"sleep 1000; : {number}", name=f"box{number}")

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(run, range(50)))
    pids = {container: node.state(container)["Pid"] for container in ids}
    engine.kill()
    assert all(Path(f"/proc/{pid}").exists() for pid in pids.values())
    started = time.monotonic()
    engine.start()
    listed = node.list()
    took_s = time.monotonic() - started
    assert {container["Id"] for container in listed} == set(ids)
    assert {container: node.state(container)["Pid"] for container in ids} == pids
    assert took_s < 3, f"{took_s:.2f} s"
    assert engine.docker("exec", "box49", "echo", "here").stdout == "here\n"


def reboot(engine: EngineProcess) -> None:
    """What a machine does: everything dies at once, what is not on disk is gone."""
    pids = [entry.partition(":")[0].removeprefix("process ") for entry in engine.leftovers() if "process" in entry]
    top = Path("/sys/fs/cgroup")
    of_engine = f"shoal{engine.tag}/*"
    for tasks in [*top.glob(f"{of_engine}/cgroup.procs"), *top.glob(f"pids/{of_engine}/cgroup.procs")]:
        pids += tasks.read_text().split()
    engine.kill()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    for frozen in top.glob(f"{of_engine}/cgroup.freeze"):
        frozen.write_text("0")
    for frozen in top.glob(f"freezer/{of_engine}/freezer.state"):
        frozen.write_text("THAWED")
    wait_for("all are dead", lambda: all(not Path(f"/proc/{pid}").exists() or is_zombie(int(pid)) for pid in pids))
    for line in engine.leftovers():
        kind, _, name = line.partition(" ")
        if kind == "cgroup":
            for folder in (*Path(name).glob("*/"), Path(name)):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        elif kind == "table":
            subprocess.run(["nft", "delete", "table", *name.split()], check=False)
        elif kind.rstrip(":").isdigit():
            subprocess.run(["ip", "link", "delete", name.split(":")[0].partition("@")[0]], check=False)
    shutil.rmtree(engine.run)


def test_a_reboot(fresh_engine: EngineProcess) -> None:
    """Restart policies decide who runs again; nobody who ran is shown as running; data and names are there."""
    engine, node = fresh_engine, Node(fresh_engine)
    engine.docker("network", "create", "app")
    port = free_port()

    def run(policy: str, name: str) -> str:
        host = {"RestartPolicy": {"Name": policy}, "Binds": ["data:/data"], "NetworkMode": "app"}
        return node.run("sh", "-c", "echo x >>/data/runs; sleep 1000", name=name, host=host, StopSignal="SIGKILL")

    ids = {name: run(name, name) for name in ("no", "always", "unless-stopped", "on-failure")}
    stopped = {name: run(name, f"stopped-{name}") for name in ("always", "unless-stopped")}
    for container in stopped.values():
        node.post(container, "stop")
    web = serve(engine, "again", port)
    engine.call("POST", f"/containers/{web}/update", {"RestartPolicy": {"Name": "always"}})
    temporary = node.run("sleep", "1000", host={"AutoRemove": True})
    paused = node.run("sleep", "1000")
    node.post(paused, "pause")
    engine.docker("exec", "web", "sh", "-c", "echo more >/www/more.html")
    reboot(engine)
    engine.start()

    for name in ("always", "unless-stopped", "on-failure"):
        node.wait_state(ids[name], Status="running")
    node.wait_state(stopped["always"], Status="running")
    assert node.state(stopped["unless-stopped"])["Status"] == "exited"
    for lost in (ids["no"], paused):
        state = node.state(lost)
        assert (state["Status"], state["ExitCode"], state["Pid"]) == ("exited", 255, 0)
    wait_for("it is removed", lambda: engine.call("GET", f"/containers/{temporary}/json")[0] == 404)
    wait_for("the page", lambda: page(port) == "again")
    assert engine.docker("exec", "web", "cat", "/www/more.html").stdout == "more\n"
    asked = engine.docker(
        "run", "--rm", "--network=app", "-v", "data:/d", "busybox", "sh", "-c", "nslookup web; wc -l </d/runs"
    )
    assert asked.stdout.split()[-1] == "10"
    node.post(ids["no"], "start")


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with EngineProcess() as engine:
        engine.stop()
        database = engine.root / "shoal.db"
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA user_version=99")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = hashlib.sha256(database.read_bytes()).hexdigest()
        refused = engine.shoal("daemon", "start", "--root", str(engine.root), "--run", str(engine.run), check=False)
        assert refused.returncode == 1
        assert f'database "{database}" has version 99, wanted 1 or older' in refused.stderr
        assert "written by a newer Shoal" in refused.stderr and "Traceback" not in refused.stderr
        assert hashlib.sha256(database.read_bytes()).hexdigest() == before
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA user_version=1")
        engine.start()


def test_a_second_engine_on_the_same_root_is_refused(two: tuple[EngineProcess, EngineProcess]) -> None:
    engine, _ = two
    second = EngineProcess()
    second.root = engine.root
    refused = engine.shoal("daemon", "start", "--root", str(engine.root), "--run", str(second.run), check=False)
    assert refused.returncode == 1
    assert f'another engine (pid {engine.process.pid}) uses root "{engine.root}"' in refused.stderr  # type: ignore[union-attr]
    assert "use --root for a second engine" in refused.stderr
    assert engine.call("GET", "/_ping")[0] == 200
    shutil.rmtree(second.base)
