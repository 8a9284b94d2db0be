"""`shoal cp`, by docker's rules for where things end up."""

from __future__ import annotations

import json
import os
import stat
import sys
from base64 import b64decode

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError, UsageError
from shoal.cli.flags import Options, switch
from shoal.client.errors import ClientNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shoal.client.tar_stream import Entry

_GO_DIRECTORY, _GO_SYMLINK = 1 << 31, 1 << 27
_MAX_LINKS = 40


class PathStat:
    """A path in a container, as the engine describes it."""

    def __init__(self, name: str, mode: int, link_target: str) -> None:
        self.name = name
        self.is_directory = bool(mode & _GO_DIRECTORY)
        self.is_link = bool(mode & _GO_SYMLINK)
        self.link_target = link_target


def split_place(text: str) -> tuple[str, str]:
    """(container, path) of "web:/etc/hosts"; ("", path) for a path of this machine. Source: docker's splitCpArg."""
    if text.startswith(("/", ".")) or text == "-":
        return "", text
    container, colon, path = text.partition(":")
    return (container, path) if colon else ("", text)


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    source, destination = (split_place(text) for text in arguments)
    if source[0] and destination[0]:
        raise UsageError("copying between containers is not supported")
    if not source[0] and not destination[0]:
        raise UsageError("must specify at least one container source")
    if source[0]:
        _copy_from(context, options, source, destination[1])
        summary = f"Successfully copied to {destination[1]}"
    else:
        _copy_to(context, options, source[1], destination)
        summary = f"Successfully copied to {destination[0]}:{destination[1]}"
    if context.stderr_is_terminal() and not options.flag("quiet") and "-" not in arguments:
        context.warn(summary)
    return 0


# -- out of a container


def _copy_from(context: Context, options: Options, source: tuple[str, str], destination: str) -> None:
    container, path = source
    if options.flag("follow-link"):
        found = _stat(context, container, path)
        if found is not None and found.is_link:
            path = os.path.join(os.path.dirname(path.rstrip("/")), found.link_target)
    if destination == "-":
        if context.stdout_is_terminal():
            raise PlainError("cowardly refusing to copy to a terminal. Use `-` with a redirect")
        with context.api.containers.archive(container, path) as response:
            for chunk in response.chunks():
                context.write_bytes(chunk)
        return
    if not os.path.isdir(os.path.dirname(os.path.abspath(destination))):
        raise PlainError(
            f'invalid output path: directory "{os.path.dirname(os.path.abspath(destination))}" does not exist'
        )
    from shoal.cli.container.unpack import unpack

    with context.api.containers.archive(container, path) as response:
        is_directory = bool(_decode_stat(response.headers).is_directory)
        place, name = destination_of(path, is_directory, destination)
        unpack(response, place, name, keeps_owner=options.flag("archive"))


def destination_of(path: str, is_directory: bool, destination: str) -> tuple[str, str]:
    """(directory on this machine, name in it) where what was at `path` goes; name "" = the directory itself.

    Raises: PlainError where docker refuses
    """
    if os.path.isdir(destination):
        is_content = is_directory and os.path.basename(path) in (".", "")
        base = "" if is_content and path.endswith("/.") else os.path.basename(path.rstrip("/"))
        return os.path.abspath(destination), base
    if is_directory and os.path.exists(destination):
        raise PlainError("cannot copy directory")
    if not is_directory and destination.endswith("/"):
        raise PlainError("no such directory")
    absolute = os.path.abspath(destination)
    return os.path.dirname(absolute), os.path.basename(absolute)


# -- into a container


def _copy_to(context: Context, options: Options, source: str, destination: tuple[str, str]) -> None:
    container, path = destination
    found = _stat(context, container, path)
    for _ in range(_MAX_LINKS):
        if found is None or not found.is_link:
            break
        path = os.path.join(os.path.dirname(path.rstrip("/")), found.link_target)
        found = _stat(context, container, path)
    query = {"noOverwriteDirNonDir": True, "copyUIDGID": options.flag("archive") or None}
    if source == "-":
        if found is None or not found.is_directory:
            raise PlainError(f'destination "{container}:{path}" must be a directory')
        context.api.containers.put_archive(container, path, iter(lambda: sys.stdin.buffer.read(1 << 16), b""), query)
        return
    folder, entries = plan_upload(source, path, found, follows_link=options.flag("follow-link"))
    from shoal.client.tar_stream import tar_stream

    keeps_owner = options.flag("archive")
    context.api.containers.put_archive(container, folder, tar_stream(entries, keeps_owner=keeps_owner), query)


def plan_upload(source: str, path: str, found: PathStat | None, *, follows_link: bool) -> tuple[str, Iterator[Entry]]:
    """(directory in the container, members of the archive to unpack there). Raises: PlainError where docker refuses.

    found: what is at `path` in the container; None = nothing
    """
    try:
        mode = (os.stat if follows_link or source.endswith("/") else os.lstat)(source).st_mode
    except OSError as error:
        raise PlainError(f"lstat {source}: {(error.strerror or '').lower()}") from error
    is_directory = stat.S_ISDIR(mode)
    real = os.path.realpath(source) if follows_link else source
    if found is not None and found.is_directory:
        is_content = is_directory and (source.endswith("/.") or source == ".")
        name = "" if is_content else os.path.basename(os.path.abspath(source))
        return path, _tree(real, name)
    if found is not None and is_directory:
        raise PlainError("cannot copy directory")
    if found is None and not is_directory and path.endswith("/"):
        raise PlainError("no such directory")
    absolute = "/" + path.strip("/")
    return os.path.dirname(absolute), _tree(real, os.path.basename(absolute))


def _tree(path: str, name: str) -> Iterator[Entry]:
    from shoal.client.tar_stream import Entry

    yield Entry(name or ".", path.removesuffix("/.") or "/")
    if os.path.isdir(path) and not os.path.islink(path.rstrip("/")):
        for item in sorted(os.scandir(path), key=lambda item: item.name):
            yield from _tree(os.path.join(path, item.name), f"{name}/{item.name}" if name else item.name)


# -- what is where


def _stat(context: Context, container: str, path: str) -> PathStat | None:
    """What is at a path of a container; None where nothing is."""
    try:
        return _decode_stat(context.api.containers.archive_stat(container, path))
    except ClientNotFound as error:
        if "No such container" in error.message:
            raise
        if not error.message or "ould not find the file" in error.message or error.status == 404:
            _ensure_container(context, container)
            return None
        raise


def _ensure_container(context: Context, container: str) -> None:
    context.api.containers.inspect(container)  # a HEAD answer has no message: was it the container that is missing?


def _decode_stat(headers: dict[str, str]) -> PathStat:
    value = json.loads(b64decode(headers.get("x-docker-container-path-stat", "e30=")))
    return PathStat(value.get("name", ""), value.get("mode", 0), value.get("linkTarget", ""))


CP = Command(
    "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n        shoal container cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    _run,
    (
        switch("archive", "a", "Archive mode (copy all uid/gid information)"),
        switch("follow-link", "L", "Always follow symbol link in SRC_PATH"),
        switch("quiet", "q", "Suppress the line that says what was copied"),
    ),
    arguments=(2, 2),
)
