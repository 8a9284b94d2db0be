"""The cluster's part of the engine, put together.

Nothing of it is loaded on a node outside a cluster: manager, agent, stores and certificates are a fifth of the engine's
code, and most machines are in no cluster.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from shoal.contracts.cluster.attachments import Attachments
from shoal.contracts.cluster.control import (
    ClusterNetworks,
    Clusters,
    Control,
    Files,
    Nodes,
    Services,
    SwarmInit,
    SwarmJoin,
    SwarmRestore,
    SwarmState,
)
from shoal.contracts.cluster.executor import Executor
from shoal.contracts.cluster.logs import TaskLogReader
from shoal.contracts.cluster.overlay import Overlay
from shoal.contracts.cluster.peers import LocalImages
from shoal.contracts.cluster.quorum import Quorum, QuorumSettings
from shoal.contracts.registry import FetchedManifest
from shoal.drivers.network.addresses import INNER_KINDS, read_addresses
from shoal.drivers.network.subnets import HostSubnets
from shoal.errors import NotFound, Unavailable
from shoal.model.cluster.assignment import Attached
from shoal.model.registry import RegistryAuth
from shoal.oci.manifest import Descriptor
from shoal.oci.reference import Reference
from shoal.swarm.membership import messages

if TYPE_CHECKING:
    from shoal.swarm.manager.events import Publish
    from shoal.swarm.membership.addresses import HostAddress
    from shoal.swarm.membership.membership import Membership

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 25
#: -P: nothing of the folder that it starts in is loaded
KEY_PROGRAM = (sys.executable, "-P", "-m", "shoal.swarm.pki.keys")
#: either is there on a node that is in a cluster, or on its way into one
_TRACES = ("state.json", "join.json")


class LaterMembership:
    """This node's part in a cluster, loaded when there is one. Implements contracts.cluster.control.Membership.

    folder: of what a member keeps    load: makes the membership; slow: in a thread once others are served
    """

    def __init__(self, folder: Path, load: Callable[[], "Membership"]) -> None:
        self._folder = folder
        self._load = load
        self._loaded: Membership | None = None
        self._control: Control | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Go on where the last engine stopped."""
        if any((self._folder / name).exists() for name in _TRACES):
            # In this thread: nobody is served yet, and no other one goes ahead of busy containers (see priority.py).
            await self._begin(self._load())

    async def close(self) -> None:
        """Let go; containers run on."""
        if self._loaded is not None:
            await self._loaded.close()

    async def _now(self) -> "Membership":
        async with self._turn:
            return self._loaded or await self._begin(await asyncio.to_thread(self._load))

    async def _begin(self, loaded: "Membership") -> "Membership":
        await loaded.open()
        self._control = loaded.control()
        self._loaded = loaded
        return loaded

    def state(self) -> SwarmState:
        """See the contract."""
        return self._loaded.state() if self._loaded is not None else SwarmState()

    async def init(self, request: SwarmInit) -> str:
        """See the contract."""
        return await (await self._now()).init(request)

    async def join(self, request: SwarmJoin) -> None:
        """See the contract."""
        await (await self._now()).join(request)

    async def restore(self, request: SwarmRestore) -> str:
        """See the contract."""
        return await (await self._now()).restore(request)

    async def leave(self, *, force: bool) -> None:
        """See the contract."""
        await self._member().leave(force=force)

    async def unlock(self, key: str) -> None:
        """See the contract."""
        await self._member().unlock(key)

    async def backup(self, passphrase: str = "") -> bytes:
        """See the contract."""
        if self._loaded is None:
            raise Unavailable(messages.NOT_MANAGER)
        return await self._loaded.backup(passphrase)

    def _member(self) -> "Membership":
        if self._loaded is None:
            raise messages.no_swarm()
        return self._loaded

    async def manifest(self, reference: Reference, auth: RegistryAuth | None = None) -> FetchedManifest:
        """Of an image that another node has. Implements contracts.registry.Source"""
        return await self._peers(reference).manifest(reference, auth)

    def blob(
        self, reference: Reference, descriptor: Descriptor, offset: int, auth: RegistryAuth | None = None
    ) -> AsyncIterator[bytes]:
        """See contracts.registry."""
        return self._peers(reference).blob(reference, descriptor, offset, auth)

    def _peers(self, reference: Reference) -> "Membership":
        if self._loaded is None:
            raise NotFound(f"this node is in no cluster that could have {reference.familiar}")
        return self._loaded

    async def attach(self, wish: Attached) -> Attached:
        """See contracts.cluster.attachments."""
        return await (await self._attachments()).attach(wish)

    async def find_network(self, reference: str) -> str:
        """See contracts.cluster.attachments."""
        return await (await self._attachments()).find_network(reference)

    def changed(self) -> None:
        """See contracts.cluster.attachments. Who is no member any more has nobody to tell."""
        if self._loaded is not None:
            with suppress(Unavailable):
                self._loaded.attachments().changed()

    async def told(self) -> None:
        """See contracts.cluster.attachments."""
        if self._loaded is not None:
            with suppress(Unavailable):
                await self._loaded.attachments().told()

    async def _attachments(self) -> Attachments:
        """Also of an engine that starts its containers before it goes on as a member."""
        if self._loaded is None and not any((self._folder / name).exists() for name in _TRACES):
            raise Unavailable(messages.NOT_MANAGER)
        return (await self._now()).attachments()

    def control(self) -> Control:
        """The control API; its parts raise Unavailable while this node is no manager."""

        def part(find: Callable[[Control], object]) -> object:
            return _Part(lambda: find(self._controlled()))

        return Control(
            membership=self,
            clusters=cast(Clusters, part(lambda control: control.clusters)),
            services=cast(Services, part(lambda control: control.services)),
            nodes=cast(Nodes, part(lambda control: control.nodes)),
            secrets=cast(Files, part(lambda control: control.secrets)),
            configs=cast(Files, part(lambda control: control.configs)),
            networks=cast(ClusterNetworks, part(lambda control: control.networks)),
        )

    def _controlled(self) -> Control:
        if self._control is None:
            raise Unavailable(messages.NOT_MANAGER)
        return self._control


