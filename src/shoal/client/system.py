"""The engine itself: ping, info, version, events, disk usage, registry logins."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from shoal.client.http import Client, Response

    Filters = Mapping[str, list[str]]


class System:
    """Requests about the engine."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ping(self) -> dict[str, str]:
        """Headers of the ping, names in lower case."""
        return self._client.negotiate()

    def info(self) -> Any:
        return self._client.get("/info")

    def version(self) -> Any:
        return self._client.get("/version")

    def disk_usage(self) -> Any:
        return self._client.get("/system/df")

    def events(self, *, since: str = "", until: str = "", filters: Filters | None = None) -> Iterator[Any]:
        """Events as they happen; without end where `until` is not given."""
        with self.events_response(since=since, until=until, filters=filters) as response:
            yield from response.json_values()

    def events_response(self, *, since: str = "", until: str = "", filters: Filters | None = None) -> Response:
        """The stream of events; its json_values are the events. Closing it from another thread is not safe."""
        query = {"since": since or None, "until": until or None, "filters": filters or None}
        return self._client.request("GET", "/events", query)

    def login(self, body: Mapping[str, Any]) -> Any:
        """{"Status": …, "IdentityToken": …}; ClientError 401 for wrong credentials."""
        return self._client.post("/auth", body=body)
