"""`kill -9` of the engine before and after all that an operation does to the host, for each operation.

After each death: the engine is back, the bystander has noticed nothing; what users see is what was there before the
operation or after it, nothing between; the operation, given again, ends as if nothing had happened; and when it is
undone nothing of either try is left on the machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import context
from tests.support.crashing import CrashingEngine
from tests.support.engine import wait_for
from tests.support.images import entry
from tests.support.running import Node
from tests.support.traces import traces, wait_until_as

WEB = ("sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do usleep 10000; done")
HOST = {
    "NetworkMode": "one",
    "Binds": ["data:/data"],
    "PortBindings": {"80/tcp": [{"HostPort": ""}]},
    "RestartPolicy": {"Name": "on-failure"},
    "Memory": 64 << 20,
}
DOCKERFILE = "FROM busybox\nRUN --mount=type=cache,target=/c echo made >/made\nCOPY file /file\n"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One call of the API.

    path: "METHOD /path"
    first: what must have happened before it, as (path, body)
    again: how a second call may be answered when the first has done its work
    points: how many deaths
    """

    path: str
    body: Any = None
    first: tuple[tuple[str, Any], ...] = ()
    again: tuple[int, ...] = (200, 201, 204, 304)
    points: int = 6

    def run(self, engine: CrashingEngine) -> int:
        """Its status, 0 when the engine died."""
        return engine.attempt(*self.path.split(" "), self.body)[0]


CREATE = ("POST /containers/create?name=web", {"Image": "busybox", "Cmd": WEB, "HostConfig": HOST})
RUN = (CREATE, ("POST /containers/web/start", None))
TWO = (*RUN, ("POST /networks/two/connect", {"Container": "web"}))
LIMITS = {"Memory": 32 << 20, "MemorySwap": 64 << 20, "RestartPolicy": {"Name": "always"}}

OPERATIONS = {
    "create": Operation(path=CREATE[0], body=CREATE[1], again=(201, 409)),
    "start": Operation(path="POST /containers/web/start", first=RUN[:1], points=15),
    "stop": Operation(path="POST /containers/web/stop", first=RUN, points=10),
    "kill": Operation(path="POST /containers/web/kill", first=RUN, again=(204, 409)),
    "restart": Operation(path="POST /containers/web/restart", first=RUN, points=10),
    "pause": Operation(path="POST /containers/web/pause", first=RUN, again=(204, 409)),
    "unpause": Operation(
        path="POST /containers/web/unpause", first=(*RUN, ("POST /containers/web/pause", None)), again=(204, 409)
    ),
    "rename": Operation(path="POST /containers/web/rename?name=new", first=RUN, again=(204, 404), points=6),
    "update": Operation(path="POST /containers/web/update", body=LIMITS, first=RUN),
    "rm": Operation(path="DELETE /containers/web?force=1&v=1", first=RUN, again=(204, 404), points=12),
    "connect": Operation(
        path="POST /networks/two/connect", body={"Container": "web"}, first=RUN, again=(200, 403), points=12
    ),
    "disconnect": Operation(
        path="POST /networks/two/disconnect", body={"Container": "web"}, first=TWO, again=(200, 409), points=12
    ),
    "network create": Operation(path="POST /networks/create", body={"Name": "app"}, again=(201, 409)),
    "network rm": Operation(
        path="DELETE /networks/app", first=(("POST /networks/create", {"Name": "app"}),), again=(204, 404)
    ),
    "volume create": Operation(path="POST /volumes/create", body={"Name": "new"}),
    "volume rm": Operation(
        path="DELETE /volumes/new", first=(("POST /volumes/create", {"Name": "new"}),), again=(204, 404)
    ),
    "tag": Operation(path="POST /images/busybox/tag?repo=made&tag=1"),
    "untag": Operation(
        path="DELETE /images/made:1", first=(("POST /images/busybox/tag?repo=made&tag=1", None),), again=(200, 404)
    ),
    "commit": Operation(path="POST /commit?container=web&repo=made&tag=1", body={}, first=RUN, points=8),
    "build": Operation(path="POST /build?t=made:1", body=context(DOCKERFILE, entry("file", b"file\n")), points=12),
}


