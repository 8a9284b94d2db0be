"""COPY and ADD: files into a root, with Docker's rules. Blocking: call in a thread."""

import contextlib
import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path

from shoal.contracts.build import Transfer
from shoal.dockerfile.chmod import apply_mode
from shoal.dockerfile.dockerignore import Ignore, has_wildcard, parse_ignore
from shoal.drivers.builds import rooted
from shoal.drivers.builds.archives import is_archive, unpack_archive
from shoal.errors import InvalidArgument


def transfer(root: Path, wanted: Transfer) -> None:
    """Carry out one COPY or ADD. Raises: InvalidArgument in Docker's words"""
    _Transfer(str(root), wanted).carry_out()


def find_sources(source_root: str, sources: tuple[str, ...], verb: str) -> list[str]:
    """What the sources match, below source_root.

    Raises: InvalidArgument where one without wildcard is missing, or nothing matches
    """
    found: list[str] = []
    for pattern in sources:
        matched = rooted.find(source_root, pattern)
        if not matched and not has_wildcard(pattern):
            raise missing_source(verb, pattern)
        found.extend(matched)
    if sources and not found:
        raise InvalidArgument(f"{verb} failed: no source files were specified")
    return list(dict.fromkeys(found))


def missing_source(verb: str, pattern: str) -> InvalidArgument:
    """The error for a source that is not there."""
    return InvalidArgument(
        f"{verb} failed: file not found in build context or excluded by .dockerignore: "
        f"stat {pattern.lstrip('/')}: file does not exist"
    )


def excluded_by(exclude: tuple[str, ...]) -> Ignore:
    """The patterns of `--exclude`."""
    return parse_ignore("\n".join(exclude))


