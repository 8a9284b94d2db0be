"""Containers outside services on the cluster's networks: tasks without a service, which their node says there are.

The tick gives them addresses, as it does for all other tasks, so that no two have the same one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from shoal.cluster.allocate.allocate import IN_USE
from shoal.cluster.book import NO_TASKS
from shoal.cluster.reconcile.attachments import ATTACHED
from shoal.errors import Forbidden, Unavailable, VersionConflict
from shoal.lifecycle.overlay.attaching import not_attachable
from shoal.model.cluster.assignment import Attached
from shoal.model.cluster.task import Attachment, Task, TaskSpec, TaskStatus
from shoal.model.container import ContainerSpec
from shoal.swarm.manager import records
from shoal.swarm.manager.control.find import resolve
from shoal.swarm.manager.ledger import Ledger

DECIDED_S = 5.0
_TRIES = 20


class AttachedContainers:
    """Writes them down as their nodes say, fenced by the epoch of the leader who does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def find_network(self, reference: str) -> str:
        """See `contracts.cluster.attachments`."""
        return resolve("network", reference, self._ledger.view.networks, lambda network: network.spec.name).id

    async def attach(self, node_id: str, wish: Attached, epoch: int) -> Attached:
        """See `contracts.cluster.attachments`."""
        network = self._ledger.view.networks.get(self.find_network(wish.network_id))
        if network is None or not network.spec.attachable:
            raise not_attachable(wish.network_id if network is None else network.spec.name)
        known = self._known(node_id).get(wish.key)
        if known is None or not _is_as(known, wish):
            gone = [records.key_of(known)] if known is not None else []
            known = self._new(node_id, wish)
            compares = self._ledger.seen(*gone, f"networks/{network.id}", f"nodes/{node_id}")
            try:
                await self._ledger.write([known], deletes=gone, compares=compares, epoch=epoch)
            except VersionConflict as error:
                raise Unavailable(f"network {network.spec.name} or the node changes at this moment") from error
        return await self._decided(known, wish, epoch)

    async def _decided(self, task: Task, wish: Attached, epoch: int) -> Attached:
        try:
            task = await self._with_addresses(task)
        except BaseException:
            with suppress(Unavailable):  # its node tells what it has, and this is not among it
                await asyncio.shield(self._ledger.write(deletes=[records.key_of(task)], epoch=epoch))
            raise
        address = task.addresses[0]
        return replace(wish, network_id=address.network_id, ipv4=address.ipv4, ipv6=address.ipv6)

    async def _with_addresses(self, task: Task) -> Task:
        changed = asyncio.Event()
        unlisten = self._ledger.mirror.listen(lambda *_: changed.set())
        try:
            async with asyncio.timeout(DECIDED_S):
                while not (now := self._ledger.view.tasks.get(task.id, task)).addresses:
                    if now.status.error:
                        raise Forbidden(IN_USE) if now.status.error == IN_USE else Unavailable(now.status.error)
                    changed.clear()
                    await changed.wait()
                return now
        except TimeoutError:
            raise Unavailable("the managers give no address in time") from None
        finally:
            unlisten()

    async def settle(self, node_id: str, attached: Sequence[Attached], epoch: int) -> None:
        """The node has these and no others. Raises: Fenced, Unavailable"""
        networks = self._ledger.view.networks  # those of a cluster that the node was in before mean nothing here
        wanted = {one.key: one for one in attached if one.network_id in networks}
        for _ in range(_TRIES):
            known = self._known(node_id)
            puts = [named for key, task in known.items() if (named := _renamed(task, wanted.get(key))) is not None]
            gone = [records.key_of(task) for key, task in known.items() if not _is_as(task, wanted.get(key))]
            left = {key for key, task in known.items() if records.key_of(task) not in gone}
            puts += [self._new(node_id, one) for key, one in wanted.items() if one.ipv4 + one.ipv6 and key not in left]
            if not puts and not gone:
                return
            compares = self._ledger.seen(*gone, *map(records.key_of, puts), f"nodes/{node_id}")
            try:
                await self._ledger.write(puts, deletes=gone, compares=compares, epoch=epoch)
                return
            except VersionConflict:
                await self._ledger.mirror.catch_up()
        raise Unavailable("what is attached on this node changes all the time")

    def _known(self, node_id: str) -> Mapping[tuple[str, str], Task]:
        tasks = self._ledger.view.tasks_of.get(ATTACHED, NO_TASKS).values()
        own = (task for task in tasks if task.node_id == node_id and task.is_attachment)
        return {(task.status.container_id, task.spec.networks[0].target): task for task in own}

    def _new(self, node_id: str, wish: Attached) -> Task:
        now = self._ledger.now_ns()
        wanted = Attachment(target=wish.network_id, aliases=wish.names, ipv4=wish.ipv4, ipv6=wish.ipv6)
        return Task(
            id=self._ledger.new_id(),
            service_id=ATTACHED,
            service_name=wish.name,
            spec=TaskSpec(container=ContainerSpec(image=""), networks=(wanted,)),
            spec_version=0,
            node_id=node_id,
            status=TaskStatus(at=now, container_id=wish.container_id),
            created_at=now,
            updated_at=now,
            cause="attached",
        )


def _is_as(task: Task, wanted: Attached | None) -> bool:
    """Whether a task stands for this container, with the addresses that it wants."""
    if wanted is None:
        return False
    has = task.addresses[0] if task.addresses else task.spec.networks[0]
    return wanted.ipv4 in ("", has.ipv4) and wanted.ipv6 in ("", has.ipv6)


def _renamed(task: Task, wanted: Attached | None) -> Task | None:
    """The task under other names, None where they are the same."""
    if wanted is None or not _is_as(task, wanted) or not task.addresses or task.addresses[0].aliases == wanted.names:
        return None
    return replace(task, service_name=wanted.name, addresses=(replace(task.addresses[0], aliases=wanted.names),))
