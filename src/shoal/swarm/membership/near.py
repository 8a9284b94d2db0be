"""What a node's membership works with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal.contracts.cluster.executor import Executor
from shoal.contracts.cluster.keys import NewNodeKey
from shoal.contracts.cluster.logs import TaskLogReader
from shoal.contracts.cluster.overlay import Overlay
from shoal.contracts.cluster.peers import LocalImages
from shoal.contracts.cluster.quorum import Quorum, QuorumSettings
from shoal.contracts.cluster.store import ClusterStore
from shoal.contracts.networking import Subnets
from shoal.swarm.manager.events import Publish
from shoal.swarm.membership.addresses import HostAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Drivers and sources of one node.

    folder: for what the membership keeps, `<root>/swarm`
    logs: of this node's tasks    images: that are here
    single_store: the store of a cluster with one manager, in this file; not opened yet
    quorum: this manager's part of the store that several share, nothing of it runs yet
    addresses: of this machine, now    subnets: of its engines, and of its cluster
    new_key: of this node as it joins, or has a new certificate
    new_id: 25 characters [0-9a-z]    choose: a number below its argument    random_bytes: so many, as os.urandom
    publish: what happens to objects of the cluster
    """

    folder: Path
    executor: Executor
    overlay: Overlay
    logs: TaskLogReader
    images: LocalImages
    single_store: Callable[[Path], ClusterStore]
    quorum: Callable[[QuorumSettings], Quorum]
    addresses: Callable[[], Sequence[HostAddress]]
    subnets: Subnets
    now_ns: Callable[[], int]
    new_key: NewNodeKey
    new_id: Callable[[], str]
    choose: Callable[[int], int]
    random_bytes: Callable[[int], bytes]
    publish: Publish
