"""Plans carried out on an engine in memory."""

import io
import json
import signal
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from shoal.client.apply.applier import Applier, Outcome
from shoal.client.apply.doors import BuildContext, Doors
from shoal.client.apply.progress import Phase, Progress
from shoal.compose.operations import (
    BuildImage,
    Call,
    CopyFiles,
    FileEntry,
    Operation,
    Plan,
    Pull,
    Request,
    SecretSource,
    WaitFor,
)
from shoal.compose.parts import Build, Condition
from shoal.errors import ShoalError
from tests.support.fake_client import FakeClient
from tests.support.fake_docker import FakeDocker, Refused, Reply


@pytest.fixture
def docker() -> Iterator[FakeDocker]:
    engine = FakeDocker(("busybox",))
    yield engine
    engine.close()


class Bench:
    """An applier with everything that it told."""

    def __init__(self, docker: FakeDocker, **options: Any) -> None:
        self.docker = docker
        self.client = FakeClient(docker)
        self.told: list[Progress] = []
        self.applier = Applier(self.client, report=self.told.append, **options)

    def apply(self, *operations: Operation) -> Outcome:
        return self.applier.apply(Plan(operations=operations))

    def texts(self) -> list[str]:
        return [f"{p.subject} {p.status}" for p in self.told if not p.part]


def create(name: str, *after: str, command: str = "serve", **spec: Any) -> Call:
    request = Request(
        method="POST",
        path="/containers/create",
        query={"name": name},
        body={"Image": "busybox", "Cmd": [command], "Labels": {"com.docker.compose.service": name}, **spec},
    )
    return Call(
        id=f"create {name}",
        subject=f"Container {name}",
        doing="Creating",
        done="Created",
        cause="no such container",
        depends_on=after,
        request=request,
    )


def start(name: str, *after: str) -> Call:
    return Call(
        id=f"start {name}",
        subject=f"Container {name}",
        doing="Starting",
        done="Started",
        cause="created",
        depends_on=(f"create {name}", *after),
        request=Request(method="POST", path=f"/containers/{name}/start"),
        accept=(304,),
    )


def wait(name: str, condition: Condition, **more: Any) -> WaitFor:
    return WaitFor(
        id=f"wait {name}",
        subject=f"Container {name}",
        doing="Waiting",
        done="Healthy",
        cause="depended on",
        depends_on=(f"start {name}",),
        containers=(name,),
        condition=condition,
        **more,
    )


def test_an_operation_begins_after_all_that_it_depends_on(docker: FakeDocker) -> None:
    docker.call_delay_s = 0.002
    bench = Bench(docker)
    outcome = bench.apply(
        create("a"), create("b"), start("a", "create b"), create("c", "start a"), start("b", "start a", "create c")
    )
    order = docker.calls
    assert not outcome.failed and not outcome.skipped
    assert order.index("POST /containers/a/start") > 1
    assert order[-2:] == ["POST /containers/create", "POST /containers/b/start"]
    assert outcome.answers["create a"] == {"Id": docker.find("a").id, "Warnings": []}


def test_progress_tells_begin_and_end_of_each_operation(docker: FakeDocker) -> None:
    bench = Bench(docker)
    bench.apply(create("a"), start("a"))
    assert bench.texts() == [
        "Container a Creating",
        "Container a Created",
        "Container a Starting",
        "Container a Started",
    ]
    assert [p.phase for p in bench.told] == [Phase.WORKING, Phase.DONE, Phase.WORKING, Phase.DONE]


@pytest.mark.parametrize(("limit", "together"), [(3, 3), (0, 9)])
def test_independent_operations_run_at_the_same_time_up_to_the_limit(
    docker: FakeDocker, limit: int, together: int
) -> None:
    most, now, lock = 0, 0, threading.Lock()
    meeting = threading.Barrier(together)  # breaks unless that many are under way at once
    real = docker.handle

    def handle(method: str, target: str, body: bytes = b"") -> Any:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        meeting.wait(10)
        with lock:
            now -= 1
        return real(method, target, body)

    docker.handle = handle  # type: ignore[method-assign]
    outcome = Bench(docker, parallel=limit).apply(*(create(f"c{n}") for n in range(9)))
    assert not outcome.failed and most == together


