"""The control API of a cluster: what `/swarm`, `/nodes`, `/services`, `/tasks`, `/secrets` and `/configs` ask for.

Any manager answers; on a node that is none every call but those of `Membership` raises Unavailable in Docker's words
("This node is not a swarm manager. …"). References are ids, names, or unique beginnings of ids. Versions are the
store's revisions (Docker's `Version.Index`): an update that names another than the newest raises VersionConflict.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from shoal.model.cluster.cluster import Cluster, ClusterNetwork, ClusterSpec, Sealed
from shoal.model.cluster.node import Node, NodeSpec
from shoal.model.cluster.service import Service, ServiceSpec
from shoal.model.cluster.task import Task
from shoal.model.network import NetworkSpec

T = TypeVar("T")
Filters = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """A record and the revision that wrote it."""

    record: T
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmInit:
    """Source: Docker Engine API v1.51, SwarmInit. advertise: host[:port] or an interface; "" = found"""

    listen: str = "0.0.0.0:2377"
    advertise: str = ""
    data_path: str = ""
    data_port: int = 4789
    address_pools: tuple[str, ...] = ()
    subnet_size: int = 0
    force_new_cluster: bool = False
    spec: ClusterSpec = field(default_factory=ClusterSpec)
    availability: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmJoin:
    """Source: Docker Engine API v1.51, SwarmJoin."""

    remotes: tuple[str, ...]
    token: str
    listen: str = "0.0.0.0:2377"
    advertise: str = ""
    data_path: str = ""
    availability: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmRestore:
    """A cluster out of a backup. listen, advertise: "" = as they were, where this machine has that address

    force: also where another manager of the cluster still answers
    """

    backup: bytes
    passphrase: str = field(default="", repr=False)
    listen: str = ""
    advertise: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmState:
    """This node's part in a cluster, for `info`. state: inactive | pending | active | error | locked

    has_quorum: False on a manager whose store nobody answers for: what it tells may be old
    """

    state: str = "inactive"
    node_id: str = ""
    node_address: str = ""
    is_manager: bool = False
    has_quorum: bool = True
    error: str = ""
    managers: tuple[tuple[str, str], ...] = ()  #: (node id, "host:2377") of every manager known here
    nodes: int = 0
    manager_count: int = 0
    cluster: Versioned[Cluster] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterView:
    """The cluster as `GET /swarm` shows it. tokens: {"worker"|"manager": SWMTKN-1-…}"""

    cluster: Versioned[Cluster]
    tokens: Mapping[str, str]
    rotation_in_progress: bool = False


class Membership(Protocol):
    """This node's way into, through and out of a cluster."""

    def state(self) -> SwarmState: ...

    async def init(self, request: SwarmInit) -> str:
        """The id of this node, now a manager of a new cluster. Raises: Unavailable when it is in one already"""
        ...

    async def join(self, request: SwarmJoin) -> None:
        """Raises: Unavailable when it is in one already; InvalidArgument for a token or address that does not fit"""
        ...

    async def leave(self, *, force: bool) -> None:
        """Raises: Unavailable when it is in none, or is a manager and `force` does not say so"""
        ...

    async def unlock(self, key: str) -> None: ...

    async def backup(self, passphrase: str = "") -> bytes:
        """All that another machine needs to be this cluster's manager; that of a locked cluster is sealed with its
        unlock key where no passphrase is given. Raises: Unavailable without a quorum, and on a node that is no manager
        """
        ...

    async def restore(self, request: SwarmRestore) -> str:
        """The id of this node, now the only manager of the cluster of the backup, with its identities and tokens.

        Raises: Unavailable when this node is in a cluster; InvalidArgument for a file that is damaged or no backup;
        Unauthorized without the right passphrase; Conflict where another manager of the cluster answers
        """
        ...


class Clusters(Protocol):
    """The cluster itself."""

    async def inspect(self) -> ClusterView: ...

    async def update(
        self,
        version: int,
        spec: ClusterSpec,
        *,
        rotate_worker_token: bool = False,
        rotate_manager_token: bool = False,
        rotate_unlock_key: bool = False,
    ) -> None: ...

    async def unlock_key(self) -> str:
        """SWMKEY-1-…, "" when the cluster is not locked."""
        ...


class Services(Protocol):
    """Services and their tasks."""

    async def create(self, spec: ServiceSpec, *, registry_auth: str = "") -> tuple[str, Sequence[str]]:
        """(id, warnings). Raises: InvalidArgument, Conflict "name conflicts with an existing object …", NotFound"""
        ...

    async def update(
        self,
        reference: str,
        version: int,
        spec: ServiceSpec,
        *,
        rollback: bool = False,
        registry_auth: str = "",
        auth_from: str = "",
    ) -> Sequence[str]:
        """Warnings. Raises: VersionConflict, InvalidArgument, …

        rollback: to the previous spec with its login, whatever the others are
        auth_from: where the login is from if `registry_auth` is "": spec ("" too) | previous-spec
        """
        ...

    async def rebalance(self, reference: str) -> None:
        """Its tasks are spread evenly over the nodes that there are now; only those that must move are replaced."""
        ...

    async def remove(self, reference: str) -> None: ...

    async def resolve(self, reference: str) -> Versioned[Service]:
        """Raises: NotFound "service x not found\""""
        ...

    async def list(self, filters: Filters) -> Sequence[Versioned[Service]]: ...

    async def tasks(self, filters: Filters) -> Sequence[Versioned[Task]]:
        """filters: id, name, service, node, label, desired-state, runtime, _up-to-date"""
        ...

    async def task(self, reference: str) -> Versioned[Task]: ...

    async def counts(self, services: Sequence[Service]) -> Mapping[str, tuple[int, int, int]]:
        """{service id: (running tasks, desired tasks, completed tasks)}, for `?status=true`"""
        ...

    def logs(self, task: Task, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The log of a task's container, wherever it is, as frames of `GET /containers/{id}/logs` (multiplexed or
        raw as its TTY says). query: follow, stdout, stderr, since, timestamps, tail, details"""
        ...


class Nodes(Protocol):
    """The machines of the cluster."""

    async def list(self, filters: Filters) -> Sequence[Versioned[Node]]: ...
    async def resolve(self, reference: str) -> Versioned[Node]:
        """By id, name, hostname, or "self". Raises: NotFound "node x not found\""""
        ...

    async def update(self, reference: str, version: int, spec: NodeSpec) -> None: ...
    async def remove(self, reference: str, *, force: bool) -> None: ...


class Files(Protocol):
    """Secrets, or configs: one object of this class for each."""

    async def create(self, name: str, data: bytes, labels: Mapping[str, str], template: str = "") -> str: ...
    async def list(self, filters: Filters) -> Sequence[Versioned[Sealed]]: ...
    async def resolve(self, reference: str) -> Versioned[Sealed]: ...
    async def data(self, reference: str) -> bytes:
        """Of a config (Docker shows it); secrets are never told."""
        ...

    async def update(self, reference: str, version: int, labels: Mapping[str, str]) -> None: ...
    async def remove(self, reference: str) -> None:
        """Raises: InvalidArgument "secret 'x' is in use by the following service: y\""""
        ...


class ClusterNetworks(Protocol):
    """Overlay networks."""

    async def create(self, spec: NetworkSpec) -> str: ...
    async def list(self) -> Sequence[Versioned[ClusterNetwork]]: ...
    async def remove(self, reference: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """All of it, for the API."""

    membership: Membership
    clusters: Clusters
    services: Services
    nodes: Nodes
    secrets: Files
    configs: Files
    networks: ClusterNetworks