@dataclass(slots=True)
class _Transfer:
    root: str
    wanted: Transfer
    links: dict[tuple[int, int], str] = field(default_factory=dict)

    def carry_out(self) -> None:
        w = self.wanted
        source_root = str(w.source_root or "")
        found = find_sources(source_root, w.sources, w.verb) if w.sources else []
        count = len(found) + len(w.downloads) + len(w.files)
        into = w.destination.endswith("/") or w.parents
        if count > 1 and not into:
            raise InvalidArgument(
                f"When using {w.verb} with more than one source file, "
                "the destination must be a directory and end with a /"
            )
        ignore = excluded_by(w.exclude)
        for path in found:
            self._one(source_root, path, ignore)
        for file, name in w.downloads:
            self._download(file, name)
        for name, content in w.files:
            self._text(name, content)

    @property
    def owner(self) -> tuple[int, int]:
        """Of directories made on the way."""
        return self.wanted.owner or (0, 0)

    def _one(self, source_root: str, path: str, ignore: Ignore) -> None:
        source = rooted.resolve(source_root, path)
        try:
            info = os.lstat(source)
        except (FileNotFoundError, NotADirectoryError):
            raise missing_source(self.wanted.verb, path) from None
        destination = self.wanted.destination
        if self.wanted.parents:
            destination = os.path.join(destination, os.path.dirname(path)) + "/"
        if stat.S_ISDIR(info.st_mode):
            if self.wanted.parents:
                destination = os.path.join(destination, os.path.basename(path))
            target = rooted.make_directories(self.root, destination, self.owner)
            self._contents(source, target, "", ignore, path)
        elif self.wanted.unpack and is_archive(source):
            target = rooted.make_directories(self.root, destination, self.owner)
            unpack_archive(source, self.root, target, self.wanted.archive_owner)
        elif not ignore.excludes(path):
            self._file(source, info, self._file_target(destination, os.path.basename(path)))

    def _file_target(self, destination: str, name: str) -> str:
        """Where a single file goes: into a directory under the last part of `name`, or to the destination itself."""
        if destination.endswith("/") or os.path.isdir(rooted.resolve(self.root, destination)):
            # The name of a heredoc is any text of the Dockerfile's, that of a download any text of a URL's.
            last = os.path.basename(os.path.normpath(f"/{name}"))
            if not last:
                raise InvalidArgument(f'{self.wanted.verb} failed: expected a file name, got "{name}"')
            return os.path.join(rooted.make_directories(self.root, destination, self.owner), last)
        parent = rooted.make_directories(self.root, os.path.dirname(destination), self.owner)
        return os.path.join(parent, os.path.basename(destination))

    def _contents(self, source: str, target: str, below: str, ignore: Ignore, top: str) -> None:
        with os.scandir(source) as entries:
            children = sorted(entries, key=lambda entry: entry.name)
        for entry in children:
            path = os.path.join(below, entry.name)
            if ignore and (ignore.excludes(path) or ignore.excludes(os.path.join(top, path).lstrip("/"))):
                continue
            info = entry.stat(follow_symlinks=False)
            to = os.path.join(target, entry.name)
            if not stat.S_ISDIR(info.st_mode):
                self._file(entry.path, info, to)
                continue
            into = self._directory(to, info, entry.path)
            self._contents(entry.path, into, path, ignore, top)
            os.utime(into, ns=(info.st_atime_ns, info.st_mtime_ns))

    def _directory(self, target: str, info: os.stat_result, source: str) -> str:
        """The directory that takes a source directory's place; an existing one, or where a symlink points, is used."""
        if os.path.islink(target):
            target = rooted.resolve(self.root, os.path.relpath(target, self.root))
        try:
            os.mkdir(target)
        except FileExistsError:
            if not os.path.isdir(target):
                shown = os.path.relpath(target, self.root)
                raise InvalidArgument(f"cannot copy to non-directory: /{shown}") from None
        self._own(target, info, source)
        return target

    def _file(self, source: str, info: os.stat_result, target: str) -> None:
        self._clear(target)
        if info.st_nlink > 1:
            first = self.links.setdefault((info.st_dev, info.st_ino), target)
            if first != target:
                os.link(first, target, follow_symlinks=False)
                return
        if stat.S_ISREG(info.st_mode):
            shutil.copyfile(source, target, follow_symlinks=False)
        elif stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(source), target)
        elif stat.S_ISSOCK(info.st_mode):
            return
        else:
            os.mknod(target, info.st_mode, info.st_rdev)
        self._own(target, info, source)
        os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)

    def _clear(self, target: str) -> None:
        try:
            os.unlink(target)
        except FileNotFoundError:
            return
        except IsADirectoryError:
            shown = os.path.relpath(target, self.root)
            raise InvalidArgument(f"cannot copy file over directory: /{shown}") from None

    def _own(self, target: str, info: os.stat_result, source: str) -> None:
        """Owner, mode and attributes; attributes only from where owners are kept too: from an image."""
        keeps = self.wanted.owner is None
        uid, gid = self.wanted.owner or (info.st_uid, info.st_gid)
        os.chown(target, uid, gid, follow_symlinks=False)
        if stat.S_ISLNK(info.st_mode):
            return
        mode = stat.S_IMODE(info.st_mode)
        if self.wanted.mode:
            mode = apply_mode(self.wanted.mode, mode, is_dir=stat.S_ISDIR(info.st_mode))
        os.chmod(target, mode)
        if keeps:
            for name in os.listxattr(source, follow_symlinks=False):
                with contextlib.suppress(OSError):
                    os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)

    def _download(self, file: Path, name: str) -> None:
        w = self.wanted
        if w.unpack_downloads and is_archive(str(file)):
            target = rooted.make_directories(self.root, w.destination, self.owner)
            unpack_archive(str(file), self.root, target, w.archive_owner)
            return
        if not name and w.destination.endswith("/"):
            raise InvalidArgument("cannot determine filename from the URL: expected a destination that is no directory")
        target = self._file_target(w.destination, name)
        self._clear(target)
        shutil.copyfile(file, target)
        self._set(target, 0o600)

    def _text(self, name: str, content: str) -> None:
        target = self._file_target(self.wanted.destination, name)
        self._clear(target)
        with open(target, "xb") as out:
            out.write(content.encode())
        self._set(target, 0o644)

    def _set(self, target: str, mode: int) -> None:
        os.chown(target, *self.owner)
        os.chmod(target, apply_mode(self.wanted.mode, mode, is_dir=False) if self.wanted.mode else mode)
