"""Secrets and configs of a cluster: the same requests on different paths."""

from __future__ import annotations

from shoal.client.containers import segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.client.http import Client

    Filters = Mapping[str, list[str]]


class Files:
    """Requests about secrets or configs; `ref` is an id, a prefix of one, or a name.

    kind: "secrets" or "configs"
    """

    def __init__(self, client: Client, kind: str) -> None:
        self._client = client
        self._kind = kind

    def list(self, filters: Filters | None = None) -> Any:
        return self._client.get(f"/{self._kind}", {"filters": filters or None})

    def inspect(self, ref: str) -> Any:
        return self._client.get(f"/{self._kind}/{segment(ref)}")

    def create(self, spec: Mapping[str, Any]) -> str:
        """The id. spec: Name, Labels, Data (base64), Templating."""
        return str(self._client.post(f"/{self._kind}/create", body=spec)["ID"])

    def update(self, ref: str, version: int, spec: Mapping[str, Any]) -> None:
        """Only labels may differ."""
        self._client.post(f"/{self._kind}/{segment(ref)}/update", {"version": version}, spec)

    def remove(self, ref: str) -> None:
        self._client.delete(f"/{self._kind}/{segment(ref)}")
