"""The real docker CLI, unmodified, on a manager's socket: swarm, nodes, services, secrets, configs, stacks."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import fetch
from tests.support.engine import EngineProcess, engine_with_busybox, wait_for
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed here")

#: ends at once when it is asked to, and says what it does
LOOP = "trap 'exit 0' TERM; i=0; while :; do i=$((i + 1)); echo line $i; sleep 0.2; done"
STOPS_SOON = ("--stop-grace-period", "1s")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_busybox() as engine:
        yield engine


@pytest.fixture(scope="module")
def swarm(engine: EngineProcess) -> Iterator[EngineProcess]:
    """A manager; nothing of a test is left in it for the next one."""
    init(engine)
    yield engine
    engine.docker("swarm", "leave", "--force")


@pytest.fixture
def manager(swarm: EngineProcess) -> Iterator[EngineProcess]:
    yield swarm
    for name in lines(swarm, "stack", "ls", "--format", "{{.Name}}"):
        swarm.docker("stack", "rm", name)
    for identity in lines(swarm, "service", "ls", "-q"):
        swarm.docker("service", "rm", identity)
    wait_for("no task is left", lambda: not swarm.call("GET", "/tasks")[1], 20)
    for noun in ("secret", "config"):
        for identity in lines(swarm, noun, "ls", "-q"):
            swarm.docker(noun, "rm", identity)


def init(engine: EngineProcess, *flags: str) -> str:
    address = f"127.0.0.1:{free_port()}"
    data_port = str(free_port())
    where = ("--listen-addr", address, "--advertise-addr", address, "--data-path-port", data_port)
    return engine.docker("swarm", "init", *where, *flags).stdout


def lines(engine: EngineProcess, *args: str) -> list[str]:
    return engine.docker(*args).stdout.split()


def create(engine: EngineProcess, name: str, *args: str, command: str = LOOP) -> str:
    """The service's id, when its tasks run."""
    quiet = ("--quiet", "--detach", "--no-resolve-image", *STOPS_SOON)
    identity = engine.docker("service", "create", *quiet, "--name", name, *args, "busybox", "sh", "-c", command).stdout
    wait_for(f"{name} runs", lambda: is_complete(engine, name), 20)
    return identity.strip()


def is_complete(engine: EngineProcess, name: str) -> bool:
    """Whether as many of its newest tasks run as are wanted, and no update is under way."""
    running, wanted = engine.docker(
        "service", "ls", "--filter", f"name={name}", "--format", "{{.Replicas}}"
    ).stdout.split("/")
    state = inspect(engine, "service", name).get("UpdateStatus", {}).get("State", "")
    return int(running) == int(wanted.split()[0]) and state not in ("updating", "rollback_started")


def only_container(engine: EngineProcess, name: str) -> str:
    """Of a service's task; those of services before it may still end."""
    return wait_for("one container", lambda: one(lines(engine, "ps", "-q", "--filter", f"name={name}")))


def one(found: list[str]) -> str:
    return found[0] if len(found) == 1 else ""


def inspect(engine: EngineProcess, noun: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine.docker(noun, "inspect", name).stdout)[0]
    return found


def refused(engine: EngineProcess, *args: str) -> str:
    done = engine.docker(*args, check=False)
    assert done.returncode != 0, done.stdout
    return done.stderr


def test_a_node_outside_of_a_swarm_says_so(engine: EngineProcess) -> None:
    if engine.docker("info", "-f", "{{.Swarm.LocalNodeState}}").stdout != "inactive\n":
        engine.docker("swarm", "leave", "--force")
    for command in (
        ("service", "ls"),
        ("node", "ls"),
        ("secret", "ls"),
        ("stack", "ls"),
        ("swarm", "join-token", "worker"),
    ):
        assert "This node is not a swarm manager" in refused(engine, *command)
    assert "This node is not a swarm manager" in refused(engine, "network", "create", "-d", "overlay", "net")
    assert "not part of a swarm" in refused(engine, "swarm", "leave")


