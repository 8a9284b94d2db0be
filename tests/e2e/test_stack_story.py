"""Stacks on a cluster of one node, by `shoal stack` and by the docker CLI."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.apps import fetch
from tests.support.counter import Counter
from tests.support.engine import EngineProcess, wait_for
from tests.support.stand_ins import engine_with_stand_ins
from tests.support.tutorial import STACK, STACK_FILE


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins() as engine:
        engine.shoal("swarm", "init", "--advertise-addr", "127.0.0.1")
        yield engine
        engine.shoal("swarm", "leave", "--force")


@pytest.fixture(autouse=True)
def _clean(engine: EngineProcess) -> Iterator[None]:
    yield
    for stack in names(engine):
        engine.shoal("stack", "rm", stack, check=False)
    engine.shoal("compose", "-p", "one", "down", "-v", "-t", "1")
    wait_for("no containers", lambda: not engine.call("GET", "/containers/json?all=1")[1], 30)
    for volume in engine.call("GET", "/volumes")[1]["Volumes"]:
        engine.call("DELETE", f"/volumes/{volume['Name']}?force=1")


def names(engine: EngineProcess) -> list[str]:
    """The stacks that there are."""
    return engine.shoal("stack", "ls", "--format", "{{.Name}}").stdout.split()


def containers(engine: EngineProcess, service: str) -> dict[str, str]:
    """{name: id} of the running containers of a service's tasks."""
    filters = json.dumps({"label": [f"com.docker.swarm.service.name={service}"]})
    found = engine.call("GET", f"/containers/json?filters={quote(filters)}")[1]
    return {one["Names"][0].removeprefix("/"): one["Id"] for one in found}


def wait_replicas(engine: EngineProcess, stack: str, **wanted: str) -> None:
    """Until `stack services` shows these replicas: {service: "3/3"}."""

    def shown() -> bool:
        lines = engine.shoal("stack", "services", "--format", "{{.Name}} {{.Replicas}}", stack).stdout.splitlines()
        found = dict(line.removeprefix(f"{stack}_").split(" ", 1) for line in lines)
        return all(found.get(name.replace("_", "-")) == text for name, text in wanted.items())

    wait_for(f"{stack}: {wanted}", shown, 30)


def deploy(engine: EngineProcess, folder: Path, text: str, stack: str = "app", *flags: str) -> str:
    """What `stack deploy` prints."""
    (folder / "stack.yml").write_text(text)
    return engine.shoal("stack", "deploy", "-c", "stack.yml", *flags, stack, cwd=folder).stdout


# -- the document's story, from "Multi-container APps with Docker Stacks" on


class Story:
    """The counter as a stack, by one tool."""

    def __init__(self, engine: EngineProcess, folder: Path, tool: str) -> None:
        self.app = Counter(engine, folder)
        self.engine = engine
        self.text = STACK.replace("published: 5000", f"published: {self.app.port}")
        self.app.write(self.text, STACK_FILE)
        self._run = engine.docker if tool == "docker" else engine.shoal

    def __call__(self, line: str) -> str:
        env = {**self.engine.env, "DOCKER_BUILDKIT": "0"}
        return self._run(*line.split(), cwd=self.app.folder, env=env).stdout

    def edit(self, old: str, new: str) -> None:
        assert self.text.count(old) == 1
        self.text = self.text.replace(old, new)
        self.app.write(self.text, STACK_FILE)

    def answered_by(self, visits: int) -> set[str]:
        """The containers that answered."""
        pages = [fetch(self.app.port) for _ in range(visits)]
        found = [re.search(r"Answered by container ([0-9a-f]{12})", page) for page in pages]
        assert all(found), pages
        return {one[1] for one in found if one}


@pytest.fixture(params=["shoal", "docker"])
def story(engine: EngineProcess, tmp_path: Path, request: pytest.FixtureRequest) -> Story:
    return Story(engine, tmp_path, request.param)


