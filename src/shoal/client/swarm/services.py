"""Services of a cluster, and their tasks."""

from __future__ import annotations

from shoal.client.containers import segment
from shoal.client.images import image_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.client.http import Client, Response

    Filters = Mapping[str, list[str]]


class Services:
    """Requests about services; `ref` is an id, a prefix of one, or a name."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, filters: Filters | None = None, *, status: bool = False) -> Any:
        """status: with ServiceStatus, the numbers of running and wanted tasks."""
        return self._client.get("/services", {"filters": filters or None, "status": "true" if status else None})

    def inspect(self, ref: str, *, insert_defaults: bool = False) -> Any:
        return self._client.get(f"/services/{segment(ref)}", {"insertDefaults": "true" if insert_defaults else "false"})

    def create(self, spec: Mapping[str, Any], *, auth: str = "") -> Any:
        """{"ID": …, "Warnings": […]}. auth: value of X-Registry-Auth"""
        return self._client.post("/services/create", body=spec, headers=_auth_header(auth))

    def update(
        self,
        ref: str,
        version: int,
        spec: Mapping[str, Any],
        *,
        auth: str = "",
        auth_from: str = "",
        is_rollback: bool = False,
    ) -> Any:
        """{"Warnings": […]}. auth_from: "spec" or "previous-spec"; is_rollback: to the previous spec"""
        query = {
            "version": version,
            "registryAuthFrom": auth_from or None,
            "rollback": "previous" if is_rollback else None,
        }
        return self._client.post(f"/services/{segment(ref)}/update", query, spec, _auth_header(auth)) or {}

    def rebalance(self, ref: str) -> None:
        self._client.post(f"/shoal/services/{segment(ref)}/rebalance")

    def remove(self, ref: str) -> None:
        self._client.delete(f"/services/{segment(ref)}")

    def logs(self, ref: str, query: Mapping[str, Any]) -> Response:
        return self._client.request("GET", f"/services/{segment(ref)}/logs", query)

    def distribution(self, image: str, *, auth: str = "") -> Any:
        """{"Descriptor": {"digest": …}, "Platforms": […]} of an image as its registry has it."""
        with self._client.request(
            "GET", f"/distribution/{image_path(image)}/json", headers=_auth_header(auth)
        ) as answer:
            return answer.json()


class Tasks:
    """Requests about tasks; `ref` is an id, or a prefix of one."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, filters: Filters | None = None) -> Any:
        return self._client.get("/tasks", {"filters": filters or None})

    def inspect(self, ref: str) -> Any:
        return self._client.get(f"/tasks/{segment(ref)}")

    def logs(self, ref: str, query: Mapping[str, Any]) -> Response:
        return self._client.request("GET", f"/tasks/{segment(ref)}/logs", query)


def _auth_header(auth: str) -> dict[str, str]:
    return {"X-Registry-Auth": auth} if auth else {}
