"""A tar stream into a directory of a container. Blocking: meant for a thread."""

import os
import stat
from collections.abc import Iterator

from shoal.drivers.layers.streams import CountedFile, Pieces, Readable, decompressed
from shoal.drivers.layers.tar import FOLDER, TarEntry, TarReader
from shoal.drivers.layers.unpack import Unpacker
from shoal.drivers.trees.inside import open_inside
from shoal.errors import InvalidArgument
from shoal.oci.whiteout import clean_path


def untar(root: int, path: str, source: Readable, owner: tuple[int, int] | None, keep_kinds: bool) -> None:
    """Unpack `source` into the directory `path` below `root`. Raises: OSError, InvalidArgument, DriverError"""
    target = open_inside(root, path)
    try:
        if not stat.S_ISDIR(os.fstat(target).st_mode):
            raise InvalidArgument("extraction point is not a directory")
        reader = _Reader(Pieces(decompressed(CountedFile(source, None, None))), target, owner, keep_kinds)
        Unpacker(f"/proc/self/fd/{target}/.", is_layer=False).run(reader)
    finally:
        os.close(target)


class _Reader(TarReader):
    """Members as they are to be written here."""

    def __init__(self, stream: Pieces, target: int, owner: tuple[int, int] | None, keep_kinds: bool) -> None:
        super().__init__(stream)
        self._target = target
        self._owner = owner
        self._keep_kinds = keep_kinds

    def entries(self) -> Iterator[TarEntry]:
        """Raises: InvalidArgument for one that would change a kind"""
        for entry in super().entries():
            if self._keep_kinds:
                self._check(entry)
            if self._owner:
                entry.uid, entry.gid = self._owner
            yield entry

    def _check(self, entry: TarEntry) -> None:
        path = clean_path(entry.name)
        try:
            fd = open_inside(self._target, path, os.O_PATH | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        finally:
            os.close(fd)
        if is_folder and entry.kind != FOLDER:
            raise InvalidArgument(f'cannot overwrite directory "{path}" with non-directory "{entry.name}"')
        if not is_folder and entry.kind == FOLDER:
            raise InvalidArgument(f'cannot overwrite non-directory "{path}" with directory "{entry.name}"')
