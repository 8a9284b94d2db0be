"""Which Compose files, environment files and settings a command works with: flags first, then the environment, then
what lies in the folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from shoal.compose.load import Source
from shoal.compose.loading.dotenv import parse_dotenv
from shoal.errors import InvalidArgument, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from shoal.cli.flags import Options

FILE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
STDIN = "-"
#: Nobody writes more by hand; a file that is something else is told so before it is parsed.
MAX_BYTES = 10 << 20
_TRUE = ("1", "t", "T", "true", "TRUE", "True")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a command works with.

    sources: empty where there is no Compose file
    env: the shell's environment with the project's environment files below it
    env_files: absolute paths of those that were read
    project_name: "" where neither flag nor environment names one
    """

    working_dir: str
    sources: tuple[Source, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_files: tuple[str, ...] = ()
    project_name: str = ""
    profiles: tuple[str, ...] = ()


def is_true(text: str | None) -> bool:
    """Whether a variable's value means yes."""
    return text in _TRUE


def read_text(path: str) -> str:
    """The text of a file. Raises: OSError, InvalidArgument where it is not UTF-8."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{path}: not a text file: {error.reason} at byte {error.start}") from error


def find(group: Options, env: Mapping[str, str], cwd: str, stdin: BinaryIO) -> Found:
    """What the flags of `shoal compose`, the environment and the folder `cwd` say.

    Raises: NotFound, InvalidArgument for a named file that can't be read
    """
    named = group.list("file")
    start = group.text("project-directory")
    if not start:
        first = next((path for path in named if path != STDIN), "")
        start = os.path.dirname(os.path.join(cwd, first)) if first else cwd
    start = os.path.normpath(os.path.join(cwd, start))
    env_names = _env_file_names(group, env)
    variables, env_files = _with_env_files(env, env_names, start, cwd)
    paths = _compose_paths(named, variables, cwd, start)
    working_dir = start
    if paths and not group.text("project-directory") and paths[0] != STDIN:
        working_dir = os.path.dirname(paths[0])
        if working_dir != start and not env_names:
            variables, more = _with_env_files(variables, env_names, working_dir, cwd)
            env_files += more
    return Found(
        working_dir=working_dir,
        sources=tuple(_source(path, cwd, stdin) for path in paths),
        env={**variables, "PWD": cwd},
        env_files=env_files,
        project_name=group.text("project-name") or variables.get("COMPOSE_PROJECT_NAME", ""),
        profiles=tuple(group.list("profile")) or _split(variables.get("COMPOSE_PROFILES", ""), ","),
    )


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(separator)) if part)


def _env_file_names(group: Options, env: Mapping[str, str]) -> tuple[str, ...]:
    """Environment files that were asked for; () means `.env` where there is one."""
    return tuple(group.list("env-file")) or _split(env.get("COMPOSE_ENV_FILES", ""), ",")


def _with_env_files(
    env: Mapping[str, str], names: Sequence[str], folder: str, cwd: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """(`env` with the files' variables below it, paths of the files); of several files the later one wins."""
    if names:
        paths = tuple(os.path.normpath(os.path.join(cwd, name)) for name in names)
    else:
        usual = os.path.join(folder, ".env")
        paths = (usual,) if not is_true(env.get("COMPOSE_DISABLE_ENV_FILE")) and os.path.isfile(usual) else ()
    from_files: dict[str, str] = {}
    for path in paths:
        try:
            text = read_text(path)
        except FileNotFoundError as error:
            raise NotFound(f"couldn't find env file: {path}") from error
        except OSError as error:
            raise InvalidArgument(f"can't read env file {path}: {error.strerror}") from error

        def look_up(name: str) -> str | None:
            return env.get(name, from_files.get(name))

        from_files.update(parse_dotenv(text, look_up, os.path.relpath(path, cwd)))
    return {**from_files, **env}, paths


def _compose_paths(named: Sequence[str], env: Mapping[str, str], cwd: str, start: str) -> tuple[str, ...]:
    """Absolute paths of the Compose files (or `-`), in the order in which they are merged."""
    if named:
        return tuple(path if path == STDIN else os.path.normpath(os.path.join(cwd, path)) for path in named)
    if env.get("COMPOSE_FILE"):
        separator = env.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
        return tuple(os.path.normpath(os.path.join(cwd, path)) for path in _split(env["COMPOSE_FILE"], separator))
    return discover(start)


def discover(folder: str) -> tuple[str, ...]:
    """The Compose file of `folder` or of the nearest folder above, and the override that lies next to it."""
    while True:
        path = _first_file(folder, FILE_NAMES)
        if path:
            override = _first_file(folder, _OVERRIDES)
            return (path, override) if override else (path,)
        above = os.path.dirname(folder)
        if above == folder:
            return ()
        folder = above


def _first_file(folder: str, names: Sequence[str]) -> str:
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    return ""


def _source(path: str, cwd: str, stdin: BinaryIO) -> Source:
    if path == STDIN:
        data = stdin.read(MAX_BYTES + 1)
        _check_size(len(data), "-")
        try:
            return Source(path=os.path.join(cwd, "-"), text=data.decode("utf-8-sig"), shown="-")
        except UnicodeDecodeError as error:
            raise InvalidArgument(f"standard input: not a text file: {error.reason}") from error
    relative = os.path.relpath(path, cwd)
    shown = path if relative.startswith("..") else relative
    try:
        _check_size(os.stat(path).st_size, shown)
        return Source(path=path, text=read_text(path), shown=shown)
    except FileNotFoundError as error:
        raise NotFound(f"open {path}: no such file or directory") from error
    except OSError as error:
        raise InvalidArgument(f"can't read {path}: {error.strerror}") from error


def _check_size(size_bytes: int, shown: str) -> None:
    if size_bytes > MAX_BYTES:
        raise InvalidArgument(f"{shown}: a Compose file of over {MAX_BYTES >> 20} MB is refused")
