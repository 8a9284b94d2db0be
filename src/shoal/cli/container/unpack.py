"""Unpacking an archive from a container on this machine. It is not trusted: nothing is written outside the place.

Python's own extraction filters are not in every Python 3.11, and this needs a name changed on the way.
"""

from __future__ import annotations

import os
import shutil
import tarfile

from shoal.cli.errors import PlainError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from shoal.client.http import Response

_PIECE_BYTES = 1 << 20


def unpack(response: Response, place: str, name: str, *, keeps_owner: bool) -> None:
    """Unpack a tar whose members all lie below one name, which becomes `name` ("" = `place` itself).

    Raises: PlainError for an archive that is broken or leaves `place`, or a file that can't be written
    """
    try:
        with tarfile.open(fileobj=_Readable(response), mode="r|") as archive:  # type: ignore[call-overload]
            root: str | None = None
            real = os.path.realpath(place)
            for member in archive:
                first = member.name.split("/", 1)[0]
                root = first if root is None else root
                path = os.path.join(real, _below(member.name, root, name))
                link = os.path.join(real, _below(member.linkname, root, name)) if member.islnk() else member.linkname
                _extract(archive, member, _Target(real, path, link), keeps_owner)
    except tarfile.TarError as error:
        raise PlainError(f"the engine's archive can't be unpacked: {error}") from error
    except OSError as error:
        raise PlainError(f"{error.filename or place}: {(error.strerror or str(error)).lower()}") from error


class _Readable:
    """A response as tarfile reads it: as many bytes as asked for, but at the end."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (data := self._response.read(1 << 16)):
            self._rest += data
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _below(path: str, root: str, name: str) -> str:
    if ".." in path.split("/"):
        raise PlainError(f"the engine's archive leaves its directory: {path}")
    head, _, rest = path.partition("/")
    return "/".join(part for part in (name, rest if head == root else path) if part)


class _Target:
    """Where a member goes: `path`, within `place`; `link` is where it points, if it does."""

    def __init__(self, place: str, path: str, link: str) -> None:
        self.place = place
        self.path = path.rstrip("/")
        self.link = link


def _check_inside(place: str, path: str) -> None:
    """Symbolic links on the way count: the directory that takes the file must be `place` or below it."""
    parent = os.path.realpath(os.path.dirname(path))
    if parent != place and not parent.startswith(place.rstrip("/") + "/"):
        raise PlainError(f"the engine's archive leaves its directory: {path}")


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: _Target, keeps_owner: bool) -> None:
    path = target.path
    if path != target.place:
        _check_inside(target.place, path)
    if member.isdir():
        if os.path.islink(path) or not os.path.isdir(path):
            _clear(path)
            os.mkdir(path)
    else:
        _clear(path)
        _make(archive, member, target)
    if member.issym():
        return
    if keeps_owner:
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.islnk():
        os.chmod(path, member.mode & 0o7777)
    if member.isfile():
        os.utime(path, (member.mtime, member.mtime))


def _clear(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        raise PlainError(f"cannot overwrite directory {path} with non-directory")
    if os.path.lexists(path):
        os.unlink(path)


def _make(archive: tarfile.TarFile, member: tarfile.TarInfo, target: _Target) -> None:
    if member.issym():
        os.symlink(target.link, target.path)
    elif member.islnk():
        _check_inside(target.place, target.link)
        os.link(target.link, target.path, follow_symlinks=False)
    elif member.isfifo():
        os.mkfifo(target.path)
    elif member.isdev():
        kind = 0o020000 if member.ischr() else 0o060000
        os.mknod(target.path, kind | (member.mode & 0o7777), os.makedev(member.devmajor, member.devminor))
    else:
        source: IO[bytes] | None = archive.extractfile(member)
        descriptor = os.open(target.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            if source is not None:
                shutil.copyfileobj(source, file, _PIECE_BYTES)
