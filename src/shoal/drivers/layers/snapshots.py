"""`contracts.snapshots.Snapshots` on overlayfs.

root/layers/<hex of chain id>/diff, parent       a layer
root/layers/new-…                                one that is being unpacked
root/links/<short>                               short names of layers, for mounts of many
root/snapshots/<key>/diff, work, merged, parent, mount-id   an active snapshot
root/trash/…                                     on its way out

Programs that read Docker's own directories (cAdvisor) find those of active snapshots: see `docker_view`.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from isal import isal_zlib

from shoal.contracts.blobs import IncomingBlob
from shoal.contracts.snapshots import LayerBlob, UnpackedLayer
from shoal.drivers.blobs import BlobStore
from shoal.drivers.files.tree import remove_tree
from shoal.drivers.layers import docker_view, overlay, upper
from shoal.drivers.layers.folders import lstat_below
from shoal.drivers.layers.streams import (
    CHUNK_BYTES,
    CountedFile,
    Pieces,
    Stopped,
    decompressed,
    detect_compression,
    gathered,
    hashed,
    read_ahead,
)
from shoal.drivers.layers.tar import TarReader
from shoal.drivers.layers.unpack import Unpacker
from shoal.drivers.layers.work import Workers, throttled
from shoal.drivers.mount import unmount
from shoal.drivers.threads import in_thread, to_the_end
from shoal.drivers.unsynced import Unsynced
from shoal.errors import DriverError, InvalidArgument, NotFound
from shoal.model.change import Change
from shoal.oci.digest import chain_id, encoded

log = logging.getLogger("shoal.images")

_MARK = "layer"
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")
_GZIP_LEVEL = 1
#: Blobs that may be unpacked while they come in. They have threads of their own: a slow client must hold nobody up.
FOLLOWERS = 8


class OverlaySnapshots:
    """Layers and active snapshots below one directory."""

    def __init__(self, root: Path, blobs: BlobStore, unsynced: Unsynced) -> None:
        self._root = root
        self._blobs = blobs
        self._unsynced = unsynced
        self._layers = root / "layers"
        self._links = root / "links"
        self._snapshots = root / "snapshots"
        self._trash = root / "trash"
        self._empty = root / "empty"
        self._workers = Workers()
        self._followers = Workers(FOLLOWERS)
        self._placing = asyncio.Lock()  #: a layer that goes and one that comes never meet
        self._parent_of: dict[str, str] = {}  #: {chain id: chain id below, "" for a base}
        self._active: dict[str, str] = {}  #: {key: chain id below}

    def open(self) -> None:
        """Make the folders; remove what half-done work left."""
        for folder in (self._layers, self._links, self._snapshots, self._trash, self._empty):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self._layers, self._snapshots):
            for half_done in folder.glob("new-*"):
                self._throw_away(half_done)
        docker_view.open_view(self._root, self._snapshots)
        self._drop_suspects()
        self._empty_trash()
        self._parent_of = {f"sha256:{p.name}": _read_parent(p) for p in self._layers.iterdir()}
        self._active = {p.name: _read_parent(p) for p in self._snapshots.iterdir()}

    def _drop_suspects(self) -> None:
        """After a loss of power: layers whose files may be empty go, and are made again from their blobs."""
        for name in self._unsynced.suspects(_MARK):
            if (self._layers / name).exists():
                log.warning("layer sha256:%s may not have been on the disk when the machine went down", name)
                remove_tree(self._hide_layer(f"sha256:{name}"))
            self._unsynced.forget(_MARK, name)

    def close(self) -> None:
        """Wait for work under way."""
        self._workers.close()
        self._followers.close()

    # snapshots

    async def prepare(self, key: str, parent: str) -> None:
        """Make the active snapshot `key` on the layer `parent`."""
        if not _KEY.fullmatch(key):
            raise InvalidArgument(f'invalid snapshot key "{key}"')
        if parent and parent not in self._parent_of:
            raise NotFound(f"No such layer: {parent}")
        if key in self._active:
            return
        self._active[key] = parent  # from now on the garbage collection knows
        try:
            await in_thread(self._prepare, key, parent)
        except BaseException:
            await self.remove(key)  # it may be there: only the caller was cancelled
            raise

    def _prepare(self, key: str, parent: str) -> None:
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self._snapshots))
        try:
            self._fill(new, parent)
            docker_view.show(new, key)
            os.rename(new, self._snapshots / key)
        except BaseException:
            remove_tree(new)
            raise

    def _fill(self, new: Path, parent: str) -> None:
        for name in ("diff", "work", "merged"):
            (new / name).mkdir()
        # The upper's root is the root that the container sees: it takes over what the layers say of theirs.
        like = os.stat(self._diff(parent)) if parent else None
        os.chmod(new / "diff", like.st_mode & 0o7777 if like else 0o755)
        if like and (like.st_uid or like.st_gid):
            os.chown(new / "diff", like.st_uid, like.st_gid)
        (new / "parent").write_text(parent)

    def _snapshot(self, key: str) -> Path:
        if key not in self._active:
            raise NotFound(f"No such snapshot: {key}")
        return self._snapshots / key

    async def mount(self, key: str, *, readonly: bool = False) -> Path:
        """The directory where the snapshot's files are."""
        folder = self._snapshot(key)
        return await in_thread(self._mount, folder, self._active[key], readonly)

    def _mount(self, folder: Path, parent: str, readonly: bool) -> Path:
        merged = folder / "merged"
        if os.stat(merged).st_dev == os.stat(folder).st_dev:
            lowers = self._lowers(parent) or [self._empty]
            overlay.mount_overlay(
                merged, lowers, folder / "diff", folder / "work", links=self._links, readonly=readonly
            )
        return merged

    async def unmount(self, key: str) -> None:
        """Take the mount away; no error where there is none."""
        await in_thread(unmount, str(self._snapshots / key / "merged"))

    async def remove(self, key: str) -> None:
        """Unmount and delete; no error where it is gone."""
        if self._active.pop(key, None) is not None:
            await to_the_end(self._remove(key))

    async def _remove(self, key: str) -> None:
        await self.unmount(key)
        await in_thread(self._throw_away, self._snapshots / key)

    def upper(self, key: str) -> Path:
        """The directory that takes the changes."""
        return self._snapshot(key) / "diff"

    def keys(self) -> Sequence[str]:
        """The active snapshots."""
        return list(self._active)

    def parents(self) -> Collection[str]:
        """Chain ids that active snapshots stand on."""
        return {parent for parent in self._active.values() if parent}

    async def changes(self, key: str) -> Sequence[Change]:
        """What differs from the parent, in order of path."""
        lowers = [str(lower) for lower in self._lowers(self._active.get(key, ""))]
        return await in_thread(upper.list_changes, str(self.upper(key)), lowers)

    async def usage(self, key: str) -> int:
        """Bytes that the changes take."""
        return await in_thread(upper.usage_bytes, str(self.upper(key)))

    async def diff(self, key: str) -> LayerBlob:
        """The changes as a blob; the snapshot stays as it is."""
        root = str(self.upper(key))
        try:
            blob = await self._workers.run(lambda stop: self._pack(root, stop))
        except DriverError:
            self._snapshot(key)
            raise
        self._snapshot(key)
        return blob

    def _pack(self, root: str, stop: threading.Event) -> LayerBlob:
        tar = upper.LayerTar(root)
        plain = hashlib.sha256()
        gzip = isal_zlib.compressobj(level=_GZIP_LEVEL, wbits=31)
        with self._blobs.sink() as sink:
            for piece in gathered(tar.chunks(), CHUNK_BYTES):
                if stop.is_set():
                    raise Stopped
                plain.update(piece)
                sink.write(gzip.compress(piece))
            sink.write(gzip.flush())
            digest, size = sink.keep()
        return LayerBlob(
            diff_id=f"sha256:{plain.hexdigest()}", digest=digest, size_bytes=size, unpacked_bytes=tar.bytes_of_files
        )

    async def commit(self, key: str) -> tuple[str, LayerBlob]:
        """(chain id, blob) of the layer that the snapshot's upper has become."""
        await self.unmount(key)
        blob = await self.diff(key)
        parent = self._active[key]
        chain = chain_id(parent, blob.diff_id)
        async with self._placing:
            if not self.has_layer(chain):
                await in_thread(self._promote, self.upper(key), chain, parent)
        await self.remove(key)
        return chain, blob

    def _promote(self, source: Path, chain: str, parent: str) -> None:
        """The directory itself becomes the layer: nothing is copied."""
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self._layers))
        os.rename(source, new / "diff")
        self._place(new, chain, parent)

    # layers

    def has_layer(self, chain_id: str) -> bool:
        """Whether the layer is here."""
        return chain_id in self._parent_of

    def layers(self) -> Sequence[str]:
        """Chain ids of the layers that are here."""
        return list(self._parent_of)

    def _diff(self, chain: str) -> Path:
        return self._layers / encoded(chain) / "diff"

    def _lowers(self, chain: str) -> list[Path]:
        """The folders of a stack of layers, top first."""
        found = []
        while chain:
            found.append(self._diff(chain))
            chain = self._parent_of[chain]
        return found

    async def unpack(
        self, blob: Path, *, expected_diff_id: str = "", advance: Callable[[int], None] | None = None
    ) -> UnpackedLayer:
        """The files of a layer's blob."""
        report = throttled(advance)
        return await self._workers.run(lambda stop: self._unpack(blob, expected_diff_id, report, stop), self._discard)

    def _unpack(
        self, blob: Path, expected: str, advance: Callable[[int], None] | None, stop: threading.Event
    ) -> UnpackedLayer:
        with blob.open("rb", buffering=0) as file:
            layer = self._fill_new(
                CountedFile(file, advance, stop), (lambda: expected) if blob.name == encoded(expected) else None
            )
        if expected and layer.diff_id != expected:
            self._discard(layer)
            raise DriverError(f"layer verification failed: expected diff id {expected}, got {layer.diff_id}")
        return layer

    async def unpack_incoming(self, blob: IncomingBlob) -> UnpackedLayer:
        """The files of a layer's blob, made while the blob is still coming in."""
        return await self._followers.run(
            lambda stop: self._fill_new(CountedFile(blob, None, stop), lambda: blob.digest), self._discard
        )

    def _fill_new(self, blob: CountedFile, digest: Callable[[], str] | None) -> UnpackedLayer:
        """digest: of the whole blob, which the store has checked; None = it has not"""
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self._layers))
        diff = new / "diff"
        try:
            diff.mkdir()
            os.chmod(diff, 0o755)
            return _unpack_into(diff, blob, digest)
        except BaseException:
            self._throw_away(new)
            raise

    async def publish(self, unpacked: UnpackedLayer, chain_id: str, parent: str) -> None:
        """Put an unpacked layer in its place on `parent`."""
        if parent and parent not in self._parent_of:
            raise NotFound(f"No such layer: {parent}")
        async with self._placing:
            await in_thread(self._publish, unpacked, chain_id, parent)

    def _publish(self, unpacked: UnpackedLayer, chain: str, parent: str) -> None:
        if unpacked.implied:
            lowers = self._lowers(parent)
            for path in unpacked.implied:
                _take_over(unpacked.directory, path, lowers)
        self._place(unpacked.directory.parent, chain, parent)

    def _place(self, new: Path, chain: str, parent: str) -> None:
        (new / "parent").write_text(parent)
        self._unsynced.add(_MARK, encoded(chain))
        try:
            os.rename(new, self._layers / encoded(chain))
        except OSError:
            if not self._diff(chain).exists():
                raise
            self._throw_away(new)
        self._parent_of[chain] = parent

    async def discard(self, unpacked: UnpackedLayer) -> None:
        """Drop an unpacked layer that is not wanted after all."""
        await in_thread(self._discard, unpacked)

    def _discard(self, unpacked: UnpackedLayer) -> None:
        self._throw_away(unpacked.directory.parent)

    async def remove_layer(self, chain_id: str) -> None:
        """Delete a layer that nothing stands on."""
        async with self._placing:
            if self._parent_of.pop(chain_id, None) is None:
                return
            trash = await in_thread(self._hide_layer, chain_id)
        await in_thread(remove_tree, trash)

    def _hide_layer(self, chain: str) -> Path:
        overlay.drop_links(self._links, self._diff(chain))
        return self._hide(self._layers / encoded(chain))

    # rubbish

    def _hide(self, folder: Path) -> Path:
        """Out of sight by one rename; a crash before it is deleted leaves it in the trash."""
        target = Path(tempfile.mkdtemp(prefix="gone-", dir=self._trash))
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, target / "it")
        return target

    def _throw_away(self, folder: Path) -> None:
        remove_tree(self._hide(folder))

    def _empty_trash(self) -> None:
        for entry in self._trash.iterdir():
            remove_tree(entry)


