"""Snapshots: file systems made of layers.

A **layer** is one unpacked directory, named by the chain id of itself and all below it; it never changes and is shared
by everyone who stands on it. An **active snapshot** has a caller's key, a parent (a chain id, "" for nothing) and an
upper directory that takes the changes.

Lifecycle of a layer: `unpack` (a tar becomes a directory beside the others, not yet visible) → `publish` (it takes its
place over a parent, by one rename) → `remove_layer`. Unpacking what is published already costs nothing: ask
`has_layer` first. Lifecycle of a snapshot: `prepare` → `mount`/`unmount` any number of times → `commit` (its upper
becomes a layer; the snapshot is gone) or `remove`. Every call may be repeated; a crash between any two leaves nothing
that `repair` can't tell.

Snapshots outlive the engine's process, mounts may not: `mount` again after a start.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shoal.contracts.blobs import IncomingBlob
from shoal.model.change import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedLayer:
    """A layer that has no place yet.

    directory: where its files are
    implied: directories that the tar did not list; they take the owner and mode of the ones below them
    """

    diff_id: str
    unpacked_bytes: int
    directory: Path
    implied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerBlob:
    """The tar that a snapshot's changes make, as a blob; and what it holds."""

    diff_id: str
    digest: str
    size_bytes: int
    unpacked_bytes: int


class Snapshots(Protocol):
    """Layers and active snapshots of one node."""

    async def prepare(self, key: str, parent: str) -> None:
        """Make the active snapshot `key` on the layer `parent` (chain id, "" = empty).

        Raises: NotFound when the layer is not here
        """
        ...

    async def mount(self, key: str, *, readonly: bool = False) -> Path:
        """The directory where the snapshot's files are, mounted in this mount namespace. Idempotent."""
        ...

    async def unmount(self, key: str) -> None:
        """Take the mount away; no error where there is none."""
        ...

    async def remove(self, key: str) -> None:
        """Unmount and delete; no error where it is gone."""
        ...

    def upper(self, key: str) -> Path:
        """The directory that takes the changes."""
        ...

    def keys(self) -> Sequence[str]:
        """The active snapshots."""
        ...

    async def changes(self, key: str) -> Sequence[Change]:
        """What differs from the parent, in order of path. Source: Docker Engine API, ContainerChanges."""
        ...

    async def usage(self, key: str) -> int:
        """Bytes that the changes take."""
        ...

    async def diff(self, key: str) -> LayerBlob:
        """The changes as a blob (gzip). The snapshot stays as it is; for commits of a container.

        Raises: NotFound when it is removed meanwhile: half of what it had is no layer
        """
        ...

    async def commit(self, key: str) -> tuple[str, LayerBlob]:
        """(chain id, blob) of the layer that the snapshot's upper has become; the snapshot is gone."""
        ...

    def has_layer(self, chain_id: str) -> bool:
        """Whether the layer is here."""
        ...

    async def unpack(
        self, blob: Path, *, expected_diff_id: str = "", advance: Callable[[int], None] | None = None
    ) -> UnpackedLayer:
        """The files of a layer's blob (tar; plain, gzip or zstd).

        advance: called with the number of bytes read of the blob so far, from the event loop
        Raises: InvalidArgument for a tar that is cut off, wants to leave its folder, or expands beyond reason;
            DriverError when the diff id is not the expected one, or the disk is full. Nothing is left behind then
        """
        ...

    async def unpack_incoming(self, blob: IncomingBlob) -> UnpackedLayer:
        """The files of a layer's blob, made while the blob is still coming in.

        Raises: as `unpack`; DriverError when the blob never becomes whole
        """
        ...

    async def publish(self, unpacked: UnpackedLayer, chain_id: str, parent: str) -> None:
        """Put an unpacked layer in its place on `parent`. When another was quicker, this one is dropped."""
        ...

    async def discard(self, unpacked: UnpackedLayer) -> None:
        """Drop an unpacked layer that is not wanted after all."""
        ...

    async def remove_layer(self, chain_id: str) -> None:
        """Delete a layer that nothing stands on; no error where it is gone."""
        ...

    def layers(self) -> Sequence[str]:
        """Chain ids of the layers that are here."""
        ...

    def parents(self) -> Collection[str]:
        """Chain ids that active snapshots stand on."""
        ...

    def open(self) -> None:
        """Make the folders; remove what half-done work left."""
        ...

    def close(self) -> None:
        """Wait for work under way."""
        ...
