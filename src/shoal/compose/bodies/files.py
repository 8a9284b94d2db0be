"""Configs and secrets as containers of one engine get them.

A file without uid, gid and mode is bound read-only: its content never leaves its place. Everything else (content given
in the file, the value of a variable, a file with an owner or a mode) is handed to the container after it is created and
before it starts, with owner and mode as asked: Shoal's engine keeps it in memory, as the body of the create call
declares; into a container of another engine it is copied.
"""

from typing import Any

from shoal.compose.operations import FileEntry
from shoal.compose.parts import FileRef
from shoal.compose.project import Config, Project, Secret, Service
from shoal.errors import InvalidArgument


def bound_files(project: Project, service: Service) -> list[dict[str, Any]]:
    """Mounts of the files that are bound."""
    return [
        {"Type": "bind", "Source": source.file, "Target": ref.target, "ReadOnly": True}
        for ref, source, _ in _uses(project, service)
        if _is_bound(ref, source)
    ]


def copied_files(project: Project, service: Service) -> tuple[FileEntry, ...]:
    """The files that are copied in.

    Raises: InvalidArgument for a variable that is not set, or an owner that is no number
    """
    return tuple(
        _entry(ref, source, kind) for ref, source, kind in _uses(project, service) if not _is_bound(ref, source)
    )


def declared_files(project: Project, service: Service) -> list[dict[str, Any]]:
    """HostConfig.MemoryFiles, which only Shoal's engine reads: the files that are copied in, without their content."""
    return [
        {
            "Target": ref.target,
            "UID": _number(ref.uid, kind, ref),
            "GID": _number(ref.gid, kind, ref),
            "Mode": _mode(ref),
        }
        for ref, source, kind in _uses(project, service)
        if not _is_bound(ref, source)
    ]


def _uses(project: Project, service: Service) -> list[tuple[FileRef, Config | Secret, str]]:
    configs: list[tuple[FileRef, Config | Secret, str]] = [
        (ref, project.configs[ref.source], "config") for ref in service.configs if ref.source in project.configs
    ]
    secrets: list[tuple[FileRef, Config | Secret, str]] = [
        (ref, project.secrets[ref.source], "secret") for ref in service.secrets if ref.source in project.secrets
    ]
    return [use for use in configs + secrets if not use[1].external]


def _is_bound(ref: FileRef, source: Config | Secret) -> bool:
    return bool(source.file) and not (ref.uid or ref.gid) and ref.mode is None


def _entry(ref: FileRef, source: Config | Secret, kind: str) -> FileEntry:
    return FileEntry(
        path=ref.target,
        content=None if source.file else _content(source, kind),
        source=source.file,
        uid=_number(ref.uid, kind, ref),
        gid=_number(ref.gid, kind, ref),
        mode=_mode(ref),
    )


def _mode(ref: FileRef) -> int:
    return 0o444 if ref.mode is None else ref.mode


def _content(source: Config | Secret, kind: str) -> bytes:
    if isinstance(source, Config) and source.content is not None:
        return source.content.encode()
    if source.value is None:
        raise InvalidArgument(
            f'environment variable "{source.environment}" required by {kind} "{source.key}" is not set'
        )
    return source.value.encode()


def _number(text: str, kind: str, ref: FileRef) -> int:
    if text and not text.isdecimal():
        raise InvalidArgument(f'{kind} "{ref.source}": expected a number as owner, got "{text}"')
    return int(text or 0)