def test_swarm_from_init_to_leave(engine: EngineProcess) -> None:
    said = init(engine)
    identity = re.search(r"current node \(([0-9a-z]{25})\) is now a manager", said)
    assert identity and "docker swarm join --token SWMTKN-1-" in said
    assert (
        engine.docker("info", "-f", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}").stdout == "active true\n"
    )
    assert engine.call("GET", "/info")[1]["Swarm"]["NodeID"] == identity[1]
    assert "already part of a swarm" in refused(engine, "swarm", "init")
    token = engine.docker("swarm", "join-token", "-q", "worker").stdout
    assert engine.docker("swarm", "join-token", "-q", "--rotate", "worker").stdout != token
    engine.docker("swarm", "update", "--task-history-limit", "2", "--cert-expiry", "48h")
    spec = engine.call("GET", "/swarm")[1]["Spec"]
    assert spec["Orchestration"]["TaskHistoryRetentionLimit"] == 2
    assert spec["CAConfig"]["NodeCertExpiry"] == 48 * 3600 * 10**9
    assert "BEGIN CERTIFICATE" in engine.docker("swarm", "ca").stdout
    engine.docker("swarm", "update", "--autolock=true")
    assert "SWMKEY-1-" in engine.docker("swarm", "unlock-key").stdout
    engine.docker("swarm", "update", "--autolock=false")
    assert "--force" in refused(engine, "swarm", "leave")
    assert engine.docker("swarm", "leave", "--force").stdout == "Node left the swarm.\n"


def test_nodes(manager: EngineProcess) -> None:
    [row] = manager.docker(
        "node", "ls", "--format", "{{.Status}} {{.Availability}} {{.ManagerStatus}}"
    ).stdout.splitlines()
    assert row == "Ready Active Leader"
    [identity] = lines(manager, "node", "ls", "-q")
    manager.docker("node", "update", "--label-add", "disk=ssd", identity)
    assert lines(manager, "node", "ls", "-q", "--filter", "node.label=disk=ssd") == [identity]
    assert inspect(manager, "node", "self")["Spec"]["Labels"] == {"disk": "ssd"}
    pretty = manager.docker("node", "inspect", "--pretty", "self").stdout
    assert "Raft Status:" in pretty and "Issuer Public Key:" in pretty
    create(manager, "placed", "--constraint", "node.labels.disk==ssd")
    assert "placed.1" in manager.docker("node", "ps", "self").stdout
    manager.docker("node", "update", "--availability", "drain", identity)
    why = "no suitable node"  # for the task that shall run elsewhere first
    wait_for("no node takes it", lambda: why in manager.docker("service", "ps", "--no-trunc", "placed").stdout)
    assert "Drain" in manager.docker("node", "ls").stdout
    manager.docker("node", "update", "--availability", "active", "--label-rm", "disk", identity)
    assert "node none not found" in refused(manager, "node", "inspect", "none").lower()
    assert "last manager" in refused(manager, "node", "demote", identity)


