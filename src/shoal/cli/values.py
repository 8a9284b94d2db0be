"""Values as people write them: "512m", "KEY=value"."""

from __future__ import annotations

from shoal.model.units import parse_size_bytes


def parse_limit_bytes(text: str) -> int:
    """Bytes in "512m"; "-1" stays -1, no limit. Raises: ValueError"""
    return -1 if text == "-1" else parse_size_bytes(text)


def split_pair(text: str, separator: str = "=") -> tuple[str, str | None]:
    """("KEY", "value") of "KEY=value"; ("KEY", None) without a separator."""
    key, found, value = text.partition(separator)
    return key, value if found else None
