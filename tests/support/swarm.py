"""A cluster of one node, through its API."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from tests.support.engine import EngineProcess, engine_with_busybox, wait_for
from tests.support.ports import free_port

#: runs until it is told to end, and ends at once then
SERVE = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done")


class OneNode:
    """Calls of the cluster's API on one engine that is its only manager."""

    def __init__(self, engine: EngineProcess) -> None:
        self.engine = engine

    def init(self) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.call("POST", "/swarm/init", {"ListenAddr": address, "AdvertiseAddr": address})

    def leave(self) -> None:
        self.engine.call("POST", "/swarm/leave?force=1")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.engine.call(method, path, body)
        assert status < 300, (status, answer)
        return answer

    def create(
        self,
        name: str,
        *cmd: str,
        replicas: int = 1,
        container: Mapping[str, Any] | None = None,
        task: Mapping[str, Any] | None = None,
        **spec: Any,
    ) -> str:
        """The id of a new service. container, task, spec: further keys of its parts, as Docker writes them"""
        return str(self.call("POST", "/services/create", body_of(name, cmd, replicas, container, task, spec))["ID"])

    def update(self, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        """The service with its spec as `change` leaves it."""
        service = self.call("GET", f"/services/{name}")
        spec = service["Spec"]
        change(spec)
        self.call("POST", f"/services/{service['ID']}/update?version={service['Version']['Index']}", spec)

    def scale(self, name: str, replicas: int) -> None:
        self.update(name, lambda spec: spec["Mode"]["Replicated"].update(Replicas=replicas))

    def remove(self, name: str) -> None:
        self.call("DELETE", f"/services/{name}")

    def tasks(self, name: str = "", *states: str) -> list[dict[str, Any]]:
        """Tasks, oldest first. states: only those in one of them"""
        filters = quote(json.dumps({"service": [name]} if name else {}))
        found = self.call("GET", f"/tasks?filters={filters}")
        chosen = [task for task in found if not states or task["Status"]["State"] in states]
        return sorted(chosen, key=lambda task: str(task["CreatedAt"]))

    def running(self, name: str, count: int, timeout_s: float = 30) -> list[dict[str, Any]]:
        """Exactly so many tasks run."""

        def enough() -> list[dict[str, Any]] | bool:
            found = self.tasks(name, "running")
            wanted = [task for task in found if task["DesiredState"] == "running"]
            return len(found) == len(wanted) == count and (found or True)

        try:
            found = wait_for(f"{count} tasks of {name} run", enough, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {[brief(task) for task in self.tasks(name)]}") from None
        return found if isinstance(found, list) else []

    def ended(self, name: str, state: str, timeout_s: float = 15) -> dict[str, Any]:
        """The first task that is in this state."""
        return wait_for(f"a task of {name} is {state}", lambda: self.tasks(name, state), timeout_s)[0]

    def containers(self, *, all: bool = True) -> list[dict[str, Any]]:
        """Containers of tasks."""
        found: list[dict[str, Any]] = self.engine.call("GET", f"/containers/json?all={int(all)}")[1]
        return [item for item in found if "com.docker.swarm.task.id" in item["Labels"]]

    def container(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Inspect of a task's container."""
        return dict(self.call("GET", f"/containers/{container_id(task)}/json"))

    def output(self, task: Mapping[str, Any], *cmd: str) -> str:
        """What a command in a task's container prints."""
        done = self.engine.shoal("exec", container_id(task), *cmd)
        return done.stdout.strip()

    def clear(self) -> None:
        """No service, no container of a task, no secret, no config."""
        for service in self.call("GET", "/services"):
            self.call("DELETE", f"/services/{service['ID']}")
        wait_for("no task is left", lambda: not self.containers() and not self.tasks(), 60)
        for kind in ("secrets", "configs"):
            for item in self.call("GET", f"/{kind}") or []:
                self.call("DELETE", f"/{kind}/{item['ID']}")


def body_of(
    name: str,
    cmd: Sequence[str],
    replicas: int,
    container: Mapping[str, Any] | None,
    task: Mapping[str, Any] | None,
    spec: Mapping[str, Any],
) -> dict[str, Any]:
    given = {"Image": "busybox", "Command": list(cmd or SERVE), **(container or {})}
    mode = {"Replicated": {"Replicas": replicas}}
    return {"Name": name, "TaskTemplate": {"ContainerSpec": given, **(task or {})}, "Mode": mode, **spec}


def container_id(task: Mapping[str, Any]) -> str:
    return str(task["Status"]["ContainerStatus"]["ContainerID"])


def brief(task: Mapping[str, Any]) -> str:
    status = task["Status"]
    return f"{task.get('Slot', '')} {status['State']} → {task['DesiredState']} {status.get('Err', '')}"


@contextmanager
def one_node() -> Iterator[OneNode]:
    """A cluster of one node with busybox."""
    with engine_with_busybox() as engine:
        node = OneNode(engine)
        node.init()
        try:
            yield node
        finally:
            if engine.process is not None and engine.process.poll() is not None:
                engine.start()
            node.leave()
