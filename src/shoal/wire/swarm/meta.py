"""What every object of a cluster begins with."""

from typing import Any

from shoal.wire.times import encode_time


def encode_meta(id: str, version: int, created_at: int, updated_at: int) -> dict[str, Any]:
    """version: the store's revision that wrote it"""
    return {
        "ID": id,
        "Version": {"Index": version},
        "CreatedAt": encode_time(created_at),
        "UpdatedAt": encode_time(updated_at),
    }
