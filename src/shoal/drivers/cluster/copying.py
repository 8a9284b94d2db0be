"""From one store into another: when a second manager comes, when one is left.

Keys, values and epochs go over; revisions do not, the other store counts its own. Whoever knew revisions of the first
one ranges again. Nobody writes to a store that is copied: its managers are closed before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shoal.contracts.cluster.store import MAX_BYTES, MAX_CHANGES, ClusterStore, Commit
from shoal.errors import Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a store has at one revision. epoch: the newest that there was"""

    values: Mapping[str, bytes]
    epoch: int
    revision: int


async def read(store: ClusterStore, *, stale: bool = False) -> Content:
    """All of it. stale: as this manager knows it, without a quorum. Raises: Unavailable"""
    found = await store.range("", stale=stale)
    epoch = await store.newest_epoch(stale=stale)
    values = {key: value.data for key, value in found.values.items()}
    return Content(values=values, epoch=epoch, revision=found.revision)


async def fill(store: ClusterStore, content: Content) -> None:
    """The empty store has it, and leaders from now on are newer than all before.

    Raises: Conflict when there is something in it already, Unavailable; it may be filled in part then
    """
    if (await store.range("")).values:
        raise Conflict("the store is not empty")
    await store.epochs_after(content.epoch)
    for part in _parts(content.values):
        await store.commit(Commit(puts=part, compares=dict.fromkeys(part, 0)))


async def copy(source: ClusterStore, target: ClusterStore) -> None:
    """The empty target has what the source has; the source's leader leads no more. Raises: as `read` and `fill`"""
    await fill(target, await read(source))


def _parts(values: Mapping[str, bytes]) -> Sequence[Mapping[str, bytes]]:
    """What one commit takes each."""
    parts: list[dict[str, bytes]] = [{}]
    size = 0
    for key, data in values.items():
        size += len(key) + len(data)
        if parts[-1] and (len(parts[-1]) >= MAX_CHANGES // 2 or size > MAX_BYTES // 2):
            parts.append({})
            size = len(key) + len(data)
        parts[-1][key] = data
    return parts