def test_a_service_from_create_to_rm(manager: EngineProcess) -> None:
    port = free_port()
    page = "mkdir /www; hostname >/www/index.html; exec httpd -f -p 80 -h /www"
    created = manager.docker(
        *("service", "create", "--name", "web", "--replicas", "2", "-p", f"{port}:80", "--env", "A=b"),
        *("--limit-memory", "64m", "--mount", "type=volume,source=data,target=/data", *STOPS_SOON),
        *("--no-resolve-image", "busybox", "sh", "-c", page),
    ).stdout
    assert re.match(r"[0-9a-z]{25}\n", created) and "verify: Service" in created and "converged" in created
    assert manager.docker("service", "ls", "--format", "{{.Name}} {{.Mode}} {{.Replicas}} {{.Ports}}").stdout == (
        f"web replicated 2/2 *:{port}->80/tcp\n"
    )
    wait_for("both answer", lambda: len({fetch(port) for _ in range(20)}) == 2)
    rows = manager.docker("service", "ps", "web", "--format", "{{.Name}} {{.DesiredState}} {{.CurrentState}}").stdout
    assert re.fullmatch(r"web\.[12] Running Running .*\nweb\.[12] Running Running .*\n", rows)
    found = inspect(manager, "service", "web")
    assert found["Endpoint"]["VirtualIPs"] and found["Spec"]["TaskTemplate"]["Resources"]["Limits"] == {
        "MemoryBytes": 64 << 20
    }
    container = only_container(manager, "web.1")
    assert manager.docker("exec", container, "sh", "-c", "echo $A; ls -d /data").stdout == "b\n/data\n"
    assert "web scaled to 3" in manager.docker("service", "scale", "web=3").stdout
    assert "name conflicts with an existing object" in refused(manager, "service", "create", "--name", "web", "busybox")
    assert manager.docker("service", "rm", "web").stdout == "web\n"
    assert "no such service: web" in refused(manager, "service", "inspect", "web").lower()


def test_update_and_rollback(manager: EngineProcess) -> None:
    create(manager, "app", "--env", "VERSION=1", "--update-monitor", "100ms", "--rollback-monitor", "100ms")
    manager.docker("service", "update", "--quiet", "--detach", "--env-add", "VERSION=2", "--label-add", "a=b", "app")
    wait_for(
        "it is updated", lambda: inspect(manager, "service", "app").get("UpdateStatus", {}).get("State") == "completed"
    )
    spec = inspect(manager, "service", "app")["Spec"]
    assert spec["Labels"] == {"a": "b"} and spec["TaskTemplate"]["ContainerSpec"]["Env"] == ["VERSION=2"]
    assert "VERSION" in manager.docker("service", "inspect", "--pretty", "app").stdout
    manager.docker("service", "rollback", "--quiet", "--detach", "app")
    wait_for(
        "it is rolled back",
        lambda: inspect(manager, "service", "app").get("UpdateStatus", {}).get("State") == "rollback_completed",
    )
    assert inspect(manager, "service", "app")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] == ["VERSION=1"]
    shut = manager.docker("service", "ps", "app", "--filter", "desired-state=shutdown", "-q").stdout.split()
    assert len(shut) == 2


def test_an_update_does_not_lose_what_docker_has_no_words_for(manager: EngineProcess) -> None:
    container = {
        "Image": "busybox",
        "Args": ["sh", "-c", LOOP],
        "HostConfig": {"ShmSize": 1 << 20},
        "StopGracePeriod": 10**9,
    }
    assert (
        manager.call("POST", "/services/create", {"Name": "own", "TaskTemplate": {"ContainerSpec": container}})[0]
        == 201
    )
    manager.docker("service", "update", "--quiet", "--detach", "--label-add", "a=b", "own")
    spec = manager.call("GET", "/services/own")[1]["Spec"]
    assert spec["Labels"] == {"a": "b"}
    assert spec["TaskTemplate"]["ContainerSpec"]["HostConfig"] == {"ShmSize": 1 << 20}


def test_jobs_are_waited_for(manager: EngineProcess) -> None:
    quick = ("--no-resolve-image", "busybox", "true")
    for mode, tasks in (("replicated-job", 2), ("global-job", 1)):
        flags = ("--replicas", "2") if tasks == 2 else ()
        told = manager.docker("service", "create", "--name", mode, "--mode", mode, *flags, *quick, timeout_s=30).stdout
        assert told.endswith("job complete\n"), told
    told = manager.docker("service", "scale", "replicated-job=3", timeout_s=30).stdout
    assert told.startswith("replicated-job scaled to 3\n") and told.endswith("job complete\n"), told
    listed = manager.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").stdout.splitlines()
    assert set(listed) == {"replicated-job 0/2 (3/3 completed)", "global-job 0/0 (1/1 completed)"}
    done = manager.shoal("service", "ps", "--format", "{{.Name}} {{.DesiredState}}", "replicated-job").stdout
    assert set(done.splitlines()) >= {f"replicated-job.{slot} Complete" for slot in (1, 2, 3)}


