"""Volumes of an engine."""

from __future__ import annotations

from shoal.client.containers import segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.client.http import Client

    Filters = Mapping[str, list[str]]


class Volumes:
    """Requests about volumes."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, filters: Filters | None = None) -> Any:
        """{"Volumes": […], "Warnings": […]}."""
        return self._client.get("/volumes", {"filters": filters or None})

    def inspect(self, name: str) -> Any:
        return self._client.get(f"/volumes/{segment(name)}")

    def create(self, body: Mapping[str, Any]) -> Any:
        """The volume; the one that is there where name and driver are the same."""
        return self._client.post("/volumes/create", body=body)

    def remove(self, name: str, *, force: bool = False) -> None:
        self._client.delete(f"/volumes/{segment(name)}", {"force": force or None})

    def prune(self, filters: Filters | None = None) -> Any:
        """{"VolumesDeleted": […], "SpaceReclaimed": bytes}."""
        return self._client.post("/volumes/prune", {"filters": filters or None})