def test_the_first_failure_skips_the_rest_and_finishes_what_runs(docker: FakeDocker) -> None:
    docker.faults["POST /containers/bad/start"] = Refused(500, "port is already allocated")
    bench = Bench(docker)
    outcome = bench.apply(create("bad"), create("good"), start("bad"), create("late", "start bad"))
    assert list(outcome.failed) == ["start bad"]
    assert outcome.skipped == ("create late",)
    assert docker.find("good").status == "created"
    assert bench.told[-1].status == "Error response from daemon: port is already allocated"
    assert bench.told[-1].phase == Phase.ERROR
    with pytest.raises(ShoalError, match="port is already allocated"):
        outcome.raise_failure()


def test_a_status_that_is_accepted_is_no_failure(docker: FakeDocker) -> None:
    gone = Call(
        id="remove x",
        subject="Container x",
        doing="Removing",
        done="Removed",
        cause="down",
        request=Request(method="DELETE", path="/containers/x"),
        accept=(404,),
    )
    assert not Bench(docker).apply(gone).failed


def test_waiting_for_health_starts_the_dependant_when_the_container_is_healthy(docker: FakeDocker) -> None:
    docker.health_delay_s = 0.02
    health = {"Healthcheck": {"Test": ["CMD", "true"]}}
    bench = Bench(docker)
    outcome = bench.apply(
        create("db", **health), start("db"), wait("db", Condition.HEALTHY), create("web"), start("web", "wait db")
    )
    assert not outcome.failed
    assert "Container db Waiting" in bench.texts() and "Container db Healthy" in bench.texts()
    assert [e["Action"] for e in docker.past].index("health_status: healthy") < [
        (e["Action"], e["Actor"]["Attributes"]["name"]) for e in docker.past
    ].index(("start", "web"))
    # asked when the wait begins and when an event names the container, not again and again
    assert docker.calls.count("GET /containers/db/json") <= 3


def test_waits_take_no_place_among_the_operations_under_way(docker: FakeDocker) -> None:
    docker.health_delay_s = 0.05
    health = {"Healthcheck": {"Test": ["CMD", "true"]}}
    bench = Bench(docker, parallel=1)
    bench.apply(create("db", **health), start("db"), wait("db", Condition.HEALTHY), create("other", "start db"))
    assert bench.texts().index("Container other Created") < bench.texts().index("Container db Healthy")


@pytest.mark.parametrize(
    ("command", "health", "condition", "message"),
    [
        ("serve", "unhealthy", Condition.HEALTHY, "dependency failed to start: container db is unhealthy"),
        ("exit 3", "healthy", Condition.HEALTHY, r"dependency failed to start: container db exited \(3\)"),
        ("exit 3", "healthy", Condition.COMPLETED, 'service "db" didn\'t complete successfully: exit 3'),
    ],
)
def test_a_dependency_that_fails_ends_the_plan(
    docker: FakeDocker, command: str, health: str, condition: Condition, message: str
) -> None:
    docker.health_result = health
    docker.health_delay_s = 0.0
    check = {"Healthcheck": {"Test": ["CMD", "true"]}}
    outcome = Bench(docker).apply(
        create("db", command=command, **check), start("db"), wait("db", condition), create("web", "wait db")
    )
    assert outcome.skipped == ("create web",)
    with pytest.raises(ShoalError, match=message):
        outcome.raise_failure()


def test_waiting_for_health_without_a_health_check_is_an_error(docker: FakeDocker) -> None:
    outcome = Bench(docker).apply(create("db"), start("db"), wait("db", Condition.HEALTHY))
    with pytest.raises(ShoalError, match="container db has no healthcheck configured"):
        outcome.raise_failure()


def test_an_optional_dependency_that_fails_is_a_warning(docker: FakeDocker) -> None:
    bench = Bench(docker)
    outcome = bench.apply(
        create("db", command="exit 1"),
        start("db"),
        wait("db", Condition.COMPLETED, required=False),
        create("web", "wait db"),
    )
    assert not outcome.failed and "create web" in outcome.answers
    assert [p.status for p in bench.told if p.phase == Phase.WARNING] == [
        'optional dependency: service "db" didn\'t complete successfully: exit 1'
    ]


def test_a_wait_ends_at_its_timeout(docker: FakeDocker) -> None:
    docker.health_delay_s = 30.0
    check = {"Healthcheck": {"Test": ["CMD", "true"]}}
    outcome = Bench(docker).apply(create("db", **check), start("db"), wait("db", Condition.HEALTHY, timeout_s=0.05))
    with pytest.raises(ShoalError, match=r"timeout: db not healthy after 0\.05 s"):
        outcome.raise_failure()


def test_waits_work_with_an_engine_that_has_no_events(docker: FakeDocker) -> None:
    docker.faults["GET /events"] = Refused(501, "not served")
    docker.health_delay_s = 0.02
    check = {"Healthcheck": {"Test": ["CMD", "true"]}}
    assert not Bench(docker).apply(create("db", **check), start("db"), wait("db", Condition.HEALTHY)).failed


