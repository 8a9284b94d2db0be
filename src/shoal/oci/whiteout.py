"""Names in layer tars: where an entry goes, and what it takes away. Source: OCI image specification, layer.md."""

import re
from dataclasses import dataclass

from shoal.errors import InvalidArgument

PREFIX = ".wh."
OPAQUE = ".wh..wh..opq"
_META = ".wh..wh."
MAX_NAME = 255
#: most names: nothing to do. No part begins with a dot, so that there is neither "." nor ".."
_CLEAN = re.compile(r"[^/.\0][^/\0]*(?:/[^/.\0][^/\0]*)*")
MAX_PATH = 4096
MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class Whiteout:
    """Hides what the layers below have at `path`; an opaque one hides all that they have in the folder `path`."""

    path: str
    is_opaque: bool = False


def clean_path(name: str) -> str:
    """`name` as a path below the layer's root, "" for the root itself: "./a//b/" and "/a/b" are "a/b".

    A leading slash means the layer's root, never the host's.
    Raises: InvalidArgument when it climbs out, or holds a NUL or a name that no file system takes
    """
    if len(name) < MAX_NAME and _CLEAN.fullmatch(name):
        return name
    if "\0" in name:
        raise InvalidArgument(f"archive entry {name!r}: a NUL in the name")
    if len(name) > MAX_PATH:
        raise InvalidArgument(f'archive entry "{name[:64]}…": name of {len(name)} characters is too long')
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                raise InvalidArgument(f'archive entry "{name}" leads out of its folder')
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if len(parts) > MAX_DEPTH:
        raise InvalidArgument(f'archive entry "{name[:64]}…": {len(parts)} folders deep, at most {MAX_DEPTH} are taken')
    return "/".join(parts)


def parse_whiteout(path: str) -> Whiteout | None:
    """The whiteout that the entry at `path` (clean) means, None for a plain entry.

    Raises: InvalidArgument for a whiteout of nothing, of "." or ".."
    """
    folder, _, name = path.rpartition("/")
    if not name.startswith(PREFIX):
        return None
    if name == OPAQUE:
        return Whiteout(folder, is_opaque=True)
    hidden = name.removeprefix(PREFIX)
    if hidden in ("", ".", ".."):
        raise InvalidArgument(f'archive entry "{path}" is a whiteout of nothing')
    return Whiteout(f"{folder}/{hidden}" if folder else hidden)


def is_aufs_metadata(path: str) -> bool:
    """Whether the entry is book-keeping of AUFS (".wh..wh.plnk/…"), which nobody unpacks."""
    return _META in path and any(part.startswith(_META) and part != OPAQUE for part in path.split("/"))


def whiteout_name(path: str) -> str:
    """The entry that hides `path`: "a/b" -> "a/.wh.b"."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{PREFIX}{name}"


def opaque_name(folder: str) -> str:
    """The entry that makes `folder` opaque."""
    return f"{folder}/{OPAQUE}" if folder else OPAQUE
