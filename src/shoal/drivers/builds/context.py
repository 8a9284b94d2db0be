"""The build context: a tar received into a file, indexed by content, unpacked when first needed."""

import asyncio
import hashlib
import os
import posixpath
import tarfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from shoal.dockerfile.dockerignore import Ignore, has_wildcard, parse_ignore
from shoal.drivers.builds import rooted
from shoal.drivers.builds.archives import members, open_plain, put_member, safe_name
from shoal.drivers.builds.copying import excluded_by, missing_source
from shoal.drivers.files.tree import remove_tree
from shoal.errors import DriverError, InvalidArgument

_BATCH_BYTES = 1 << 20
_SMALL_FILE_BYTES = 16 << 20
_MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of the context.

    kind: "dir", "file", "link" or "special"
    digest: of a file's content, target of a link
    """

    kind: str
    mode: int
    digest: str


class TarContext:
    """`contracts.build.BuildContext` on a tar file."""

    def __init__(self, folder: Path) -> None:
        """`folder` is this context's own; made by `receive_context`."""
        self._folder = folder
        self._tar = folder / "context.tar"
        self._entries: dict[str, Entry] = {}
        self._small: dict[str, bytes] = {}
        self._ignore = Ignore(())
        self._unpacked: asyncio.Task[Path] | None = None

    def read(self, path: str) -> bytes | None:
        """A small file; see the contract."""
        return self._small.get(safe_name(path))

    def digest(self, sources: Sequence[str], exclude: Sequence[str]) -> str:
        """What the sources match, by content; see the contract."""
        ignore = excluded_by(tuple(exclude))
        digest = hashlib.sha256()
        count = 0
        for source in sources:
            matched = list(self._match(source))
            count += len(matched)
            if not matched and not has_wildcard(source):
                raise missing_source("COPY", source)
            for path in matched:
                self._add(digest, path, ignore)
        if sources and not count:
            raise InvalidArgument("COPY failed: no source files were specified")
        return digest.hexdigest()

    def _match(self, source: str) -> Iterator[str]:
        """Paths of the index that a source names, sorted."""
        clean = posixpath.normpath("/" + source).lstrip("/")
        if not has_wildcard(clean):
            if not clean or clean in self._entries or self._resolve(clean) in self._entries:
                yield clean
            return
        parts = clean.split("/")
        for path in sorted(self._entries):
            names = path.split("/")
            if len(names) == len(parts) and all(map(rooted.matches, names, parts)):
                yield path

    def _add(self, digest: "hashlib._Hash", path: str, ignore: Ignore) -> None:
        top = self._resolve(path)
        entry = self._entries.get(top)
        digest.update(f"{posixpath.basename(path)}\0".encode(errors="surrogateescape"))
        if entry is not None and entry.kind != "dir":
            digest.update(_line("", entry))
            return
        prefix = f"{top}/" if top else ""
        for name in sorted(self._entries):
            if name.startswith(prefix) and not ignore.excludes(name) and not ignore.excludes(name[len(prefix) :]):
                digest.update(_line(name[len(prefix) :], self._entries[name]))

    def _resolve(self, path: str) -> str:
        """`path` with the symlinks of the index followed; "" is the context itself."""
        done = ""
        todo = [part for part in reversed(path.split("/")) if part]
        for _ in range(_MAX_LINKS * 8):
            if not todo:
                return done
            part = todo.pop()
            if part in (".", ".."):
                done = posixpath.dirname(done) if part == ".." else done
                continue
            here = f"{done}/{part}" if done else part
            entry = self._entries.get(here)
            if entry is None or entry.kind != "link":
                done = here
                continue
            done = "" if entry.digest.startswith("/") else done
            todo.extend(part for part in reversed(entry.digest.split("/")) if part)
        raise InvalidArgument(f"{path}: too many levels of symbolic links")

    async def directory(self) -> Path:
        """The files; unpacked once, also for callers side by side."""
        if self._unpacked is None:
            self._unpacked = asyncio.create_task(asyncio.to_thread(self._unpack))
        return await asyncio.shield(self._unpacked)

    async def close(self) -> None:
        """Remove everything."""
        if self._unpacked is not None:
            await asyncio.wait([self._unpacked])
            self._unpacked.cancelled() or self._unpacked.exception()
        await asyncio.to_thread(remove_tree, self._folder)

    # -- in threads ----------------------------------------------------------

    def index(self, dockerfile: str) -> None:
        """Read the tar once: what it holds, and the small files that the engine itself needs."""
        ignores = (f"{dockerfile}.dockerignore", ".dockerignore")
        keep = {safe_name(path) for path in (dockerfile, *ignores)}
        entries: dict[str, Entry] = {}
        links: dict[str, str] = {}
        with open_plain(str(self._tar)) as plain:
            for member, content in members(plain):
                name = safe_name(member.name)
                if not name:
                    continue
                _check_kind(entries.get(name), member)
                if member.islnk():
                    links[name] = safe_name(member.linkname)
                elif content is not None:
                    digest, data = _read(content, keep=name in keep, name=name)
                    entries[name] = Entry("file", member.mode & 0o7777, digest)
                    self._small |= {name: data} if name in keep else {}
                elif member.issym():
                    entries[name] = Entry("link", 0o777, member.linkname)
                else:
                    entries[name] = Entry("dir" if member.isdir() else "special", member.mode & 0o7777, "")
        for name, target in links.items():
            if target not in entries:
                raise InvalidArgument(f'invalid tar archive: hard link "{name}" to "{target}", which is not in it')
            entries[name] = entries[target]
        self._set_ignore(ignores)
        self._entries = {name: entry for name, entry in entries.items() if not self._ignore.excludes(name)}
        # A file that is in brings the folders above it along, whatever the patterns say of these.
        for name in list(self._entries):
            while (name := posixpath.dirname(name)) and name not in self._entries:
                self._entries[name] = entries.get(name, Entry("dir", 0o755, ""))

    def _set_ignore(self, paths: Sequence[str]) -> None:
        found = next((self._small[path] for path in map(safe_name, paths) if path in self._small), None)
        if found is not None:
            self._ignore = parse_ignore(found.decode(errors="replace"))

    def _unpack(self) -> Path:
        target = self._folder / "files"
        try:
            target.mkdir()
            with open_plain(str(self._tar)) as plain:
                self._put_all(plain, str(target))
        except OSError as error:
            raise DriverError(f"cannot unpack the build context: {error.strerror or error}") from error
        return target

    def _put_all(self, plain: IO[bytes], root: str) -> None:
        made = {""}
        for member, content in members(plain):
            name = safe_name(member.name)
            if name not in self._entries:
                continue
            parent = posixpath.dirname(name)
            if parent not in made:
                # Folders only, in a tree that is new: no symlink can be on the way.
                self._check_folder(name)
                os.makedirs(os.path.join(root, parent), exist_ok=True)
                made.add(parent)
            link = ""
            if member.islnk():
                self._check_folder(safe_name(member.linkname))
                link = os.path.join(root, safe_name(member.linkname))
            put_member(member, content, os.path.join(root, name), link, (0, 0))
            if member.isdir():
                os.utime(os.path.join(root, name), (member.mtime, member.mtime))

    def _check_folder(self, name: str) -> None:
        above = posixpath.dirname(name)
        while above:
            entry = self._entries.get(above)
            if entry is not None and entry.kind != "dir":
                raise InvalidArgument(f'invalid tar archive: entry "{name}" is below "{above}", which is no folder')
            above = posixpath.dirname(above)


