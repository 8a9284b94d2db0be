"""Clusters on a farm of hosts (see tests.support.hosts), and what tests look at in them."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from tests.support.engine import wait_for
from tests.support.hosts import Host


def swarm_info(host: Host) -> dict[str, Any]:
    """What `info` says of the cluster."""
    info: dict[str, Any] = host.engine.call("GET", "/info")[1]["Swarm"]
    return info


def found(manager: Host, workers: Sequence[Host] = (), managers: Sequence[Host] = ()) -> None:
    """A new cluster; the others join it one after another."""
    status, answer = manager.engine.call("POST", "/swarm/init", {"ListenAddr": "0.0.0.0:2377"})
    assert status == 200, answer
    for host in workers:
        join(host, manager, "Worker")
    for host in managers:
        join(host, manager, "Manager")
        wait_for(f"{host.name} is a manager", lambda host=host: swarm_info(host)["ControlAvailable"], 30)  # type: ignore[misc]


def token(manager: Host, role: str = "Worker") -> str:
    """role: "Worker" | "Manager\""""
    text: str = manager.engine.call("GET", "/swarm")[1]["JoinTokens"][role]
    return text


def join(host: Host, manager: Host, role: str = "Worker") -> None:
    """The host is a member."""
    status, answer = try_join(host, [f"{manager.address}:2377"], token(manager, role))
    assert status == 200, answer


def try_join(host: Host, remotes: Sequence[str], join_token: str) -> tuple[int, Any]:
    """(status, answer) of a request to join."""
    body = {"ListenAddr": "0.0.0.0:2377", "RemoteAddrs": list(remotes), "JoinToken": join_token}
    return host.engine.call("POST", "/swarm/join", body)


def leave(*hosts: Host) -> None:
    """Each is in no cluster any more."""
    for host in hosts:
        host.engine.call("POST", "/swarm/leave?force=1")
        assert swarm_info(host)["LocalNodeState"] == "inactive"


def nodes(manager: Host) -> dict[str, dict[str, Any]]:
    """{hostname: node}, {} while the manager does not answer."""
    status, answer = manager.engine.call("GET", "/nodes")
    return {node["Description"]["Hostname"]: node for node in answer} if status == 200 else {}


def node_state(manager: Host, host: Host) -> str:
    """ready | down | unknown | "" = none such."""
    node = nodes(manager).get(host.name)
    return node["Status"]["State"] if node else ""


def leader(managers: Sequence[Host]) -> str:
    """Hostname of who leads, as the first of these that answers says; "" = nobody."""
    for host in managers:
        for name, node in nodes(host).items():
            if (node.get("ManagerStatus") or {}).get("Leader"):
                return name
    return ""


def update_node(manager: Host, host: Host, **spec: Any) -> None:
    """Change the spec of a host's node, as soon as the managers can."""

    def done() -> bool:
        node = nodes(manager).get(host.name)
        if node is None:
            return False
        status, answer = manager.engine.call(
            "POST", f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", node["Spec"] | spec
        )
        assert status in (200, 503) or "out of sequence" in answer["message"], answer
        return status == 200

    wait_for(f"{host.name} is updated", done, 20)


def create_service(
    manager: Host, name: str, replicas: int = 1, *command: str, image: str = "busybox", network: str = "", **mode: Any
) -> str:
    """Its id. Its tasks end as soon as they are told to. network: "" = none"""
    container = {"Image": image, "Command": list(command or ("sleep", "10000")), "Init": True}
    body = {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": container, "Networks": [{"Target": network}] if network else []},
        "Mode": mode or {"Replicated": {"Replicas": replicas}},
    }
    status, answer = manager.engine.call("POST", "/services/create", body)
    assert status == 201, answer
    identity: str = answer["ID"]
    return identity


def remove_services(manager: Host) -> None:
    """All of them, and all tasks are gone."""
    for service in manager.engine.call("GET", "/services")[1]:
        manager.engine.call("DELETE", f"/services/{service['ID']}")
    wait_for("no task is left", lambda: not manager.engine.call("GET", "/tasks")[1], 30)


def running(manager: Host, service: str) -> list[dict[str, Any]]:
    """Tasks that are to run and do; none while the manager does not answer."""
    filters = quote(json.dumps({"service": [service], "desired-state": ["running"]}))
    status, tasks = manager.engine.call("GET", f"/tasks?filters={filters}")
    if status != 200:
        return []
    return [task for task in tasks if task["Status"]["State"] == "running"]


def wait_running(manager: Host, service: str, count: int, timeout_s: float = 20) -> list[dict[str, Any]]:
    """Its tasks, as soon as so many run."""
    wait_for(f"{count} tasks of {service} run", lambda: len(running(manager, service)) == count, timeout_s)
    return running(manager, service)


def containers(host: Host) -> set[str]:
    """Ids of what runs on a host."""
    return {container["Id"] for container in host.engine.call("GET", "/containers/json")[1]}


def hostnames(manager: Host, tasks: Sequence[dict[str, Any]]) -> list[str]:
    """Where tasks are, sorted."""
    names = {node["ID"]: name for name, node in nodes(manager).items()}
    return sorted(names.get(task["NodeID"], "?") for task in tasks)


def within(seconds: float, what: str, check: Callable[[], object]) -> None:
    """It comes about in this time."""
    wait_for(what, lambda: bool(check()), seconds)