def test_logs_of_a_service_and_of_a_task(manager: EngineProcess) -> None:
    create(manager, "talk", "--replicas", "2", command="echo hello; trap 'exit 0' TERM; while :; do sleep 0.1; done")
    wait_for("both have spoken", lambda: manager.docker("service", "logs", "talk").stdout.count("hello") == 2)
    told = manager.docker("service", "logs", "--timestamps", "talk").stdout.splitlines()
    assert all(re.fullmatch(r"\d{4}-\S+Z talk\.[12]\.\w{12}@\S+ +\| hello", line) for line in told)
    [task] = lines(manager, "service", "ps", "-q", "--filter", "name=talk.2", "talk")
    assert re.fullmatch(r"talk\.2\.\w{12}@\S+ +\| hello\n", manager.docker("service", "logs", task).stdout)
    assert manager.docker("service", "logs", "--raw", "--tail", "1", task).stdout == "hello\n"


def test_secrets_and_configs(manager: EngineProcess) -> None:
    manager.docker("secret", "create", "--label", "a=b", "key", "-", input="s3cret")
    manager.docker("config", "create", "conf", "-", input="text")
    assert manager.docker("secret", "ls", "--filter", "label=a=b", "--format", "{{.Name}}").stdout == "key\n"
    assert "Data" not in inspect(manager, "secret", "key")["Spec"]
    assert "text" in manager.docker("config", "inspect", "--pretty", "conf").stdout
    assert "secret key already exists" in refused(manager, "secret", "create", "key", __file__)
    create(
        manager,
        "reader",
        *("--secret", "source=key,target=the-key,uid=1000,mode=0400"),
        *("--config", "source=conf,target=/etc/conf"),
    )
    container = only_container(manager, "reader")
    script = "cat /run/secrets/the-key /etc/conf; stat -c ' %u %a' /run/secrets/the-key"
    assert manager.docker("exec", container, "sh", "-c", script).stdout == "s3crettext 1000 400\n"
    assert "is in use by the following service: reader" in refused(manager, "secret", "rm", "key")
    manager.docker("service", "rm", "reader")
    assert manager.docker("secret", "rm", "key").stdout == "key\n"
    assert manager.docker("config", "rm", "conf").stdout == "conf\n"


def test_overlay_networks(manager: EngineProcess) -> None:
    identity = manager.docker("network", "create", "-d", "overlay", "--label", "a=b", "back").stdout.strip()
    assert re.fullmatch(r"[0-9a-z]{25}", identity)
    rows = manager.docker("network", "ls", "--filter", "scope=swarm", "--format", "{{.Name}} {{.Driver}}").stdout
    assert rows == "back overlay\ningress overlay\n"
    assert inspect(manager, "network", "back")["Scope"] == "swarm"
    create(manager, "db", "--network", "back")
    create(manager, "app", "--network", "name=back,alias=front")
    container = only_container(manager, "app")
    vip = inspect(manager, "service", "db")["Endpoint"]["VirtualIPs"][0]["Addr"].split("/")[0]
    assert vip in manager.docker("exec", container, "nslookup", "db").stdout
    [task] = lines(manager, "service", "ps", "-q", "db")
    found = json.loads(manager.docker("inspect", "--type", "task", task).stdout)[0]
    address = found["NetworksAttachments"][0]["Addresses"][0].split("/")[0]
    assert address in manager.docker("exec", container, "nslookup", "tasks.db").stdout
    assert "in use" in refused(manager, "network", "rm", "back")
    manager.docker("service", "rm", "db", "app")
    assert manager.docker("network", "rm", "back").stdout == "back\n"


