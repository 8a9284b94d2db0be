"""From one store into another: when a second manager comes, when one is left, for a backup and back.

Keys, values and epochs go over; revisions do not, the other store counts its own. Whoever knew revisions of the first
one ranges again. Nobody writes to a store that is copied: its managers are closed before.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shoal.contracts.cluster.store import MAX_BYTES, MAX_CHANGES, ClusterStore, Commit
from shoal.errors import Conflict, DriverError, InvalidArgument

_FORMAT = "shoal cluster snapshot"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a store has at one revision. epoch: the newest that there was"""

    values: Mapping[str, bytes]
    epoch: int
    revision: int


class _Head(msgspec.Struct, frozen=True):
    """The first line of a file. sha256: of the rest"""

    format: str
    version: int
    revision: int
    epoch: int
    count: int
    sha256: str


class _Line(msgspec.Struct, frozen=True):
    key: str
    data: bytes


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


async def snapshot(store: ClusterStore, path: Path, *, stale: bool = False) -> Content:
    """What is in the file now, whole or not at all; secrets are sealed in it as they are in the store.

    Raises: Unavailable, DriverError for a file that can't be written
    """
    content = await read(store, stale=stale)
    save(content, path)
    return content


async def restore(path: Path, store: ClusterStore) -> Content:
    """The empty store has what the file has. Raises: as `load` and `fill`"""
    content = load(path)
    await fill(store, content)
    return content


def save(content: Content, path: Path) -> None:
    """The file, readable for its owner only. Raises: DriverError"""
    lines = b"".join(msgspec.json.encode(_Line(key, data)) + b"\n" for key, data in content.values.items())
    head = _Head(
        format=_FORMAT,
        version=_VERSION,
        revision=content.revision,
        epoch=content.epoch,
        count=len(content.values),
        sha256=hashlib.sha256(lines).hexdigest(),
    )
    new = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(head) + b"\n" + lines)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise DriverError(f'cannot write the snapshot "{path}": {error}') from error


def load(path: Path) -> Content:
    """What a file has. Raises: InvalidArgument for one that is none, is cut off or was changed; DriverError"""
    try:
        first, _, rest = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise DriverError(f'cannot read the snapshot "{path}": {error}') from error
    try:
        head = msgspec.json.decode(first, type=_Head)
        if head.format != _FORMAT or head.version > _VERSION:
            raise InvalidArgument(f'"{path}" is a snapshot of version {head.version}, wanted {_VERSION} or older')
        if hashlib.sha256(rest).hexdigest() != head.sha256:
            raise InvalidArgument(f'the snapshot "{path}" is damaged: its checksum is another')
        lines = [msgspec.json.decode(line, type=_Line) for line in rest.splitlines()]
    except msgspec.MsgspecError as error:
        raise InvalidArgument(f'"{path}" is no snapshot of a cluster: {error}') from error
    return Content(values={line.key: line.data for line in lines}, epoch=head.epoch, revision=head.revision)


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