class _Part:
    """A part of the control API, looked up at every use."""

    def __init__(self, find: Callable[[], object]) -> None:
        self._find = find

    def __getattr__(self, name: str) -> object:
        return getattr(self._find(), name)


def make_membership(
    root: Path,
    run: Path,
    executor: Executor,
    overlay: Overlay,
    *,
    logs: TaskLogReader,
    images: LocalImages,
    publish: "Publish",
) -> LaterMembership:
    """This node's part in a cluster, nothing opened yet. root, run: of the engine"""
    folder, secrets_in_memory = root / "swarm", run / "swarm"

    def load() -> "Membership":
        from shoal.drivers.cluster.etcd_quorum import EtcdQuorum
        from shoal.drivers.cluster.node_keys import KeyProgram
        from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
        from shoal.swarm.membership.membership import Membership
        from shoal.swarm.membership.near import Near

        def quorum(settings: QuorumSettings) -> Quorum:
            return EtcdQuorum(folder / "etcd", secrets_in_memory, settings)

        near = Near(
            folder=folder,
            executor=executor,
            overlay=overlay,
            logs=logs,
            images=images,
            single_store=SqliteClusterStore,
            quorum=quorum,
            addresses=host_addresses,
            subnets=HostSubnets(folder),
            now_ns=time.time_ns,
            new_key=KeyProgram(KEY_PROGRAM),
            new_id=new_cluster_id,
            choose=secrets.randbelow,
            random_bytes=os.urandom,
            publish=publish,
        )
        return Membership(near)

    return LaterMembership(folder, load)


def host_addresses() -> "Sequence[HostAddress]":
    """The addresses of this machine; those of bridges and tunnels count only where there are no others."""
    from shoal.swarm.membership.addresses import HostAddress

    found = read_addresses()
    return [HostAddress(interface, address, kind in INNER_KINDS) for interface, address, kind in found]


def new_cluster_id() -> str:
    """25 characters [0-9a-z], as ids of clusters, nodes, services and tasks are."""
    return "".join(secrets.choice(_DIGITS) for _ in range(_ID_LENGTH))