def _unpack_into(diff: Path, blob: CountedFile, digest: Callable[[], str] | None) -> UnpackedLayer:
    unpacker = Unpacker(str(diff))
    head = blob.read(CHUNK_BYTES)
    plain = decompressed(blob, head)
    if digest is not None and not detect_compression(head):
        implied = unpacker.run(TarReader(Pieces(plain)))
        diff_id = digest()  # of a blob that is not compressed, it is the diff id
    else:
        content = hashlib.sha256()
        with read_ahead(hashed(plain, content)) as chunks:
            implied = unpacker.run(TarReader(Pieces(chunks)))
        diff_id = f"sha256:{content.hexdigest()}"
    return UnpackedLayer(diff_id=diff_id, unpacked_bytes=unpacker.bytes_written, directory=diff, implied=implied)


def _take_over(directory: Path, path: str, lowers: Sequence[Path]) -> None:
    """Owner and mode of a folder that the tar did not list, from the layers below it."""
    for lower in lowers:
        status = lstat_below(str(lower), path)
        if status is not None:
            os.chown(directory / path, status.st_uid, status.st_gid, follow_symlinks=False)
            os.chmod(directory / path, status.st_mode & 0o7777)
            return


def _read_parent(folder: Path) -> str:
    return (folder / "parent").read_text()