def pull(reference: str, **more: Any) -> Pull:
    request = Request(method="POST", path="/images/create", query={"fromImage": reference, "tag": "latest"})
    return Pull(
        id=f"pull {reference}",
        subject=f"Image {reference}",
        doing="Pulling",
        done="Pulled",
        cause="missing",
        reference=reference,
        request=request,
        **more,
    )


def test_a_pull_tells_its_layers_and_sends_credentials_and_extensions(docker: FakeDocker) -> None:
    doors = Doors(registry_auth=lambda name: f"auth-of-{name}", extra_query={"shoal.standIns": "1"})
    bench = Bench(docker, doors=doors)
    assert not bench.apply(pull("redis")).failed
    parts = [(p.part, p.status, p.current_bytes, p.total_bytes) for p in bench.told if p.part]
    assert ("aaaaaaaaaaaa", "Downloading", 5, 10) in parts
    assert parts[-1] == ("aaaaaaaaaaaa", "Pull complete", 0, 0)
    method, target, headers = bench.client.sent[0]
    assert (method, headers["X-Registry-Auth"]) == ("POST", "auth-of-redis")
    assert target.endswith("shoal.standIns=1")


def test_a_stand_in_is_never_silent(docker: FakeDocker) -> None:
    lines = [{"status": "Making a stand-in for redis"}, {"status": "Made a stand-in for redis: Redis, version 7"}]
    docker.pull_lines["redis:latest"] = lines
    bench = Bench(docker)
    assert not bench.apply(pull("redis")).failed
    assert (bench.told[-1].phase, bench.told[-1].status) == (
        Phase.WARNING,
        "Made a stand-in for redis: Redis, version 7",
    )


def test_an_error_in_a_stream_keeps_its_hint(docker: FakeDocker) -> None:
    docker.pull_lines["redis:latest"] = [{"errorDetail": {"message": "no registry", "hint": "try x"}, "error": "-"}]
    (error,) = Bench(docker).apply(pull("redis")).failed.values()
    assert (error.message, error.hint) == ("no registry", "try x")


def test_the_first_error_is_raised_with_the_others_and_any_hint(docker: FakeDocker) -> None:
    docker.pull_lines["a:latest"] = [{"error": "first\nwith more"}]
    docker.pull_lines["b:latest"] = [{"errorDetail": {"message": "second", "hint": "try x"}}]
    bench = Bench(docker, parallel=1)
    with pytest.raises(ShoalError) as raised:
        Outcome(failed={**bench.apply(pull("a")).failed, **bench.apply(pull("b")).failed}).raise_failure()
    assert (str(raised.value), raised.value.hint) == ("first\nwith more", "try x")
    assert raised.value.__notes__ == ["second"]
    assert "Error response from daemon: first" in [p.status for p in bench.told]


def test_a_pull_whose_failure_is_ignored_warns(docker: FakeDocker) -> None:
    bench = Bench(docker)
    outcome = bench.apply(pull("missing", ignore_failure=True))
    assert not outcome.failed
    assert bench.told[-1].phase == Phase.WARNING and "manifest unknown" in bench.told[-1].status


def test_a_build_sends_context_and_secrets_and_tells_its_output(docker: FakeDocker) -> None:
    doors = Doors(build_context=lambda _: BuildContext(tar=iter([b"a tar"]), query={"dockerfile": "Dockerfile"}))
    bench = Bench(docker, doors=doors)
    build = BuildImage(
        id="build web",
        subject="Image app-web",
        doing="Building",
        done="Built",
        cause="missing",
        reference="app-web",
        build=Build(context="/src"),
        request=Request(method="POST", path="/build", query={"t": "app-web:latest"}),
        secrets=(SecretSource(id="token", value="s3cret"),),
    )
    outcome = bench.apply(build)
    assert outcome.answers["build web"] == {"ID": docker.images["app-web:latest"]["Id"]}
    assert [p.detail for p in bench.told if p.detail] == ["Step 1/1 : FROM scratch", "Successfully built x"]
    _, target, headers = bench.client.sent[0]
    assert "dockerfile=Dockerfile" in target and "s3cret" not in target
    assert "X-Shoal-Build-Secrets" in headers