def test_the_second_half_of_the_document(story: Story) -> None:
    engine = story.engine
    story("image build -t je12emy/gsd:swarm-stack .")
    assert sorted(story(f"stack deploy -c {STACK_FILE} counter").splitlines()) == [
        "Creating network counter_counter-net",
        "Creating service counter_redis",
        "Creating service counter_web-fe",
    ]
    assert story("stack ls").splitlines() == ["NAME      SERVICES", "counter   2"]
    wait_replicas(engine, "counter", web_fe="10/10", redis="1/1")
    header, redis, web = story("stack services counter").splitlines()
    assert header.split() == ["ID", "NAME", "MODE", "REPLICAS", "IMAGE", "PORTS"]
    assert redis.split()[1:] == ["counter_redis", "replicated", "1/1", "redis:alpine"]
    image = ["counter_web-fe", "replicated", "10/10", "je12emy/gsd:swarm-stack", f"*:{story.app.port}->5000/tcp"]
    assert web.split()[1:] == image
    rows = [row.split()[1:3] for row in story("stack ps counter").splitlines()[1:]]
    slots = [[f"counter_web-fe.{slot}", "je12emy/gsd:swarm-stack"] for slot in range(1, 11)]
    assert rows == [["counter_redis.1", "redis:alpine"], *slots]

    answered = story.answered_by(20)
    assert len(answered) > 1, "the id in the page changes"
    first = {**containers(engine, "counter_web-fe"), **containers(engine, "counter_redis")}
    assert answered <= {identity[:12] for identity in first.values()}

    story.edit("replicas: 10", "replicas: 12")
    assert (
        len(re.findall(r"Updating service counter_\S+ \(id: \w{25}\)", story(f"stack deploy -c {STACK_FILE} counter")))
        == 2
    )
    wait_replicas(engine, "counter", web_fe="12/12", redis="1/1")
    second = {**containers(engine, "counter_web-fe"), **containers(engine, "counter_redis")}
    assert first.items() < second.items() and len(second) == 13, "only the change moved"

    assert sorted(story("stack rm counter").splitlines()) == [
        "Removing network counter_counter-net",
        "Removing service counter_redis",
        "Removing service counter_web-fe",
    ]
    wait_for("no tasks", lambda: not containers(engine, "counter_web-fe"))
    assert story("stack ls").splitlines() == ["NAME      SERVICES"]


def test_a_stack_builds_its_image_and_only_what_changed_moves(engine: EngineProcess, tmp_path: Path) -> None:
    story = Story(engine, tmp_path, "shoal")
    story.edit("image: je12emy/gsd:swarm-stack", "build: .")
    story.edit("replicas: 10", "replicas: 3")
    story(f"stack deploy -c {STACK_FILE} counter")
    wait_replicas(engine, "counter", web_fe="3/3", redis="1/1")
    assert len(story.answered_by(10)) > 1
    first = {service: containers(engine, service) for service in ("counter_web-fe", "counter_redis")}
    story(f"stack deploy -c {STACK_FILE} counter")
    assert {service: containers(engine, service) for service in first} == first

    story.edit("    command: python app.py", "    command: python app.py\n    environment: {GREETING: hello}")
    plan = story(f"stack plan -c {STACK_FILE} counter").splitlines()
    assert plan == [
        "~ service counter_web-fe",
        "    TaskTemplate.ContainerSpec.Env: + GREETING=hello",
        "Plan: 0 to create, 1 to update, 0 to remove, 1 unchanged services",
    ]
    story(f"stack deploy --detach=false -c {STACK_FILE} counter")
    second = {service: containers(engine, service) for service in first}
    assert second["counter_redis"] == first["counter_redis"]
    assert second["counter_web-fe"].keys().isdisjoint(first["counter_web-fe"]) and len(second["counter_web-fe"]) == 3

    started = time.monotonic()
    story("stack rm counter")
    assert containers(engine, "counter_web-fe") == {}
    story(f"stack deploy -c {STACK_FILE} counter")
    wait_replicas(engine, "counter", web_fe="3/3", redis="1/1")
    assert story.answered_by(1)
    assert time.monotonic() - started < 60


