"""The tutorial of services and stacks on three hosts, its commands as they are printed there.

Once with `shoal`, once with the real docker CLI. The counter's image is not pushed: no registry is needed.
"""

import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, hosts
from tests.support.screen import on_terminal
from tests.support.stand_ins import engine_with_stand_ins
from tests.support.tutorial import (
    AGO,
    FULL,
    ID,
    IMAGE,
    SHORT,
    STACK,
    STACK_FILE,
    STACK_IMAGE,
    build_first,
    build_stack,
    is_table,
)

NAMES = ("host1", "host2", "host3")
NODE = rf"({'|'.join(NAMES)})"
TASKS = "ID   NAME   IMAGE   NODE   DESIRED STATE   CURRENT STATE   ERROR   PORTS"
SERVICES = "ID   NAME   MODE   REPLICAS   IMAGE   PORTS"
CONTAINER = re.compile(r"Answered by container ([0-9a-f]{12})")


class Story:
    """What people type, with one tool, on any of the hosts."""

    def __init__(self, farm: Farm, tool: str, folder: Path) -> None:
        self.farm = farm
        self.tool = tool
        self.folder = folder

    def on(self, host: Host, line: str) -> str:
        """What the command that follows the program's name prints."""
        run = host.docker if self.tool == "docker" else host.shoal
        return run(*shlex.split(line), cwd=self.folder).stdout

    def __call__(self, line: str) -> list[str]:
        """The lines that a command prints on the first host."""
        return self.on(self.farm[0], line).splitlines()

    def watched(self, line: str) -> list[str]:
        """The lines that stand on the first host's terminal after a command, without the empty ones."""
        program = ["docker"] if self.tool == "docker" else [sys.executable, "-m", "shoal.cli.main"]
        host = self.farm[0]
        with host.entered():
            lines = on_terminal([*program, *shlex.split(line)], host.engine.env)
        return [line for line in lines if line and "could not be accessed" not in line]

    def running(self, service: str) -> dict[str, Host]:
        """{short id of each of its containers: where it runs}"""
        words = f"ps -q --filter label=com.docker.swarm.service.name={service}"
        return {identity: host for host in self.farm for identity in self.on(host, words).split()}

    def pages(self, port: int, count: int = 30) -> list[str]:
        """What so many requests to every node are answered with, each by a connection of its own.

        [] where one is not answered: a task runs a moment before its server listens.
        """
        urls = [f"http://{host.address}:{port}/?[1-{count}]" for host in self.farm]
        options = ("-s", "--fail-early", "-w", "\n\n", "-H", "Connection: close", "-m", "10")
        done = self.farm.outside.exec("curl", *options, *urls, check=False)
        return done.stdout.split("\n\n")[:-1] if done.returncode == 0 else []


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's two images: the hosts reach no package index to make them with."""
    folder = tmp_path_factory.mktemp("gsd")
    with engine_with_stand_ins() as engine:
        build_first(engine, folder)
        build_stack(engine)
        engine.shoal("save", "-o", str(folder / "images.tar"), IMAGE, STACK_IMAGE)
    return folder / "images.tar"


@pytest.fixture(scope="module")
def farm(archive: Path) -> Iterator[Farm]:
    with hosts(3, images="stand-ins", names=NAMES) as farm:
        farm[0].shoal("load", "--quiet", "-i", str(archive))
        yield farm


@pytest.fixture(params=["shoal", "docker"])
def story(farm: Farm, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Story]:
    if request.param == "docker" and shutil.which("docker") is None:
        pytest.skip("the docker CLI is not installed")
    yield Story(farm, request.param, tmp_path)
    for host in farm:
        host.engine.call("POST", "/swarm/leave?force=1")
        host.engine.call("DELETE", "/volumes/counter_counter-vol?force=1")


def test_the_document_on_three_hosts(story: Story) -> None:
    make_the_swarm(story)
    create_and_look(story)
    scale_and_take_down(story)
    deploy_and_look(story)
    edit_and_remove(story)
    leave(story)