def _check_kind(before: Entry | None, member: tarfile.TarInfo) -> None:
    """A folder that becomes a link while the archive is read would lead what comes next out of it."""
    if before is not None and (before.kind == "dir") != member.isdir():
        raise InvalidArgument(f'invalid tar archive: "{member.name}" is in it as a folder and as something else')


def _read(content: IO[bytes], *, keep: bool, name: str) -> tuple[str, bytes]:
    """(sha256 in hex, the content where it is to be kept)"""
    digest = hashlib.sha256()
    kept: list[bytes] = []
    size = 0
    while chunk := content.read(_BATCH_BYTES):
        digest.update(chunk)
        size += len(chunk)
        if keep:
            kept.append(chunk)
            if size > _SMALL_FILE_BYTES:
                raise InvalidArgument(f"{name}: expected at most {_SMALL_FILE_BYTES} bytes, got more")
    return digest.hexdigest(), b"".join(kept)


def _line(name: str, entry: Entry) -> bytes:
    return f"{name}\0{entry.kind}\0{entry.mode:o}\0{entry.digest}\n".encode(errors="surrogateescape")


async def receive_context(folder: Path, chunks: AsyncIterator[bytes], dockerfile: str) -> TarContext:
    """The context from a stream of bytes, kept in `folder`, which is made. Raises: InvalidArgument, DriverError"""
    context = TarContext(folder)
    try:
        await asyncio.to_thread(folder.mkdir, parents=True)
        await _spool(folder / "context.tar", chunks)
        await asyncio.to_thread(context.index, dockerfile)
    except BaseException:
        await asyncio.shield(context.close())
        raise
    return context


async def _spool(path: Path, chunks: AsyncIterator[bytes]) -> None:
    pending: list[bytes] = []
    size = 0
    try:
        with open(path, "wb") as out:
            async for chunk in chunks:
                pending.append(chunk)
                size += len(chunk)
                if size >= _BATCH_BYTES:
                    await asyncio.to_thread(out.writelines, pending)
                    pending, size = [], 0
            await asyncio.to_thread(out.writelines, pending)
    except OSError as error:
        raise DriverError(f"cannot keep the build context: {error.strerror or error}") from error


def tree_digest(root: str, sources: Mapping[str, str], ignore: Ignore) -> str:
    """Names content, modes and owners of what is in `root`. sources: {name that it gets: path in the root}"""
    digest = hashlib.sha256()
    for name, path in sources.items():
        digest.update(f"{posixpath.basename(name)}\0".encode(errors="surrogateescape"))
        for below, entry in _walk(rooted.resolve(root, path), "", ignore):
            digest.update(_line(below, entry))
    return digest.hexdigest()


def _walk(path: str, below: str, ignore: Ignore) -> Iterator[tuple[str, Entry]]:
    info = os.lstat(path)
    owner = f"{info.st_uid}:{info.st_gid}"
    mode = info.st_mode & 0o7777
    if os.path.islink(path):
        yield below, Entry("link", mode, f"{owner} {os.readlink(path)}")
    elif os.path.isdir(path):
        yield below, Entry("dir", mode, owner)
        for name in sorted(os.listdir(path)):
            child = posixpath.join(below, name)
            if not ignore.excludes(child):
                yield from _walk(os.path.join(path, name), child, ignore)
    elif os.path.isfile(path):
        with open(path, "rb") as file:
            yield below, Entry("file", mode, f"{owner} {_read(file, keep=False, name=path)[0]}")
    else:
        yield below, Entry("special", mode, f"{owner} {info.st_rdev}")
