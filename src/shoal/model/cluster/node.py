"""The node: a machine of the cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shoal.model.cluster.task import Amounts


class Role(StrEnum):
    """What a node may do."""

    MANAGER = "manager"
    WORKER = "worker"


class Availability(StrEnum):
    """Whether a node takes tasks."""

    ACTIVE = "active"
    PAUSE = "pause"
    DRAIN = "drain"


class NodeState(StrEnum):
    """Whether a node's heartbeats come."""

    UNKNOWN = "unknown"
    DOWN = "down"
    READY = "ready"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """What the user sets."""

    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    role: Role = Role.WORKER
    availability: Availability = Availability.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDescription:
    """What a node says of itself.

    plugins: (type, name)
    subnets: CIDRs of its host's routes, never used for overlay networks
    """

    hostname: str = ""
    os: str = "linux"
    architecture: str = "amd64"
    resources: Amounts = field(default_factory=Amounts)
    engine_version: str = ""
    engine_labels: Mapping[str, str] = field(default_factory=dict)
    plugins: tuple[tuple[str, str], ...] = ()
    subnets: tuple[str, ...] = ()
    mtu: int = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerStatus:
    """address: host:2377. reachability: reachable | unreachable | unknown"""

    address: str
    is_leader: bool = False
    reachability: str = "reachable"
    member_id: str = ""  #: of etcd


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A member of the cluster.

    number: small, of this node alone: its tunnel address and its connection mark derive from it
    address, port: where other nodes reach it
    data_address: where the overlay's packets go to; "" = `address`
    issuer: digest (hex) of the CA that signed its certificate
    """

    id: str
    spec: NodeSpec
    created_at: int
    updated_at: int
    number: int = 0
    description: NodeDescription = field(default_factory=NodeDescription)
    state: NodeState = NodeState.UNKNOWN
    message: str = ""
    address: str = ""
    manager: ManagerStatus | None = None
    issuer: str = ""
    data_address: str = ""
    port: int = 2377

    @property
    def key(self) -> str:
        return self.id