def make_the_swarm(story: Story) -> None:
    """Taking Things to the Next Level"""
    one, *others = story.farm
    said = story("swarm init")
    (join,) = [line.strip() for line in said if " swarm join --token" in line]
    assert re.fullmatch(rf"{story.tool} swarm join --token SWMTKN-1-\w{{50}}-\w{{25}} {one.address}:2377", join)
    assert re.fullmatch(rf"Swarm initialized: current node \({ID}\) is now a manager\.", said[0])
    assert join in [line.strip() for line in story("swarm join-token worker")]
    for host in others:
        assert story.on(host, join.removeprefix(story.tool)) == "This node joined a swarm as a worker.\n"
    is_table(
        story("node ls"),
        "ID   HOSTNAME   STATUS   AVAILABILITY   MANAGER STATUS   ENGINE VERSION",
        rf"{ID} \*   host1   Ready   Active   Leader   \S+",
        rf"{ID}   host2   Ready   Active   \S+",
        rf"{ID}   host3   Ready   Active   \S+",
    )


def create_and_look(story: Story) -> None:
    """Microservices and Docker Services, up to the page"""
    is_table(
        story.watched(f"service create --name web -p 8080:8080 --replicas 3 {IMAGE}")[-6:],
        ID,
        "overall progress: 3 out of 3 tasks",
        *(re.escape(f"{place}/3: running   {FULL}") for place in (1, 2, 3)),
        rf"verify: Service (web |{ID} )?converged ?",
    )
    shows_web(story, 3)
    assert set(story.running("web").values()) == set(story.farm), "one on each node"
    wait_for("each replica answers through every node", lambda: set(story.pages(8080)) == set(story.running("web")))


def shows_web(story: Story, replicas: int) -> None:
    """The tables of the service, and of its containers on every node."""
    image = re.escape(IMAGE)
    is_table(
        story("service ls"),
        SERVICES,
        rf"{SHORT}   web   replicated   {replicas}/{replicas}   {image}   \*:8080->8080/tcp",
    )
    wanted = "--filter desired-state=running web"
    slots = range(1, replicas + 1)
    rows = [rf"{SHORT}   web\.{slot}   {image}   {NODE}   Running   Running {AGO.lower()} ago" for slot in slots]
    is_table(story(f"service ps {wanted}"), TASKS, *rows)
    head = "CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES"
    row = rf'{SHORT}   {image}   "python app\.py"   {AGO} ago   Up {AGO}   (8080/tcp   )?web\.\d\.{ID}'
    shown = 0
    for host in story.farm:
        table = story.on(host, "container ls").splitlines()
        is_table(table, head, *([row] * (len(table) - 1)))
        shown += len(table) - 1
    assert shown == replicas


def scale_and_take_down(story: Story) -> None:
    """From `service scale` to `service rm`"""
    is_table(
        story.watched("service scale web=5")[-8:],
        "web scaled to 5",
        "overall progress: 5 out of 5 tasks",
        *(re.escape(f"{place}/5: running   {FULL}") for place in range(1, 6)),
        r"verify: Service (web )?converged ?",
    )
    shows_web(story, 5)
    before = story.running("web")
    gone = [next(identity for identity, at in before.items() if at is host) for host in story.farm[1:]]
    for identity in gone:
        assert story.on(before[identity], f"container rm {identity} -f") == f"{identity}\n"

    def healed() -> bool:
        now = story.running("web")
        return len(now) == 5 and not now.keys() & set(gone)

    wait_for("both come back", healed)
    assert len(before.items() & story.running("web").items()) == 3, "the others are left alone"
    wait_for("all are seen to run", lambda: " 5/5 " in story("service ls")[1])
    shows_web(story, 5)
    wait_for("all five answer", lambda: set(story.pages(8080)) == set(story.running("web")))
    assert story("service rm web") == ["web"]
    wait_for("no container is left", lambda: not story.running("web"))
    assert len(story("service ls")) == 1


