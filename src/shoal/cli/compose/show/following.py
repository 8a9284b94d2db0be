"""Threads that copy the output of containers into `LogLines`, and the project's events."""

from __future__ import annotations

import threading

from shoal.client.streams import frames, raw_frames
from shoal.errors import NotFound, ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from shoal.cli.compose.show.log_lines import LogLines
    from shoal.client.api import Api
    from shoal.client.http import Response

#: how long the end of a container waits for its last lines
_LAST_LINES_S = 2.0


class Followers:
    """Copies the output of containers, one thread each; all end with their streams."""

    def __init__(self, api: Api, lines: LogLines, *, timestamps: bool = False) -> None:
        self._api = api
        self._lines = lines
        self._timestamps = timestamps
        self._threads: dict[str, threading.Thread] = {}

    def follow_new(self, container: str, shown: str) -> None:
        """Copy what `container` writes from now on; its connection stands when this returns."""
        if self._timestamps:  # only the log knows them
            self.follow_log(container, shown, {"tail": "0"})
            return
        if self.is_following(shown):
            return
        stream = self._api.containers.attach(container, {"stream": True, "stdout": True, "stderr": True})
        self._copy(shown, stream.frames())

    def follow_log(self, container: str, shown: str, query: Mapping[str, Any]) -> None:
        """Copy the log of `container`, and what it writes from now on."""
        if self.is_following(shown):
            return
        wanted = {"stdout": True, "stderr": True, "follow": True, "timestamps": self._timestamps or None, **query}
        self._copy(shown, frames_of(self._api.containers.logs(container, wanted)))

    def is_following(self, shown: str) -> bool:
        """Whether output of this container is being copied."""
        thread = self._threads.get(shown)
        return thread is not None and thread.is_alive()

    def wait_for_end(self, shown: str) -> None:
        """Return when all that the ended container wrote is shown."""
        thread = self._threads.get(shown)
        if thread is not None:
            thread.join(_LAST_LINES_S)

    def wait_for_all(self) -> None:
        """Return when no stream is left."""
        for thread in tuple(self._threads.values()):
            thread.join()

    def _copy(self, shown: str, source: Iterator[tuple[int, bytes]]) -> None:
        def run() -> None:
            try:
                for stream, data in source:
                    self._lines.write(shown, stream, data)
            except (ShoalError, BrokenPipeError):
                pass  # the engine went away (the events' stream ends too, and says so), or the reader of our output did
            self._lines.end(shown)

        # daemon: the program may end while containers run on
        thread = threading.Thread(target=run, name=f"log {shown}", daemon=True)
        self._threads[shown] = thread
        thread.start()


def frames_of(response: Response) -> Iterator[tuple[int, bytes]]:
    """(1 or 2, bytes) of a log, multiplexed or raw."""
    with response:
        yield from frames(response.read) if response.is_multiplexed() else raw_frames(response.read)


class ProjectEvents:
    """Events of a project's containers, given to `on_event` in a thread of its own.

    The stream stands when the constructor returns: what is started after it is seen.
    """

    def __init__(self, api: Api, project: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        filters = {"type": ["container"], "label": [f"com.docker.compose.project={project}"]}
        self._response = api.system.events_response(filters=filters)
        self._on_event = on_event
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def _run(self) -> None:
        try:
            for event in self._response.json_values():
                self._on_event(event)
        except (ShoalError, ValueError, OSError):
            pass  # reported below: an end is an end
        self._on_event({"Action": "gone"})


def inspect_or_none(api: Api, container: str) -> dict[str, Any] | None:
    """The container as inspected, None where it is gone."""
    try:
        found: dict[str, Any] = api.containers.inspect(container)
    except NotFound:
        return None
    return found