# -- what a file says reaches the containers

#: what `up` and a deploy must make alike; a task has no ports and no network here: others test those
EVERYTHING = """
services:
  a:
    image: busybox
    command: [sleep, "1000"]
    network_mode: none
    annotations: {a: b}
    cap_add: [CAP_NET_ADMIN]
    cap_drop: [CAP_CHOWN]
    cpu_shares: 10
    cpus: 0.5
    cpuset: "0"
    device_cgroup_rules: ['c 1:3 mr']
    devices: ['/dev/null:/dev/nix']
    environment: {A: b}
    expose: [80]
    extra_hosts: ['h=1.1.1.1']
    group_add: ["1"]
    healthcheck: {test: 'true', interval: 1s}
    init: true
    ipc: private
    labels: {a: b}
    logging: {driver: local}
    mem_limit: 64m
    mem_reservation: 32m
    memswap_limit: 128m
    oom_score_adj: 100
    pid: host
    pids_limit: 10
    privileged: true
    read_only: true
    security_opt: ['no-new-privileges:true']
    shm_size: 32m
    stdin_open: true
    tty: true
    stop_grace_period: 3s
    stop_signal: SIGKILL
    tmpfs: /scratch
    ulimits: {nofile: 1000}
    user: "0:1"
    uts: host
    working_dir: /tmp
"""
#: made of the container's own name and life
OWN = re.compile(
    r"Config\.(Hostname|Image|AttachStd.*|Labels\.com\.docker\..*|Labels\.shoal\..*)|HostConfig\.RestartPolicy.*"
)


def flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item, f"{path}.{key}")
    else:
        yield path, json.dumps(value)


def inspected(engine: EngineProcess, container: str) -> dict[str, str]:
    whole = engine.call("GET", f"/containers/{container}/json")[1]
    fields = {**dict(flat(whole["Config"], "Config")), **dict(flat(whole["HostConfig"], "HostConfig"))}
    return {path: text for path, text in fields.items() if not OWN.fullmatch(path)}


def test_a_task_is_made_of_every_key_as_a_container_of_compose_is(engine: EngineProcess, tmp_path: Path) -> None:
    deploy(engine, tmp_path, EVERYTHING)
    wait_replicas(engine, "app", a="1/1")
    (task,) = containers(engine, "app_a").values()
    engine.shoal("compose", "-f", "stack.yml", "-p", "one", "up", "-d", cwd=tmp_path)
    assert inspected(engine, task) == inspected(engine, "one-a-1")


FILES = """
services:
  a:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    network_mode: none
    volumes: [data:/data]
    env_file: a.env
    environment: [FROM_ENV]
    secrets: [pass, {source: pass, target: /other, uid: "3", gid: "4", mode: 0o400}]
    configs: [{source: conf, target: /etc/app.conf}]
volumes: {data: }
secrets: {pass: {file: ./pass}}
configs: {conf: {content: "word=${WORD:-none}"}}
"""


def say(engine: EngineProcess, service: str, script: str) -> str:
    """What a shell in the one task of the service prints."""
    (container,) = wait_for(service, lambda: containers(engine, service)).values()
    return engine.shoal("exec", container, "sh", "-c", script).stdout