def deploy_and_look(story: Story) -> None:
    """Multi-container Apps with Docker Stacks"""
    (story.folder / STACK_FILE).write_text(STACK)
    assert sorted(story(f"stack deploy -c {STACK_FILE} counter")) == [
        "Creating network counter_counter-net",
        "Creating service counter_redis",
        "Creating service counter_web-fe",
    ]
    is_table(story("stack ls"), "NAME   SERVICES", "counter   2")
    shows_counter(story, 10)
    wait_for("ten answer through every node", lambda: answered(story) == set(story.running("counter_web-fe")))
    assert len(set(story.running("counter_web-fe").values())) == 3


def shows_counter(story: Story, replicas: int) -> None:
    """The tables of the stack, as soon as everything runs."""
    wanted = {"counter_redis": "1/1", "counter_web-fe": f"{replicas}/{replicas}"}
    try:
        wait_for("all run", lambda: replicas_of(story) == wanted, 60)  # two hosts fetch and unpack the image first
    except AssertionError as error:
        error.add_note("\n".join(story("stack ps --no-trunc counter")))
        raise
    image = re.escape(STACK_IMAGE)
    is_table(
        story("stack services counter"),
        SERVICES,
        rf"{SHORT}   counter_redis   replicated   1/1   redis:alpine",
        rf"{SHORT}   counter_web-fe   replicated   {replicas}/{replicas}   {image}   \*:5000->5000/tcp",
    )
    row = rf"{SHORT}   %s   {NODE}   Running   Running ({AGO.lower()}|about a minute) ago"
    slots = [rf"counter_web-fe\.{slot}   {image}" for slot in range(1, replicas + 1)]
    tasks = [row % name for name in (r"counter_redis\.1   redis:alpine", *slots)]
    is_table(sorted_by_slot(story("stack ps --filter desired-state=running counter")), TASKS, *tasks)


def replicas_of(story: Story) -> dict[str, str]:
    """{service: "running/wanted"} of the stack."""
    rows = [row.split() for row in story("stack services counter")[1:]]
    return {row[1]: row[3] for row in rows}


def sorted_by_slot(table: Sequence[str]) -> list[str]:
    """Docker's CLI orders by text: 10 before 2."""

    def place(row: str) -> list[int | str]:
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", row.split()[1])]

    head, *rows = table
    return [head, *sorted(rows, key=place)]


def answered(story: Story) -> set[str]:
    """The counter's containers that answer, through all nodes."""
    found = [CONTAINER.search(page) for page in story.pages(5000, 60)]
    assert all(found), "every page names its container"
    return {one[1] for one in found if one}


def edit_and_remove(story: Story) -> None:
    """The file is changed and deployed again: only the change moves."""
    services = ("counter_web-fe", "counter_redis")
    before = {name: story.running(name).items() for name in services}
    (story.folder / STACK_FILE).write_text(STACK.replace("replicas: 10", "replicas: 12"))
    told = story(f"stack deploy -c {STACK_FILE} counter")
    is_table(sorted(told), *(rf"Updating service {name} \(id: {ID}\)" for name in sorted(services)))
    shows_counter(story, 12)
    assert story.running("counter_redis").items() == before["counter_redis"]
    assert before["counter_web-fe"] < story.running("counter_web-fe").items(), "only the change moves"
    assert sorted(story("stack rm counter")) == [
        "Removing network counter_counter-net",
        "Removing service counter_redis",
        "Removing service counter_web-fe",
    ]
    wait_for("no containers", lambda: not any(story.on(host, "container ls -aq") for host in story.farm), 20)
    assert len(story("stack ls")) == 1


def leave(story: Story) -> None:
    """Host by host; the manager says that it is the last one."""
    others = story.farm[1:]
    for host in others:
        assert story.on(host, "swarm leave") == "Node left the swarm.\n"
    wait_for("both are down", lambda: " ".join(story("node ls")).count(" Down ") == 2)
    assert story("swarm leave --force") == ["Node left the swarm."]
