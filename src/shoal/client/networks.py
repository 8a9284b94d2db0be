"""Networks of an engine."""

from __future__ import annotations

from shoal.client.containers import segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.client.http import Client

    Filters = Mapping[str, list[str]]


class Networks:
    """Requests about networks; `ref` is an id, a prefix of one, or a name."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, filters: Filters | None = None) -> Any:
        return self._client.get("/networks", {"filters": filters or None})

    def inspect(self, ref: str, *, verbose: bool = False, scope: str = "") -> Any:
        return self._client.get(f"/networks/{segment(ref)}", {"verbose": verbose or None, "scope": scope or None})

    def create(self, body: Mapping[str, Any]) -> Any:
        """{"Id": …, "Warning": …}."""
        return self._client.post("/networks/create", body=body)

    def remove(self, ref: str) -> None:
        self._client.delete(f"/networks/{segment(ref)}")

    def connect(self, ref: str, container: str, endpoint: Mapping[str, Any] | None = None) -> None:
        """endpoint: EndpointSettings."""
        body = {"Container": container, "EndpointConfig": endpoint}
        self._client.post(f"/networks/{segment(ref)}/connect", body=body)

    def disconnect(self, ref: str, container: str, *, force: bool = False) -> None:
        self._client.post(f"/networks/{segment(ref)}/disconnect", body={"Container": container, "Force": force})

    def prune(self, filters: Filters | None = None) -> Any:
        """{"NetworksDeleted": […]}."""
        return self._client.post("/networks/prune", {"filters": filters or None})
