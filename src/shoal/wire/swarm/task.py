"""Docker's JSON of tasks. Source: Docker Engine API v1.51, Task."""

from collections.abc import Mapping
from typing import Any

from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.task import Address, HostPort, Task, TaskStatus
from shoal.wire.swarm.network import encode_attached_network, prefix_of
from shoal.wire.swarm.task_spec import encode_task_spec
from shoal.wire.swarm.values import encode_meta
from shoal.wire.times import encode_time

Networks = Mapping[str, tuple[ClusterNetwork, int]]


def encode_task(task: Task, version: int, networks: Networks) -> dict[str, Any]:
    """networks: {id: (network, version)}"""
    body = encode_meta(task.id, version, task.created_at, task.updated_at)
    body |= {"Name": task.name, "Labels": dict(task.labels), "Spec": encode_task_spec(task.spec)}
    body["ServiceID"] = task.service_id
    if task.slot:  # those of jobs are counted from 0
        body["Slot"] = task.slot - 1 if task.iteration else task.slot
    if task.node_id:
        body["NodeID"] = task.node_id
    body["Status"] = _status(task.status)
    if task.hold and not task.status.error:
        body["Status"]["Err"] = task.hold
    body["DesiredState"] = task.desired.name.lower()
    if task.iteration:
        body["JobIteration"] = {"Index": task.iteration}
    if task.addresses:
        body["NetworksAttachments"] = [_attachment(address, networks) for address in task.addresses]
    return body


def _status(status: TaskStatus) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Timestamp": encode_time(status.at),
        "State": status.state.name.lower(),
        "Message": status.message,
    }
    if status.error:
        result["Err"] = status.error
    if status.container_id or status.exit_code:
        result["ContainerStatus"] = {
            "ContainerID": status.container_id,
            "PID": status.pid,
            "ExitCode": status.exit_code,
        }
    result["PortStatus"] = {"Ports": [_port(port) for port in status.ports]} if status.ports else {}
    return result


def _port(port: HostPort) -> dict[str, Any]:
    return {
        "Protocol": port.protocol,
        "TargetPort": port.target,
        "PublishedPort": port.published,
        "PublishMode": "host",
    }


def _attachment(address: Address, networks: Networks) -> dict[str, Any]:
    found = networks.get(address.network_id)
    network = encode_attached_network(*found) if found else {"ID": address.network_id}
    given = [text for text in (address.ipv4, address.ipv6) if text]
    texts = [text if "/" in text or not found else f"{text}/{prefix_of(found[0], text)}" for text in given]
    return {"Network": network, "Addresses": texts} | ({"Aliases": list(address.aliases)} if address.aliases else {})
