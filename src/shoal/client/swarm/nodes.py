"""Nodes of a cluster."""

from __future__ import annotations

from shoal.client.containers import segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.client.http import Client

    Filters = Mapping[str, list[str]]


class Nodes:
    """Requests about nodes; `ref` is an id, a prefix of one, a name, a hostname, or "self"."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, filters: Filters | None = None) -> Any:
        return self._client.get("/nodes", {"filters": filters or None})

    def inspect(self, ref: str) -> Any:
        return self._client.get(f"/nodes/{segment(ref)}")

    def update(self, ref: str, version: int, spec: Mapping[str, Any]) -> None:
        self._client.post(f"/nodes/{segment(ref)}/update", {"version": version}, spec)

    def remove(self, ref: str, *, force: bool = False) -> None:
        self._client.delete(f"/nodes/{segment(ref)}", {"force": force or None})
