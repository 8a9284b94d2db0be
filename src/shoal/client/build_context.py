"""Build contexts: a directory as a tar, without what its .dockerignore leaves out."""

from __future__ import annotations

import hashlib
import os

from shoal.client.tar_stream import Entry, tar_stream
from shoal.dockerfile.dockerignore import Ignore, parse_ignore
from shoal.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_IGNORE_FILE = ".dockerignore"


class PackedContext:
    """A context to send.

    tar: its bytes, in pieces; can be read once
    dockerfile: the Dockerfile's path in it
    """

    __slots__ = ("dockerfile", "tar")

    def __init__(self, tar: Iterator[bytes], dockerfile: str) -> None:
        self.tar = tar
        self.dockerfile = dockerfile


def pack_context(directory: str, dockerfile: str = "", *, content: bytes | None = None) -> PackedContext:
    """The context of `directory`.

    dockerfile: its path (relative to the working directory); it may lie outside; "" = Dockerfile in `directory`
    content: of a Dockerfile that is no file (standard input, inline)
    Raises: InvalidArgument where directory or Dockerfile can't be read, or the ignore file is wrong
    """
    if not os.path.isdir(directory):
        reason = "is not a directory" if os.path.exists(directory) else "not found"
        raise InvalidArgument(f'unable to prepare context: path "{directory}" {reason}')
    if content is None:
        path = dockerfile or os.path.join(directory, "Dockerfile")
        if not os.path.isfile(path):
            raise InvalidArgument(
                f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: no file {path}"
            )
        inside = os.path.relpath(os.path.realpath(path), os.path.realpath(directory))
        if not inside.startswith("../"):
            ignore = _load_ignore(directory, path)
            return PackedContext(tar_stream(_entries(directory, ignore, keep=inside), keeps_owner=False), inside)
        content, specific = _read(path), path
    else:
        specific = ""
    name = f".dockerfile.{hashlib.sha256(content).hexdigest()[:20]}"
    ignore = _load_ignore(directory, specific)
    return PackedContext(tar_stream(_with_dockerfile(directory, ignore, name, content), keeps_owner=False), name)


def _with_dockerfile(directory: str, ignore: Ignore, name: str, content: bytes) -> Iterator[Entry]:
    yield Entry(name, content=content)
    yield from _entries(directory, ignore, keep="")


def _load_ignore(directory: str, dockerfile: str) -> Ignore:
    """The rules: of the file beside the Dockerfile that bears its name, else of the context's own."""
    for path in (f"{dockerfile}{_IGNORE_FILE}" if dockerfile else "", os.path.join(directory, _IGNORE_FILE)):
        if path and os.path.isfile(path):
            return parse_ignore(_read(path).decode("utf-8", "replace"))
    return parse_ignore("")


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidArgument(f"can't read {path}: {error.strerror}") from error


def _entries(directory: str, ignore: Ignore, *, keep: str) -> Iterator[Entry]:
    """Members in the order of their names. The Dockerfile and the ignore file always come: the builder reads them."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            found = sorted(os.scandir(os.path.join(directory, folder)), key=lambda item: item.name)
        except OSError as error:
            raise InvalidArgument(f"can't read {os.path.join(directory, folder)}: {error.strerror}") from error
        folders = []
        for item in found:
            name = f"{folder}/{item.name}" if folder else item.name
            is_kept = name in (keep, _IGNORE_FILE) or keep.startswith(name + "/")
            if is_kept or not ignore.excludes(name):
                yield Entry(name, item.path)
            if item.is_dir(follow_symlinks=False) and (is_kept or not ignore.prunes(name)):
                folders.append(name)
        pending += reversed(folders)
