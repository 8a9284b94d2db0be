"""`kill -9` of the engine before each effect of create, start, stop and rm: nothing is lost, nothing is left over."""

import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import EngineProcess, wait_for
from tests.support.images import busybox_archive
from tests.support.running import Node

HOST = {"Binds": ["data:/var/www"], "PortBindings": {"80/tcp": [{"HostPort": ""}]}}
BODY = {"Volumes": {"/anonymous": {}}, "ExposedPorts": {"80/tcp": {}}}
MOST_EFFECTS = 40


class CrashingEngine(EngineProcess):
    """Dies before its n-th effect after `arm`."""

    module = "tests.support.effects_daemon"

    @property
    def order(self) -> Path:
        return self.base / "crash"

    def arm(self, number: int) -> None:
        self.order.write_text(str(number))

    def crashed_before(self) -> str:
        """The effect that was not made; "" when it did not crash. The engine runs again after this."""
        self.order.unlink()
        note = self.order.with_suffix(".done")
        if not note.exists():
            self.kill()
            self.start()
            return ""
        assert self.process is not None
        self.process.wait(10)
        self.start()
        effect = note.read_text()
        note.unlink()
        return effect


@pytest.fixture(scope="module")
def crashing() -> Iterator[CrashingEngine]:
    if os.geteuid() != 0:
        pytest.skip("needs root: real namespaces, mounts and networks")
    engine = CrashingEngine()
    engine.base.mkdir(exist_ok=True)
    os.environ["SHOAL_TEST_CRASH_FILE"] = str(engine.order)
    try:
        with engine:
            archive = engine.base / "busybox.tar"
            busybox_archive(archive)
            engine.load(archive)
            yield engine
    finally:
        del os.environ["SHOAL_TEST_CRASH_FILE"]


def attempt(engine: EngineProcess, method: str, path: str, body: object = None) -> None:
    """A call whose engine may die under it."""
    try:
        engine.call(method, path, body)
    except (OSError, http.client.HTTPException):
        pass


def until_no_crash(engine: CrashingEngine, prepare: object, act: object) -> Iterator[str]:
    """Each effect of `act` before which the engine was killed; the engine runs again when it is given."""
    for number in range(1, MOST_EFFECTS):
        prepare()  # type: ignore[operator]
        engine.arm(number)
        act()  # type: ignore[operator]
        effect = engine.crashed_before()
        yield effect
        if not effect:
            return
    raise AssertionError(f"more than {MOST_EFFECTS} effects")


def can_be_used_again(node: Node) -> None:
    """Start, stop and remove work, whatever the crash left; then the name is free and nothing is left."""
    engine = node.engine
    status, found = engine.call("GET", "/containers/web/json")
    if status == 200:
        assert found["State"]["Status"] in ("created", "running", "exited"), found["State"]
        assert engine.call("POST", "/containers/web/start")[0] in (204, 304)
        state = node.state("web")
        assert state["Running"] and Path(f"/proc/{state['Pid']}").exists()
        assert "uid=0" in engine.docker("exec", "web", "id").stdout
        assert engine.call("POST", "/containers/web/stop?t=0")[0] == 204
        node.delete("web", v=1)
    nothing_left(engine)


def nothing_left(engine: EngineProcess) -> None:
    """Of a container that is gone."""

    def rests() -> list[str]:
        run = [str(p) for d in ("containers", "crun", "exits", "netns") for p in (engine.run / d).glob("*")]
        kept = [str(p) for p in (engine.root / "containers").glob("*")]
        volumes = [v["Name"] for v in engine.call("GET", "/volumes")[1]["Volumes"] if v["Name"] != "data"]
        return [*run, *kept, *volumes]

    try:
        wait_for("nothing is left", lambda: not rests(), 5)
    except AssertionError:
        raise AssertionError(f"left over: {rests()}") from None


def test_create(crashing: CrashingEngine) -> None:
    node = Node(crashing)
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": HOST, **BODY}
    effects = []
    for effect in until_no_crash(
        crashing, lambda: None, lambda: attempt(crashing, "POST", "/containers/create?name=web", body)
    ):
        effects.append(effect)
        can_be_used_again(node)
    assert {"OverlaySnapshots.prepare", "SqliteStore.commit", "LocalVolumes.create", ""} <= set(effects)


def test_start(crashing: CrashingEngine) -> None:
    node = Node(crashing)
    effects = []
    for effect in until_no_crash(
        crashing,
        lambda: node.create("sleep", "1000", name="web", host=HOST, **BODY),
        lambda: attempt(crashing, "POST", "/containers/web/start"),
    ):
        effects.append(effect)
        assert node.inspect("web")["Name"] == "/web", "a container that was there is never lost"
        can_be_used_again(node)
    assert {"Networks.join", "CrunRuntime.create", "CrunRuntime.start", "SqliteStore.commit", ""} <= set(effects)


