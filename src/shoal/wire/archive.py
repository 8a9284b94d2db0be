"""Stat and changes of containers' files on the wire."""

import base64
import json
import stat
from collections.abc import Sequence
from typing import Any

from shoal.model.change import Change
from shoal.model.path_stat import PathStat
from shoal.wire.times import encode_time

#: bits of Go's os.FileMode for the file types and the special bits of stat(2)
_TYPES = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
}
_SPECIAL = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def go_mode(mode: int) -> int:
    """A mode of stat(2) as Go's os.FileMode."""
    special = sum(go for bit, go in _SPECIAL.items() if mode & bit)
    return _TYPES.get(stat.S_IFMT(mode), 0) | special | (mode & 0o777)


def encode_path_stat(found: PathStat) -> str:
    """The header X-Docker-Container-Path-Stat: JSON in base64. Source: ContainerArchiveInfo"""
    value = {
        "name": found.name,
        "size": found.size_bytes,
        "mode": go_mode(found.mode),
        "mtime": encode_time(found.mtime),
        "linkTarget": found.link_target,
    }
    return base64.b64encode(json.dumps(value).encode()).decode()


def encode_changes(changes: Sequence[Change]) -> list[dict[str, Any]] | None:
    """The answer of ContainerChanges; null where nothing differs, as Docker's."""
    return [{"Path": change.path, "Kind": int(change.kind)} for change in changes] or None
