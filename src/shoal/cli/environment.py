"""`--env`, `--env-file`, `--label`, `--label-file`."""

from __future__ import annotations

import os

from shoal.cli.errors import UsageError
from shoal.cli.values import split_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def environment(files: Iterable[str], pairs: Iterable[str], env: Mapping[str, str]) -> list[str]:
    """ "KEY=value" of files, then of flags; a key without value takes it from `env`.

    One that `env` lacks too is left out of a file, and stays a bare "KEY" of a flag, which unsets the image's.
    """
    found = []
    from_files = _lines_of(files, "environment variable")
    for index, line in enumerate((*from_files, *pairs)):
        key, value = split_pair(line)
        if not key:
            raise UsageError(f"invalid environment variable: {line}")
        if value is None and key not in env:
            found += [key] if index >= len(from_files) else []
            continue
        found.append(f"{key}={env[key] if value is None else value}")
    return found


def labels(files: Iterable[str], pairs: Iterable[str]) -> dict[str, str]:
    """Labels of files, then of flags; one without value is ""."""
    found = {}
    for line in (*_lines_of(files, "label"), *pairs):
        key, value = split_pair(line)
        if not key:
            raise UsageError(f"invalid label: {line}")
        found[key] = value or ""
    return found


def _lines_of(files: Iterable[str], what: str) -> list[str]:
    lines: list[str] = []
    for path in files:
        try:
            with open(os.path.expanduser(path), encoding="utf-8-sig") as file:
                text = file.read()
        except OSError as error:
            raise UsageError(f"open {path}: {(error.strerror or '').lower()}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}: invalid utf8 bytes: {error}") from error
        for line in text.splitlines():
            line = line.lstrip()
            if not line or line.startswith("#"):
                continue
            if " " in line.partition("=")[0].rstrip() or "\t" in line.partition("=")[0]:
                raise UsageError(f"invalid env file ({path}): {what} '{line.partition('=')[0]}' contains whitespaces")
            lines.append(line)
    return lines
