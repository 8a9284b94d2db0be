"""The cluster itself, and this engine's way into and out of it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.client.http import Client


class Swarm:
    """Requests about the cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def inspect(self) -> Any:
        """The cluster with its join tokens; managers only."""
        return self._client.get("/swarm")

    def init(self, body: Mapping[str, Any]) -> str:
        """The id of this node, now a manager. body: ListenAddr, AdvertiseAddr, Spec, …"""
        return str(self._client.post("/swarm/init", body=body) or "")

    def join(self, body: Mapping[str, Any]) -> None:
        """body: ListenAddr, AdvertiseAddr, RemoteAddrs, JoinToken, Availability."""
        self._client.post("/swarm/join", body=body)

    def leave(self, *, force: bool = False) -> None:
        self._client.post("/swarm/leave", {"force": force or None})

    def update(self, version: int, spec: Mapping[str, Any], **rotations: bool) -> None:
        """rotations: rotateWorkerToken, rotateManagerToken, rotateManagerUnlockKey."""
        self._client.post("/swarm/update", {"version": version, **{k: v or None for k, v in rotations.items()}}, spec)

    def unlock_key(self) -> str:
        """The key that opens locked managers; "" where they are not locked."""
        return str((self._client.get("/swarm/unlockkey") or {}).get("UnlockKey") or "")

    def unlock(self, key: str) -> None:
        self._client.post("/swarm/unlock", body={"UnlockKey": key})