def test_a_folder_is_sent_as_an_image_that_lives_as_long_as_the_build(docker: FakeDocker, tmp_path: Path) -> None:
    doors = Doors(build_context=lambda _: BuildContext(tar=iter([b"a tar"])))
    bench = Bench(docker, doors=doors)
    (tmp_path / "file").write_text("x")
    build = BuildImage(
        id="build web",
        subject="Image app-web",
        doing="Building",
        done="Built",
        cause="missing",
        reference="app-web",
        build=Build(context="/src"),
        request=Request(method="POST", path="/build", query={"t": "app-web:latest", "contexts": '{"base": "b:1"}'}),
        folders={"assets": str(tmp_path)},
    )
    assert not bench.apply(build).failed
    made, built, gone = bench.client.sent
    tag = parse_qs(made[1].partition("?")[2])["t"][0]
    contexts = json.loads(parse_qs(built[1].partition("?")[2])["contexts"][0])
    assert tag.startswith("shoal-build-context:") and gone[:2] == ("DELETE", f"/images/{tag}")
    assert contexts.keys() == {"base", "assets"} and contexts["assets"].startswith("sha256:")
    assert list(docker.images) == ["busybox:latest", "app-web:latest"]
    missing = bench.apply(replace(build, folders={"assets": str(tmp_path / "gone")})).failed["build web"]
    assert 'path "' in missing.message and "gone" in missing.message


def test_files_are_put_into_a_container_as_one_archive(docker: FakeDocker) -> None:
    copy = CopyFiles(
        id="copy web",
        subject="Container web",
        doing="Copying",
        done="Copied",
        cause="configs",
        depends_on=("create web",),
        container="web",
        files=(FileEntry(path="/etc/app.conf", content=b"x=1", uid=5, gid=6, mode=0o440),),
        request=Request(method="PUT", path="/containers/web/archive", query={"path": "/"}),
    )
    assert not Bench(docker).apply(create("web"), copy).failed
    ((folder, data),) = docker.find("web").files
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.getmembers()[0]
    assert folder == "/"
    assert (member.name, member.size, member.uid, member.gid, member.mode) == ("etc/app.conf", 3, 5, 6, 0o440)


def test_an_engine_that_can_keeps_files_in_memory(docker: FakeDocker) -> None:
    bench = Bench(docker)
    bench.client.features = "memory-files"
    docker.handle = lambda method, target, data: seen.append((method, target, data)) or Reply(204)  # type: ignore[method-assign, func-returns-value]
    seen: list[tuple[str, str, bytes]] = []
    for again in (False, True):
        assert not bench.apply(copy_into("web", b"x=1", again=again)).failed
    put = ("PUT", "/containers/web/memory-files", b'{"Files": {"/etc/app.conf": "eD0x"}}')
    assert seen == [("HEAD", "/_ping", b""), put, put]


def test_files_in_a_layer_are_not_lost(docker: FakeDocker) -> None:
    """On another engine a container that had its files once is left alone."""
    bench = Bench(docker)
    assert not bench.apply(create("web"), copy_into("web", b"x=1", again=True)).failed
    assert docker.find("web").files == []


def copy_into(name: str, content: bytes, *, again: bool) -> CopyFiles:
    return CopyFiles(
        id=f"copy {name}",
        subject=f"Container {name}",
        doing="",
        done="",
        cause="configs",
        container=name,
        files=(FileEntry(path="/etc/app.conf", content=content),),
        request=Request(method="PUT", path=f"/containers/{name}/archive", query={"path": "/"}),
        again=again,
    )


def test_a_file_that_is_not_there_is_named(docker: FakeDocker) -> None:
    copy = CopyFiles(
        id="copy web",
        subject="Container web",
        doing="Copying",
        done="Copied",
        cause="secrets",
        container="web",
        files=(FileEntry(path="/run/secrets/key", source="/nowhere/key"),),
        request=Request(method="PUT", path="/containers/web/archive", query={"path": "/"}),
    )
    with pytest.raises(ShoalError, match='web: /run/secrets/key: file "/nowhere/key" does not exist'):
        Bench(docker).apply(copy).raise_failure()


def test_an_interrupt_begins_nothing_more(docker: FakeDocker) -> None:
    bench = Bench(docker, before=lambda operation: _interrupt_main(operation, "create a"))
    outcome = bench.apply(create("a"), create("b", "create a"))
    assert outcome.interrupted and outcome.skipped == ("create b",)
    assert docker.find("a")
    with pytest.raises(KeyboardInterrupt):
        outcome.raise_failure()


def _interrupt_main(operation: Operation, wanted: str) -> None:
    if operation.id == wanted:
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)  # as Ctrl-C: the waiting thread wakes up
        time.sleep(0.02)
