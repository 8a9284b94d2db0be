"""The cluster's part of the engine, put together."""

import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from shoal.contracts.cluster.executor import Executor
from shoal.contracts.cluster.logs import TaskLogReader
from shoal.contracts.cluster.overlay import Overlay
from shoal.contracts.cluster.peers import LocalImages
from shoal.contracts.cluster.quorum import Quorum, QuorumSettings
from shoal.drivers.cluster.etcd_quorum import EtcdQuorum
from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
from shoal.drivers.network.addresses import INNER_KINDS, read_addresses
from shoal.swarm.manager.events import Publish
from shoal.swarm.membership.addresses import HostAddress
from shoal.swarm.membership.membership import Membership
from shoal.swarm.membership.near import Near

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 25


def make_membership(
    root: Path,
    run: Path,
    executor: Executor,
    overlay: Overlay,
    *,
    logs: TaskLogReader,
    images: LocalImages,
    publish: Publish,
) -> Membership:
    """This node's part in a cluster, nothing opened yet. root, run: of the engine"""
    folder, secrets_in_memory = root / "swarm", run / "swarm"

    def quorum(settings: QuorumSettings) -> Quorum:
        return EtcdQuorum(folder / "etcd", secrets_in_memory, settings)

    return Membership(
        Near(
            folder=folder,
            executor=executor,
            overlay=overlay,
            logs=logs,
            images=images,
            single_store=SqliteClusterStore,
            quorum=quorum,
            addresses=host_addresses,
            now_ns=time.time_ns,
            new_id=new_cluster_id,
            choose=secrets.randbelow,
            random_bytes=os.urandom,
            publish=publish,
        )
    )


def host_addresses() -> Sequence[HostAddress]:
    """The addresses of this machine; those of bridges and tunnels count only where there are no others."""
    found = read_addresses()
    return [HostAddress(interface, address, kind in INNER_KINDS) for interface, address, kind in found]


def new_cluster_id() -> str:
    """25 characters [0-9a-z], as ids of clusters, nodes, services and tasks are."""
    return "".join(secrets.choice(_DIGITS) for _ in range(_ID_LENGTH))
