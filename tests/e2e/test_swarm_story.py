"""The document's story of a cluster on one machine, up to "Let's take down some individual containers".

Once with `shoal`, once with the real docker CLI. Only what differs by nature does: ids, addresses, times, the port.
"""

import re
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support.engine import EngineProcess, wait_for
from tests.support.ports import free_port
from tests.support.screen import on_terminal
from tests.support.stand_ins import engine_with_stand_ins
from tests.support.tutorial import AGO, FULL, ID, IMAGE, SHORT, build_first, is_table


class Cluster:
    """One tool on one engine that is a cluster. cli: words of the program"""

    def __init__(self, engine: EngineProcess, name: str) -> None:
        self.engine = engine
        self.name = name
        self.argv = ["docker"] if name == "docker" else [sys.executable, "-m", "shoal.cli.main"]
        self.port = free_port()

    def __call__(self, *words: str, check: bool = True) -> str:
        run = self.engine.docker if self.name == "docker" else self.engine.shoal
        done = run(*words, check=check)
        return done.stdout if check else done.stdout + done.stderr

    def on_terminal(self, *words: str) -> list[str]:
        return on_terminal([*self.argv, *words], self.engine.env)

    def table(self, *words: str) -> list[str]:
        return self(*words).splitlines()

    def web(self) -> set[str]:
        """Ids of the running containers of the service."""
        return set(self("ps", "-q", "--filter", "label=com.docker.swarm.service.name=web").split())

    def page(self) -> str:
        """The page, by a connection of its own."""

        def attempt() -> str:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                    return str(answer.read().decode())
            except (ConnectionError, urllib.error.URLError):
                return ""

        return wait_for("the page", attempt)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with engine_with_stand_ins() as engine:
        build_first(engine, tmp_path_factory.mktemp("gsd"))
        yield engine


@pytest.fixture(params=["shoal", "docker"])
def tool(engine: EngineProcess, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if shutil.which("docker") is None and request.param == "docker":
        pytest.skip("the docker CLI is not installed")
    yield Cluster(engine, request.param)
    engine.shoal("swarm", "leave", "--force", check=False)
    engine.remove_everything()


def containers(tool: Cluster, count: int) -> None:
    image = re.escape(IMAGE)
    row = rf'{SHORT}   {image}   "python app\.py"   {AGO} ago   Up {AGO}   (8080/tcp   )?web\.\d\.{ID}'
    head = "CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES"
    is_table(tool.table("container", "ls"), head, *([row] * count))


def start(tool: Cluster) -> None:
    """`swarm init`, and three replicas of web."""
    tool("swarm", "init", "--listen-addr", f"127.0.0.1:{free_port()}", "--advertise-addr", "127.0.0.1")
    lines = tool.on_terminal("service", "create", "--name", "web", "-p", f"{tool.port}:8080", "--replicas", "3", IMAGE)
    told = [line for line in lines if line and "could not be accessed" not in line]
    is_table(
        told[-6:],
        ID,
        "overall progress: 3 out of 3 tasks",
        *(re.escape(f"{place}/3: running   {FULL}") for place in (1, 2, 3)),
        rf"verify: Service (web |{ID} )?converged ?",
    )


def test_a_swarm_is_started(tool: Cluster) -> None:
    port = free_port()
    lines = tool.table("swarm", "init", "--listen-addr", f"127.0.0.1:{port}", "--advertise-addr", f"127.0.0.1:{port}")
    join = rf"    {tool.name} swarm join --token SWMTKN-1-[0-9a-z]{{50}}-[0-9a-z]{{25}} 127\.0\.0\.1:{port}"
    is_table(
        lines,
        rf"Swarm initialized: current node \({ID}\) is now a manager\.",
        "",
        r"To add a worker to this swarm, run the following command:",
        "",
        join,
        "",
        rf"To add a manager to this swarm, run '{tool.name} swarm join-token manager' and follow the instructions\.",
        *([""] if lines[-1] == "" else []),
    )
    is_table(
        [line for line in tool.table("swarm", "join-token", "worker") if line],
        "To add a worker to this swarm, run the following command:",
        join,
    )
    is_table(
        tool.table("node", "ls"),
        "ID   HOSTNAME   STATUS   AVAILABILITY   MANAGER STATUS   ENGINE VERSION",
        rf"{ID} \*   \S+   Ready   Active   Leader   \S+",
    )


def test_replicas_run_scale_and_come_back(tool: Cluster) -> None:
    start(tool)
    image = re.escape(IMAGE)
    is_table(
        tool.table("service", "ls"),
        "ID   NAME   MODE   REPLICAS   IMAGE   PORTS",
        rf"{SHORT}   web   replicated   3/3   {image}   \*:{tool.port}->8080/tcp",
    )
    containers(tool, 3)
    rows = [rf"{SHORT}   web\.{slot}   {image}   \S+   Running   Running {AGO.lower()} ago" for slot in (1, 2, 3)]
    head = "ID   NAME   IMAGE   NODE   DESIRED STATE   CURRENT STATE   ERROR   PORTS"
    is_table(tool.table("service", "ps", "web"), head, *rows)

    lines = [line for line in tool.on_terminal("service", "scale", "web=5") if line]
    is_table(
        lines[-8:],
        "web scaled to 5",
        "overall progress: 5 out of 5 tasks",
        *(re.escape(f"{place}/5: running   {FULL}") for place in range(1, 6)),
        r"verify: Service (web )?converged ?",
    )
    containers(tool, 5)
    is_table(
        tool.table("service", "ls")[1:],
        rf"{SHORT}   web   replicated   5/5   {image}   \*:{tool.port}->8080/tcp",
    )

    before = tool.web()
    gone = sorted(before)[:2]
    assert tool("container", "rm", *gone, "-f").split() == gone

    def healed() -> bool:
        return len(tool.web()) == 5 and not set(gone) & tool.web()

    wait_for("the replicas are replaced", healed)
    assert len(tool.web() & before) == 3, "those that ran were left alone"
    assert tool("service", "rm", "web") == "web\n"
    wait_for("the containers are gone", lambda: not tool.web())


def test_the_id_in_the_page_changes_between_requests(tool: Cluster) -> None:
    start(tool)
    seen: set[str] = set()

    def all_seen() -> bool:
        seen.add(tool.page())
        return len(seen) == 3

    wait_for("every replica answers", all_seen)
    assert seen == tool.web()
