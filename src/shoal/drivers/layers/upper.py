"""The upper directory of an overlay mount: what it changes, how big it is, and the layer tar that it makes."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shoal.drivers.layers.folders import lstat_below
from shoal.drivers.layers.tar import BLOCK_DEVICE, CHAR, FILE, FOLDER, KINDS, LINK, SYMLINK, TarEntry
from shoal.drivers.layers.tar_writer import END, encode_header, padding
from shoal.drivers.layers.unpack import OPAQUE_XATTR
from shoal.model.change import Change, ChangeKind
from shoal.oci.whiteout import opaque_name, whiteout_name

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """One thing in an upper directory: path below it ("etc/hosts"), and what lstat(2) says."""

    path: str
    status: os.stat_result

    @property
    def is_whiteout(self) -> bool:
        """Whether it hides what the layers below have."""
        return stat.S_ISCHR(self.status.st_mode) and self.status.st_rdev == 0

    @property
    def is_folder(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)


def walk(root: str, folder: str = "") -> Iterator[Found]:
    """Everything below `root`, folders before what is in them, names in order of their bytes."""
    with os.scandir(os.path.join(root, folder)) as found:
        entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone while a container runs
            continue
        yield Found(path, status)
        if stat.S_ISDIR(status.st_mode):
            try:
                yield from walk(root, path)
            except FileNotFoundError:
                continue


def is_opaque(path: str) -> bool:
    """Whether the folder hides all that the layers below have in it."""
    try:
        return os.getxattr(path, OPAQUE_XATTR, follow_symlinks=False) == b"y"
    except OSError:
        return False


def usage_bytes(root: str) -> int:
    """Bytes of the regular files, a file with several names once."""
    seen: set[int] = set()
    total = 0
    for found in walk(root):
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
    for found in walk(root):
        path = found.path
        is_in_fresh = any(path.startswith(folder) for folder in fresh[-1:])
        below = None if is_in_fresh else _below(path, lowers)
        kind = ChangeKind.ADDED if below is None else ChangeKind.MODIFIED
        if found.is_whiteout:
            kind = ChangeKind.DELETED
        if found.is_folder and not is_in_fresh and (below is None or is_opaque(os.path.join(root, path))):
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
    """The tar of an upper directory. bytes_of_files: after the last chunk, what they take."""

    def __init__(self, root: str, keep: Callable[[str], bool] = lambda path: True) -> None:
        """keep: says of a path whether it belongs into the tar"""
        self._root = root
        self._keep = keep
        self._names: dict[int, str] = {}
        self.bytes_of_files = 0

    def chunks(self) -> Iterator[bytes]:
        """The whole archive. Source: OCI image specification, layer.md"""
        for found in walk(self._root):
            if self._keep(found.path):
                yield from self._member(found)
        yield END

    def _member(self, found: Found) -> Iterator[bytes]:
        if found.is_whiteout:
            yield encode_header(TarEntry(name=whiteout_name(found.path), mode=0))
            return
        if stat.S_ISSOCK(found.status.st_mode):
            return
        full = os.path.join(self._root, found.path)
        try:
            entry = self._entry(found, full)
            if entry.kind == FILE:
                yield from self._file(entry, full)
                return
        except FileNotFoundError:
            return
        yield encode_header(entry)
        if found.is_folder and is_opaque(full):
            yield encode_header(TarEntry(name=opaque_name(found.path), mode=0))

    def _entry(self, found: Found, full: str) -> TarEntry:
        status = found.status
        kind = KINDS[stat.S_IFMT(status.st_mode)]
        entry = TarEntry(
            name=found.path,
            kind=kind,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime_ns=status.st_mtime_ns,
        )
        if kind == SYMLINK:
            entry.link = os.readlink(full)
        elif kind in (CHAR, BLOCK_DEVICE):
            entry.device = (os.major(status.st_rdev), os.minor(status.st_rdev))
        elif kind == FILE and status.st_nlink > 1:
            first = self._names.setdefault(status.st_ino, found.path)
            if first != found.path:
                entry.kind, entry.link = LINK, first
                return entry
        if kind in (FILE, FOLDER):
            entry.xattrs = _xattrs(full)
        entry.size = status.st_size if kind == FILE else 0
        return entry

    def _file(self, entry: TarEntry, full: str) -> Iterator[bytes]:
        fd = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield encode_header(entry)
            left = entry.size
            while left:
                # A file that shrinks meanwhile is filled up: the header has gone out.
                data = os.read(fd, min(left, _CHUNK)) or bytes(min(left, _CHUNK))
                left -= len(data)
                yield data
            if tail := padding(entry.size):
                yield tail
            self.bytes_of_files += entry.size
        finally:
            os.close(fd)


def _xattrs(path: str) -> dict[str, bytes]:
    """Those that belong to an image: capabilities and the users' own."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    wanted = [name for name in names if name == "security.capability" or name.startswith("user.")]
    wanted = [name for name in wanted if not name.startswith("user.overlay.")]
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in wanted}
