"""The cluster itself, and this engine's way into and out of it."""

from __future__ import annotations

from binascii import b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, BinaryIO

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

    def backup(self, passphrase: str = "") -> Iterator[bytes]:
        """The bytes of a backup. passphrase: that it is sealed with, "" = with nothing, or with the unlock key"""
        with self._client.request("POST", "/shoal/swarm/backup", headers=_sealed(passphrase)) as response:
            yield from response.chunks()

    def restore(
        self, backup: BinaryIO, passphrase: str = "", *, listen: str = "", advertise: str = "", force: bool = False
    ) -> str:
        """The id of this node, now the cluster's only manager."""
        query = {"listen": listen or None, "advertise": advertise or None, "force": force or None}
        headers = {"Content-Type": "application/octet-stream", **_sealed(passphrase)}
        return str(self._client.post("/shoal/swarm/restore", query, backup, headers))


def _sealed(passphrase: str) -> dict[str, str]:
    return {"X-Shoal-Passphrase": b2a_base64(passphrase.encode(), newline=False).decode()} if passphrase else {}
