"""What a node is told by its manager, and what it tells back.

An **assignment** is everything that one node has to know, as items with keys; a session sends the full set first and
then what changed. The same items, whatever the transport: in process for a manager's own node, NDJSON for others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.service import PortConfig, VirtualAddress
from shoal.model.cluster.task import Address, Task, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A node that others send packets to.

    number: from 1, of this node alone: its tunnel address, its MAC and its connection mark derive from it
    address: of its underlay; "" = not known yet
    addresses: further ones of the node, from which its programs may call
    """

    node_id: str
    number: int
    address: str
    is_ready: bool = True
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEndpoint:
    """Where a task is, for routes, names and balancing.

    takes_new: it serves and may get new connections; False while it drains (only its routes count then)
    """

    task_id: str
    task_name: str
    service_id: str
    node_id: str
    slot: int
    addresses: tuple[Address, ...]
    takes_new: bool = True
    hostname: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRoute:
    """How a service is found. mode: vip | dnsrr. ports: ingress ones only. aliases: {network id: names}"""

    service_id: str
    name: str
    mode: str = "vip"
    vips: tuple[VirtualAddress, ...] = ()
    ports: tuple[PortConfig, ...] = ()
    networks: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayState:
    """All that a node's overlay has to be: a pure function of the store and the node (`cluster.overlay`).

    own: this node as its peers see it
    networks: {id: network} that have a task or an attached container here, and the ingress network
    services: {id: route} that are on one of these networks or publish a port
    endpoints: {task id: endpoint} on these networks, here and elsewhere
    """

    own: Peer
    data_port: int = 4789
    peers: Mapping[str, Peer] = field(default_factory=dict)
    networks: Mapping[str, ClusterNetwork] = field(default_factory=dict)
    services: Mapping[str, ServiceRoute] = field(default_factory=dict)
    endpoints: Mapping[str, TaskEndpoint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Everything for one node.

    tasks: {id: task}: all that are to be there; a task that is not in here any more is stopped and removed
    files: {id of a secret or config: its value}, only those that a task here needs; "auth/<service id>": what its image
        is pulled with; "error/<id>": why a file has no value
    managers: "host:2377" of every manager
    """

    node_id: str
    tasks: Mapping[str, Task] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    overlay: OverlayState | None = None
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentChange:
    """What became different. is_full: replace everything. gone: {kind: ids}, kinds as the fields of the assignment

    peers, networks, services, endpoints: of the overlay
    """

    is_full: bool = False
    tasks: Mapping[str, Task] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    own: Peer | None = None
    data_port: int = 4789
    peers: Mapping[str, Peer] = field(default_factory=dict)
    networks: Mapping[str, ClusterNetwork] = field(default_factory=dict)
    services: Mapping[str, ServiceRoute] = field(default_factory=dict)
    endpoints: Mapping[str, TaskEndpoint] = field(default_factory=dict)
    managers: tuple[str, ...] | None = None
    gone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A container outside services on a network of the cluster.

    ipv4, ipv6: its addresses; in a wish those that it has to have, "" = any
    names: that it is found by on this network
    """

    container_id: str
    network_id: str
    name: str = ""
    ipv4: str = ""
    ipv6: str = ""
    names: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What there is one of at a time."""
        return self.container_id, self.network_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a node tells: statuses of its tasks since the last report, and itself when it is new or changed.

    attached: all of its containers outside services that are on networks of the cluster; those without addresses are
        about to get some. None = nothing new
    """

    statuses: Mapping[str, TaskStatus] = field(default_factory=dict)
    description: NodeDescription | None = None
    attached: tuple[Attached, ...] | None = None