def test_files_variables_and_volumes(engine: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("first")
    (tmp_path / "a.env").write_text("NAME=value of ${WORD}\n")
    (tmp_path / ".env").write_text("WORD=hello\nFROM_ENV=dotenv\n")
    deploy(engine, tmp_path, FILES)
    wait_replicas(engine, "app", a="1/1")
    told = say(engine, "app_a", "cat /run/secrets/pass /etc/app.conf; stat -c ' %u %g %a' /other; echo $NAME $FROM_ENV")
    assert told == "firstword=hello 3 4 400\nvalue of hello dotenv\n"
    say(engine, "app_a", "echo kept >/data/file")

    (tmp_path / "pass").write_text("second")
    before = containers(engine, "app_a")
    again = deploy(engine, tmp_path, FILES)
    assert re.fullmatch(r"Creating secret app_pass\.[0-9a-f]{12}\nUpdating service app_a \(id: \w{25}\)\n", again)
    wait_for("another task", lambda: containers(engine, "app_a").keys().isdisjoint(before))
    wait_replicas(engine, "app", a="1/1")
    assert say(engine, "app_a", "cat /run/secrets/pass /data/file") == "secondkept\n"


# -- who waits for whom, and jobs

ORDER = """
services:
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    network_mode: none
    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
  db:
    image: busybox
    command: sh -c "sleep 1; touch /tmp/ready; exec sleep 1000"
    stop_signal: SIGKILL
    network_mode: none
    healthcheck: {test: test -f /tmp/ready, interval: 100ms, retries: 100}
  migrate: {image: busybox, command: sleep 1.5, network_mode: none, deploy: {mode: replicated-job}}
jobs:
  report: {image: busybox, command: echo done, network_mode: none, triggers: {manual: true}}
  nightly:
    image: busybox
    network_mode: none
    triggers: {manual: false, schedule: [{cron: "0 3 1 1 *", timezone: Europe/Paris}]}
"""


def test_dependencies_and_jobs(engine: EngineProcess, tmp_path: Path) -> None:
    started = time.monotonic()
    lines = deploy(engine, tmp_path, ORDER).splitlines()
    assert [line.split("app_")[1] for line in lines] == ["db", "migrate", "web", "report", "nightly"]
    wait_replicas(engine, "app", web="1/1", db="1/1", migrate="0/1 (1/1 completed)")
    assert time.monotonic() - started > 1.5
    at = {}
    for service in ("web", "db"):
        (container,) = containers(engine, f"app_{service}").values()
        at[service] = engine.call("GET", f"/containers/{container}/json")[1]["State"]["StartedAt"]
    assert at["web"] > at["db"]

    ran = engine.shoal("stack", "run", "app", "report").stdout
    assert ran.startswith("app_report\n") and ran.endswith("job complete\n")
    refused = engine.shoal("stack", "run", "app", "nightly", check=False)
    assert refused.returncode == 1 and "forbids to start it by hand" in refused.stderr
    assert engine.shoal("stack", "run", "app", "nope", check=False).stderr.startswith("Error: no such job: app_nope")
    tasks = engine.shoal("stack", "ps", "--format", "{{.Name}} {{.DesiredState}}", "app").stdout
    assert "app_report.1 Complete" in tasks and "app_nightly" not in tasks
    plan = engine.shoal("stack", "plan", "-c", "stack.yml", "app", cwd=tmp_path).stdout
    assert plan == "Plan: 0 to create, 0 to update, 0 to remove, 5 unchanged services\n"


# -- bad input


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: {a: {image: x, secrets: [no]}}", 'stack.yml:1:36: service "a" refers to undefined secret no'),
        ("services:\n  a: {image: x, deploy: {replicas: -1}}", "stack.yml:2:"),
        ("services:\n  a: {image: x, prots: []}", 'stack.yml:2:17: services.a.prots: unknown key "prots"'),
        ("services:\n  a: {image: x, volumes_from: [b]}\n  b: {image: x}", "stack.yml:2:17: services.a.volumes_from: "),
        ("services: {a: {image: x}}\nx-pad: '" + "x" * (10 << 20) + "'", "stack.yml: a Compose file of over 10 MB is"),
    ],
    ids=["secret", "replicas", "key", "refused", "size"],
)
def test_what_is_wrong_is_told_before_anything_is_done(
    engine: EngineProcess, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "stack.yml").write_text(text)
    done = engine.shoal("stack", "deploy", "-c", "stack.yml", "app", cwd=tmp_path, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"Error: {message}")
    assert names(engine) == []