def test_events_of_the_cluster(manager: EngineProcess) -> None:
    before = manager.docker("info", "-f", "{{.SystemTime}}").stdout.strip()
    create(manager, "seen")
    manager.docker("service", "rm", "seen")
    manager.docker("secret", "create", "hidden", "-", input="x")

    def told() -> list[str]:
        words = ("--filter", "scope=swarm", "--format", '{{.Type}} {{.Action}} {{index .Actor.Attributes "name"}}')
        now = manager.docker("info", "-f", "{{.SystemTime}}").stdout.strip()
        return manager.docker("events", "--since", before, "--until", now, *words).stdout.splitlines()

    wanted = ["service create seen", "service remove seen", "secret create hidden"]
    assert wait_for("all is told", lambda: told() if len(told()) >= len(wanted) else []) == wanted


STACK = """
services:
  web-fe:
    image: busybox
    command: sh -c 'mkdir /www; hostname >/www/index.html; exec httpd -f -p 8080 -h /www'
    stop_grace_period: 1s
    deploy:
      replicas: {replicas}
    ports:
      - target: 8080
        published: {port}
    networks:
      - counter-net
    volumes:
      - type: volume
        source: counter-vol
        target: /code
    secrets: [key]
  redis:
    image: busybox
    command: sh -c "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    networks:
      counter-net:
networks:
  counter-net:
volumes:
  counter-vol:
secrets:
  key:
    file: ./key
"""


def test_a_stack_from_deploy_to_rm(manager: EngineProcess, tmp_path: Path) -> None:
    file, port = tmp_path / "docker-compose.yml", free_port()
    (tmp_path / "key").write_text("s3cret")

    def deploy(replicas: int) -> list[str]:
        file.write_text(STACK.format(replicas=replicas, port=port))
        done = manager.docker("stack", "deploy", "--detach", "--resolve-image", "never", "-c", str(file), "counter")
        wait_for("all run", lambda: all(is_complete(manager, f"counter_{name}") for name in ("web-fe", "redis")), 30)
        return done.stdout.splitlines()

    assert set(deploy(2)) == {
        "Creating network counter_counter-net",
        "Creating secret counter_key",
        "Creating service counter_web-fe",
        "Creating service counter_redis",
    }
    before = lines(manager, "stack", "ps", "-q", "counter")
    assert len(before) == 3
    assert manager.docker("stack", "ls", "--format", "{{.Name}} {{.Services}}").stdout == "counter 2\n"
    rows = manager.docker("stack", "services", "counter", "--format", "{{.Name}} {{.Replicas}} {{.Ports}}").stdout
    assert rows == f"counter_redis 1/1 \ncounter_web-fe 2/2 *:{port}->8080/tcp\n"
    wait_for("both answer", lambda: len({fetch(port) for _ in range(20)}) == 2)
    [container, *_] = lines(manager, "ps", "-q", "--filter", "name=counter_web-fe")
    assert manager.docker("exec", container, "cat", "/run/secrets/key").stdout == "s3cret"
    assert "Name:\tredis" in manager.docker("exec", container, "nslookup", "redis").stdout
    again = deploy(3)
    assert sorted(line.split(" (")[0] for line in again) == [
        "Updating service counter_redis",
        "Updating service counter_web-fe",
    ]
    assert set(before) < set(
        lines(manager, "stack", "ps", "-q", "counter")
    )  # only one more: the others are as they were
    removed = manager.docker("stack", "rm", "counter").stdout.splitlines()
    assert removed == [
        "Removing service counter_redis",
        "Removing service counter_web-fe",
        "Removing secret counter_key",
        "Removing network counter_counter-net",
    ]
    wait_for("all containers are gone", lambda: not lines(manager, "ps", "-aq"), 20)
    wait_for("the network is gone", lambda: not lines(manager, "network", "ls", "-q", "--filter", "name=counter"))