class Picture:
    """What users see of an engine, in words that do not change from one try to the next."""

    def __init__(self, engine: CrashingEngine) -> None:
        self._engine = engine
        self._node = Node(engine)

    def take(self) -> dict[str, Any]:
        """Containers (not the bystander's), networks, volumes and tags."""
        call = self._engine.call
        return {
            "containers": {c["Names"][0]: self._container(c["Id"]) for c in self._node.list(all=1) if self._is_ours(c)},
            "networks": sorted(network["Name"] for network in call("GET", "/networks")[1]),
            "volumes": sorted(volume["Name"] for volume in call("GET", "/volumes")[1]["Volumes"]),
            "tags": sorted(tag for image in call("GET", "/images/json")[1] for tag in image["RepoTags"]),
        }

    def _is_ours(self, container: Mapping[str, Any]) -> bool:
        assert self._engine.bystander is not None
        return container["Id"] not in self._engine.bystander.pids

    def _container(self, container: str) -> dict[str, Any]:
        found = self._node.inspect(container)
        state, host = found["State"], found["HostConfig"]
        seen = {
            "status": state["Status"],
            "exit": state["ExitCode"],
            "restarts": (found["RestartCount"], host["RestartPolicy"]["Name"]),
            "memory": host["Memory"],
            "networks": {
                network: sorted({"web", "new"} & set(endpoint["DNSNames"] or ()))
                for network, endpoint in found["NetworkSettings"]["Networks"].items()
            },
            "ports": len(found["NetworkSettings"]["Ports"].get("80/tcp") or ()),
        }
        try:
            return seen | (self._inside(state["Pid"]) if state["Running"] else {})
        except OSError:
            return seen | {"status": "ending"}

    def _inside(self, pid: int) -> dict[str, Any]:
        """What the container itself sees, and what the kernel holds it to."""
        proc = Path(f"/proc/{pid}")
        routes = [line.split()[:3] for line in (proc / "net/route").read_text().splitlines()[1:]]
        links = [line.split(":")[0].strip() for line in (proc / "net/dev").read_text().splitlines()[2:]]
        hosts = (proc / "root/etc/hosts").read_text().splitlines()
        return {"routes": sorted(routes), "links": sorted(links), "hosts": len(hosts), "limit": _memory_limit(pid)}


def _memory_limit(pid: int) -> int:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return int(Path(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes").read_text())
    text = Path(f"/sys/fs/cgroup{path}/memory.max").read_text().strip()
    return 0 if text == "max" else int(text)


@pytest.fixture(scope="module")
def node(crashing: CrashingEngine) -> Iterator[Node]:
    """With two networks and a volume that outlive the operations; all used once."""
    for name in ("one", "two"):
        assert crashing.call("POST", "/networks/create", {"Name": name})[0] == 201
    assert crashing.call("POST", "/volumes/create", {"Name": "data"})[0] == 201
    for path, body in TWO:
        crashing.call(*path.split(" "), body)
    node = Node(crashing)
    node.delete("web", force=1)
    yield node
    crashing.remove_everything()


def undo(engine: CrashingEngine) -> None:
    """Take away whatever an operation and what came before it have made."""
    for name in ("web", "new"):
        engine.call("DELETE", f"/containers/{name}?force=1&v=1")
    engine.call("DELETE", "/networks/app")
    engine.call("DELETE", "/volumes/new")
    engine.call("DELETE", "/images/made:1")
    engine.call("POST", "/build/prune?all=1")
    engine.call("POST", "/images/prune")


def prepare(engine: CrashingEngine, operation: Operation) -> None:
    """What must have happened before."""
    for path, body in operation.first:
        status, answer = engine.call(*path.split(" "), body)
        assert status < 300, (path, answer)
        if path == RUN[1][0]:
            wait_for("it is ready", lambda: "ready" in str(engine.call("GET", "/containers/web/logs?stdout=1")[1]))


def becomes(what: str, picture: Picture, *wanted: dict[str, Any]) -> None:
    """Returns when the picture is one of those wanted."""
    seen: dict[str, Any] = {}

    def is_one() -> bool:
        nonlocal seen
        seen = picture.take()
        return seen in wanted

    try:
        wait_for(what, is_one, 4)
    except AssertionError:
        raise AssertionError(f"{what}: {seen} is none of {wanted}") from None


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(crashing: CrashingEngine, node: Node, name: str) -> None:
    operation, picture = OPERATIONS[name], Picture(crashing)
    clean = traces(crashing)
    try:
        prepare(crashing, operation)
        before, after = picture.take(), {}
        for step in crashing.each_effect(lambda: operation.run(crashing), points=operation.points):
            after = after or picture.take()
            becomes(f"died at {step}", picture, before, after)
            status = operation.run(crashing)
            assert status in operation.again, (step, status)
            becomes(f"repeated after {step}", picture, after)
            undo(crashing)
            wait_until_as(crashing, clean)
            prepare(crashing, operation)
    finally:
        undo(crashing)
    wait_until_as(crashing, clean)