def test_stop(crashing: CrashingEngine) -> None:
    node = Node(crashing)
    effects = []
    for effect in until_no_crash(
        crashing,
        lambda: node.run("sleep", "1000", name="web", host=HOST, **BODY),
        lambda: attempt(crashing, "POST", "/containers/web/stop?t=0"),
    ):
        effects.append(effect)
        assert node.inspect("web")["Name"] == "/web"
        if "kill" not in effect:
            wait_for("it has its end", lambda: node.state("web")["ExitCode"] in (0, 137))
        can_be_used_again(node)
    assert {"CrunRuntime.kill", "CrunRuntime.delete", "Networks.leave", "SqliteStore.commit", ""} <= set(effects)


def test_remove(crashing: CrashingEngine) -> None:
    node = Node(crashing)
    effects = []
    for effect in until_no_crash(
        crashing,
        lambda: node.create("sleep", "1000", name="web", host=HOST, **BODY),
        lambda: attempt(crashing, "DELETE", "/containers/web?v=1"),
    ):
        effects.append(effect)
        if effects != ["SqliteStore.commit"]:  # the first commit says that it is being removed
            assert crashing.call("GET", "/containers/web/json")[0] == 404, effect
        can_be_used_again(node)
    assert {"OverlaySnapshots.remove", "LocalVolumes.remove", "SqliteStore.commit", ""} <= set(effects)


def test_containers_run_on_while_the_engine_is_away(crashing: CrashingEngine) -> None:
    """Running ones are adopted; one that ended meanwhile has its true exit code and time; policies are followed."""
    node = Node(crashing)
    lives = node.run("sleep", "1000", name="lives")
    ends = node.run("sh", "-c", "sleep 0.5; exit 6", name="ends")
    again = node.run("sh", "-c", "sleep 0.5", name="again", host={"RestartPolicy": {"Name": "always"}})
    auto = node.run("sleep", "0.5", name="auto", host={"AutoRemove": True})
    before = node.inspect(lives)
    pids = {c: node.state(c)["Pid"] for c in (ends, again, auto)}
    crashing.kill()
    for pid in pids.values():
        wait_for("it has ended", lambda pid=pid: not Path(f"/proc/{pid}").exists())
    crashing.start()
    after = node.inspect(lives)
    assert after["State"]["Pid"] == before["State"]["Pid"]
    assert after["NetworkSettings"]["Networks"] == before["NetworkSettings"]["Networks"]
    state = node.wait_state(ends, Status="exited")
    assert state["ExitCode"] == 6 and state["StartedAt"] < state["FinishedAt"]
    wait_for("it runs again", lambda: node.inspect(again)["RestartCount"] >= 1)
    wait_for("it is removed", lambda: crashing.call("GET", f"/containers/{auto}/json")[0] == 404)
    node.post(lives, "stop", t=0)
    assert node.state(lives)["ExitCode"] == 137
    crashing.remove_everything()


def test_health_checks_go_on_after_a_crash(crashing: CrashingEngine) -> None:
    node = Node(crashing)
    check = {"Test": ["CMD", "test", "-e", "/ok"], "Interval": 100_000_000, "Retries": 1}
    container = node.run("sleep", "1000", Healthcheck=check)
    wait_for("unhealthy", lambda: node.state(container)["Health"]["Status"] == "unhealthy")
    crashing.kill()
    crashing.start()
    assert node.state(container)["Health"]["Status"] == "unhealthy"
    crashing.docker("exec", container, "touch", "/ok")
    wait_for("healthy", lambda: node.state(container)["Health"]["Status"] == "healthy")
    crashing.remove_everything()


def test_paused_ones_stay_paused(crashing: CrashingEngine) -> None:
    node = Node(crashing)
    container = node.run("sleep", "1000")
    node.post(container, "pause")
    crashing.kill()
    crashing.start()
    assert node.state(container)["Status"] == "paused"
    node.post(container, "unpause")
    crashing.remove_everything()


def test_a_clean_stop_leaves_them_running_too(crashing: CrashingEngine) -> None:
    node = Node(crashing)
    container = node.run("sleep", "1000")
    pid = node.state(container)["Pid"]
    assert crashing.stop() == 0
    assert Path(f"/proc/{pid}").exists()
    crashing.start()
    assert node.state(container)["Pid"] == pid
    crashing.remove_everything()
