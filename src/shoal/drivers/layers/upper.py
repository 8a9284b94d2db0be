"""The upper directory of an overlay mount: what it changes, how big it is, and the layer tar that it makes."""

import os
import stat
from collections.abc import Callable, Iterator

from shoal.drivers.files.walk import Found, walk_tree
from shoal.drivers.layers.folders import lstat_below
from shoal.drivers.layers.members import Members
from shoal.drivers.layers.tar import TarEntry
from shoal.drivers.layers.tar_writer import END, encode_header
from shoal.drivers.layers.unpack import OPAQUE_XATTR
from shoal.model.change import Change, ChangeKind
from shoal.oci.whiteout import opaque_name, whiteout_name


def _is_whiteout(status: os.stat_result) -> bool:
    """Whether it hides what the layers below have."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(folder: int | str) -> bool:
    """Whether the folder (a descriptor to read, or a path) hides all that the layers below have in it."""
    try:
        return os.getxattr(folder, OPAQUE_XATTR) == b"y"
    except OSError:
        return False


def _hides_all(folder: Found) -> bool:
    try:
        fd = folder.open(os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        return is_opaque(fd)
    finally:
        os.close(fd)


def usage_bytes(root: str) -> int:
    """Bytes of the regular files, a file with several names once."""
    seen: set[int] = set()
    total = 0
    for found in walk_tree(root):
        if stat.S_ISREG(found.status.st_mode):
            if found.status.st_nlink > 1:
                if found.status.st_ino in seen:
                    continue
                seen.add(found.status.st_ino)
            total += found.status.st_size
    return total


def list_changes(root: str, lowers: list[str]) -> list[Change]:
    """What `root` changes of `lowers` (top first), by path; a folder that holds changes counts as modified."""
    changes: list[Change] = []
    fresh: list[str] = []  # folders where nothing of the layers below shows: new ones, opaque ones
    for found in walk_tree(root):
        if found.is_too_deep:  # nothing could be done with its path
            continue
        path = found.path
        is_in_fresh = any(path.startswith(folder) for folder in fresh[-1:])
        below = None if is_in_fresh else _below(path, lowers)
        kind = ChangeKind.ADDED if below is None else ChangeKind.MODIFIED
        if _is_whiteout(found.status):
            kind = ChangeKind.DELETED
        if found.is_folder and not is_in_fresh and (below is None or _hides_all(found)):
            fresh.append(path + "/")
        changes.append(Change("/" + path, kind))
    return sorted(changes)


def _below(path: str, lowers: list[str]) -> os.stat_result | None:
    for lower in lowers:
        status = lstat_below(lower, path)
        if status is not None:
            return None if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0 else status
        if _is_hidden_by(lower, path):
            return None
    return None


def _is_hidden_by(lower: str, path: str) -> bool:
    """Whether `lower` hides what the layers below it have at `path`: a file or an opaque folder is above it."""
    folder = path.rpartition("/")[0]
    while folder:
        status = lstat_below(lower, folder)
        if status is not None and (not stat.S_ISDIR(status.st_mode) or is_opaque(os.path.join(lower, folder))):
            return True
        folder = folder.rpartition("/")[0]
    return False


class LayerTar:
    """The tar of an upper directory."""

    def __init__(self, root: str, keep: Callable[[str], bool] = lambda path: True) -> None:
        """keep: says of a path whether it belongs into the tar"""
        self._root = root
        self._keep = keep
        self._members = Members()

    @property
    def bytes_of_files(self) -> int:
        """After the last chunk: what they take."""
        return self._members.bytes_of_files

    def chunks(self) -> Iterator[bytes]:
        """The whole archive. Raises: OSError, InvalidArgument. Source: OCI image specification, layer.md"""
        for found in walk_tree(self._root):
            if not self._keep(path := found.path):
                continue
            if _is_whiteout(found.status):
                yield encode_header(TarEntry(name=whiteout_name(path), mode=0))
                continue
            yield from self._members.member(found, path)
            if found.is_folder and _hides_all(found):
                yield encode_header(TarEntry(name=opaque_name(path), mode=0))
        yield END
