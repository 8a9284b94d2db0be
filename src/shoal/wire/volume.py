"""Docker's JSON of volumes. Source: Docker Engine API v1.51, Volume, VolumeCreateOptions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shoal.model.volume import Volume


def encode_volume(
    volume: Volume,
    mountpoint: str,
    *,
    usage: tuple[int, int] | None = None,
    status: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """usage: (bytes, number of containers), for system/df; status: what a plugin tells of it"""
    created = datetime.fromtimestamp(volume.created_at // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body: dict[str, Any] = {
        "CreatedAt": created,
        "Driver": volume.driver,
        "Labels": dict(volume.labels) or None,
        "Mountpoint": mountpoint,
        "Name": volume.name,
        "Options": dict(volume.options) or None,
        "Scope": volume.scope,
    }
    if status:
        body["Status"] = dict(status)
    if usage is not None:
        body["UsageData"] = {"Size": usage[0], "RefCount": usage[1]}
    return body
