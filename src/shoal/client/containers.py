"""Containers and execs of an engine."""

from __future__ import annotations

from shoal.client.streams import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from shoal.client.http import Client, Response
    from shoal.client.streams import Hijacked

    Filters = Mapping[str, list[str]]


def segment(name: str) -> str:
    """`name` as one segment of a path."""
    return quote(name)


class Containers:
    """Requests about containers; `ref` is an id, a prefix of one, or a name."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, *, all: bool = False, filters: Filters | None = None, limit: int = 0, size: bool = False) -> Any:
        """Summaries, newest first."""
        query = {
            "all": all or None,
            "filters": filters or None,
            "limit": limit if limit > 0 else None,
            "size": size or None,
        }
        return self._client.get("/containers/json", query)

    def create(self, body: Mapping[str, Any], *, name: str = "", platform: str = "") -> Any:
        """{"Id": …, "Warnings": […]}; ClientNotFound where the image is missing."""
        return self._client.post("/containers/create", {"name": name or None, "platform": platform or None}, body)

    def inspect(self, ref: str, *, size: bool = False) -> Any:
        return self._client.get(f"/containers/{segment(ref)}/json", {"size": size or None})

    def start(self, ref: str, *, detach_keys: str = "") -> None:
        """Started, or was already."""
        self._client.post(f"/containers/{segment(ref)}/start", {"detachKeys": detach_keys or None})

    def stop(self, ref: str, *, timeout_s: int | None = None, signal: str = "") -> None:
        """Stopped, or was already."""
        self._client.post(f"/containers/{segment(ref)}/stop", {"t": timeout_s, "signal": signal or None})

    def restart(self, ref: str, *, timeout_s: int | None = None, signal: str = "") -> None:
        self._client.post(f"/containers/{segment(ref)}/restart", {"t": timeout_s, "signal": signal or None})

    def kill(self, ref: str, *, signal: str = "") -> None:
        self._client.post(f"/containers/{segment(ref)}/kill", {"signal": signal or None})

    def pause(self, ref: str) -> None:
        self._client.post(f"/containers/{segment(ref)}/pause")

    def unpause(self, ref: str) -> None:
        self._client.post(f"/containers/{segment(ref)}/unpause")

    def rename(self, ref: str, name: str) -> None:
        self._client.post(f"/containers/{segment(ref)}/rename", {"name": name})

    def update(self, ref: str, body: Mapping[str, Any]) -> Any:
        """{"Warnings": […]}."""
        return self._client.post(f"/containers/{segment(ref)}/update", body=body)

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False, link: bool = False) -> None:
        query = {"force": force or None, "v": volumes or None, "link": link or None}
        self._client.delete(f"/containers/{segment(ref)}", query)

    def wait(self, ref: str, *, condition: str = "") -> int:
        """The exit status, once `condition` holds ("not-running", "next-exit", "removed")."""
        with self.wait_response(ref, condition=condition) as response:
            return int(response.json()["StatusCode"])

    def wait_response(self, ref: str, *, condition: str = "") -> Response:
        """The answer of wait; its headers come at once, its body with the exit."""
        return self._client.request("POST", f"/containers/{segment(ref)}/wait", {"condition": condition or None})

    def top(self, ref: str, ps_args: str = "") -> Any:
        """{"Titles": […], "Processes": [[…]]}."""
        return self._client.get(f"/containers/{segment(ref)}/top", {"ps_args": ps_args or None})

    def changes(self, ref: str) -> Any:
        """[{"Path": …, "Kind": 0 changed, 1 added, 2 deleted}]; None where there are none."""
        return self._client.get(f"/containers/{segment(ref)}/changes")

    def prune(self, filters: Filters | None = None) -> Any:
        return self._client.post("/containers/prune", {"filters": filters or None})

    def attach(self, ref: str, query: Mapping[str, Any]) -> Hijacked:
        """The container's streams; query: stream, stdin, stdout, stderr, logs, detachKeys."""
        return self._client.hijack(f"/containers/{segment(ref)}/attach", query)

    def resize(self, ref: str, rows: int, columns: int) -> None:
        self._client.post(f"/containers/{segment(ref)}/resize", {"h": rows, "w": columns})

    def logs(self, ref: str, query: Mapping[str, Any]) -> Response:
        """The log; query: stdout, stderr, follow, since, until, timestamps, tail, details."""
        return self._client.request("GET", f"/containers/{segment(ref)}/logs", query)

    def stats(self, ref: str, *, stream: bool, one_shot: bool = False) -> Response:
        """One JSON value a second (one only without `stream`)."""
        query = {"stream": stream, "one-shot": one_shot or None}
        return self._client.request("GET", f"/containers/{segment(ref)}/stats", query)

    def archive_stat(self, ref: str, path: str) -> dict[str, str]:
        """Headers with x-docker-container-path-stat."""
        return self._client.head(f"/containers/{segment(ref)}/archive", {"path": path})

    def archive(self, ref: str, path: str) -> Response:
        """A tar of `path`."""
        return self._client.request("GET", f"/containers/{segment(ref)}/archive", {"path": path})

    def put_archive(self, ref: str, path: str, tar: Iterable[bytes], query: Mapping[str, Any] | None = None) -> None:
        """Unpack a tar in the directory `path`."""
        self._client.put(f"/containers/{segment(ref)}/archive", {"path": path, **(query or {})}, tar)

    def export(self, ref: str) -> Response:
        """A tar of the whole file system."""
        return self._client.request("GET", f"/containers/{segment(ref)}/export")

    def commit(self, query: Mapping[str, Any], body: Mapping[str, Any] | None = None) -> Any:
        """{"Id": image id}; query: container, repo, tag, comment, author, pause, changes."""
        return self._client.post("/commit", query, body)


class Execs:
    """Requests about processes run in containers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, ref: str, body: Mapping[str, Any]) -> str:
        """Id of a process that is ready to start in the container."""
        return str(self._client.post(f"/containers/{segment(ref)}/exec", body=body)["Id"])

    def start(self, exec_id: str, *, tty: bool) -> Hijacked:
        """The streams of the process, which runs now."""
        return self._client.hijack(f"/exec/{segment(exec_id)}/start", body={"Detach": False, "Tty": tty})

    def start_detached(self, exec_id: str, *, tty: bool) -> None:
        self._client.post(f"/exec/{segment(exec_id)}/start", body={"Detach": True, "Tty": tty})

    def inspect(self, exec_id: str) -> Any:
        return self._client.get(f"/exec/{segment(exec_id)}/json")

    def resize(self, exec_id: str, rows: int, columns: int) -> None:
        self._client.post(f"/exec/{segment(exec_id)}/resize", {"h": rows, "w": columns})
