"""Docker's JSON of nodes. Source: Docker Engine API v1.51, Node."""

from typing import Any

from shoal.model.cluster.node import Availability, ManagerStatus, Node, NodeDescription, NodeSpec, Role
from shoal.wire.fields import decode, text, text_map
from shoal.wire.swarm.task_spec import write_amounts
from shoal.wire.swarm.tls import encode_tls
from shoal.wire.swarm.values import choice, encode_meta

_SPEC = (
    text("Name", "name"),
    text_map("Labels", "labels", empty={}),
    choice("Role", "role", tuple(Role)),
    choice("Availability", "availability", tuple(Availability)),
)
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}


def decode_node_spec(body: Any) -> NodeSpec:
    """The body of POST /nodes/{id}/update: role and availability must be there. Raises: InvalidArgument"""
    given = decode(_SPEC, body, "")
    role = choice("Role", "role", tuple(Role)).read(given.get("role", ""), "Role")
    availability = choice("", "", tuple(Availability)).read(given.get("availability", ""), "Availability")
    return NodeSpec(
        name=given.get("name", ""),
        labels=given.get("labels", {}),
        role=Role(role),
        availability=Availability(availability),
    )


def encode_node(node: Node, version: int, ca_certificate: str = "") -> dict[str, Any]:
    """ca_certificate: of the cluster, in PEM"""
    body = encode_meta(node.id, version, node.created_at, node.updated_at)
    body["Spec"] = _spec(node.spec)
    body["Description"] = _description(node.description, ca_certificate)
    body["Status"] = {"State": node.state.value, "Addr": node.address}
    if node.message:
        body["Status"]["Message"] = node.message
    if node.manager is not None:
        body["ManagerStatus"] = _manager(node.manager)
    return body


def _spec(spec: NodeSpec) -> dict[str, Any]:
    name = {"Name": spec.name} if spec.name else {}
    return name | {"Labels": dict(spec.labels), "Role": spec.role.value, "Availability": spec.availability.value}


def _description(description: NodeDescription, ca_certificate: str) -> dict[str, Any]:
    engine: dict[str, Any] = {"EngineVersion": description.engine_version}
    if description.engine_labels:
        engine["Labels"] = dict(description.engine_labels)
    engine["Plugins"] = [{"Type": kind, "Name": name} for kind, name in description.plugins]
    architecture = _MACHINES.get(description.architecture, description.architecture)
    body: dict[str, Any] = {
        "Hostname": description.hostname,
        "Platform": {"Architecture": architecture, "OS": description.os},
        "Resources": write_amounts(description.resources),
        "Engine": engine,
    }
    return body | ({"TLSInfo": encode_tls(ca_certificate)} if ca_certificate else {})


def _manager(status: ManagerStatus) -> dict[str, Any]:
    leader = {"Leader": True} if status.is_leader else {}
    return leader | {"Reachability": status.reachability, "Addr": status.address}
