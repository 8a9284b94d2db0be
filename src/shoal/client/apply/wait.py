"""Waits for conditions of containers: one stream of events for all waits of a plan, no polling.

A container is inspected when its wait begins and again when an event names it. The engine keeps events for late
subscribers only as long as it likes, so what has been quiet for a while is inspected again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from shoal.client.containers import segment
from shoal.client.http import Client, Response
from shoal.compose.operations import WaitFor
from shoal.compose.parts import Condition
from shoal.errors import InternalError, ShoalError

#: how long without news before everything is looked at again; shorter where there are no events to rely on
_QUIET_S, _WITHOUT_EVENTS_S = 5.0, 0.25
_TELLING = ("health_status", "die", "start", "destroy", "kill", "oom", "unpause")


class WaitFailed(ShoalError):
    """What was waited for can't happen any more, or took too long."""

    def of_dependency(self) -> WaitFailed:
        """The same, for a wait that others depend on; Compose's words."""
        if not self.message.startswith("container "):
            return self
        return WaitFailed(f"dependency failed to start: {self.message}", hint=self.hint)


@dataclass(slots=True)
class _Wait:
    operation: WaitFor
    deadline: float | None
    left: set[str] = field(default_factory=set)


class Watch:
    """The waits of one plan.

    over: called once for each wait, from the watch's thread, with the error where it failed
    """

    def __init__(self, client: Client, over: Callable[[WaitFor, ShoalError | None], None]) -> None:
        self._client = client
        self._over = over
        self._news: SimpleQueue[WaitFor | str | None] = SimpleQueue()
        self._waits: list[_Wait] = []
        self._thread: threading.Thread | None = None
        self._has_events = False
        self._stream: Response | None = None
        self._closed = False

    def add(self, operation: WaitFor) -> None:
        """Begin to wait."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="apply-wait", daemon=True)
            self._thread.start()
        self._news.put(operation)

    def close(self) -> None:
        """Give up all waits."""
        self._closed = True
        self._news.put(None)

    def _run(self) -> None:
        self._subscribe()
        try:
            while not self._closed:
                self._one_turn()
        except Exception as error:  # noqa: BLE001 - the owner of the waits must hear of it
            failure = InternalError(f"waiting failed: {error!r}")
            failure.__cause__ = error
            self._end_all(failure)

    def _subscribe(self) -> None:
        """Listen before anything is inspected, so that no change falls between the two."""
        try:
            self._stream = self._client.request("GET", "/events", {"filters": {"type": ["container"]}})
        except ShoalError:
            return  # an engine without events: look every now and then
        self._has_events = True
        threading.Thread(target=self._listen, args=(self._stream,), name="apply-events", daemon=True).start()

    def _listen(self, stream: Response) -> None:
        try:
            for event in stream.json_values():
                if str(event.get("Action", "")).startswith(_TELLING):
                    self._news.put(event.get("Actor", {}).get("Attributes", {}).get("name", ""))
                if self._closed:
                    return
        except (ShoalError, ValueError, OSError):
            pass  # the engine went away: requests of the waits say so
        finally:
            self._has_events = False
            stream.close()

    def _one_turn(self) -> None:
        try:
            news = self._news.get(timeout=self._patience())
        except Empty:
            news = ""
        if news is None:
            return
        if isinstance(news, WaitFor):
            deadline = None if news.timeout_s is None else time.monotonic() + news.timeout_s
            wait = _Wait(news, deadline, set(news.containers))
            self._waits.append(wait)
            self._look(wait, news.containers)
        else:
            for wait in tuple(self._waits):
                self._look(wait, (news,) if news else tuple(wait.left))
        self._end_late()

    def _patience(self) -> float | None:
        if not self._waits:
            return None
        quiet = _QUIET_S if self._has_events else _WITHOUT_EVENTS_S
        deadlines = [w.deadline for w in self._waits if w.deadline is not None]
        return max(0.0, min([quiet, *(d - time.monotonic() for d in deadlines)]))

    def _look(self, wait: _Wait, containers: tuple[str, ...]) -> None:
        for name in containers:
            if name not in wait.left:
                continue
            try:
                seen = self._client.get(f"/containers/{segment(name)}/json")
                if is_fulfilled(wait.operation.condition, name, seen):
                    wait.left.discard(name)
            except ShoalError as error:
                return self._end(wait, error)
        if not wait.left:
            self._end(wait, None)

    def _end_late(self) -> None:
        now = time.monotonic()
        for wait in tuple(self._waits):
            if wait.deadline is not None and wait.deadline <= now:
                names = ", ".join(sorted(wait.left))
                text = f"timeout: {names} not {_WORDS[wait.operation.condition]} after {wait.operation.timeout_s:g} s"
                self._end(wait, WaitFailed(text))

    def _end(self, wait: _Wait, error: ShoalError | None) -> None:
        if wait in self._waits:
            self._waits.remove(wait)
            self._over(wait.operation, error)

    def _end_all(self, error: ShoalError) -> None:
        while True:
            try:
                news = self._news.get(timeout=0.0)
            except Empty:
                break
            if isinstance(news, WaitFor):
                self._over(news, error)
        for wait in tuple(self._waits):
            self._end(wait, error)


_WORDS = {
    Condition.STARTED: "running",
    Condition.HEALTHY: "healthy",
    Condition.COMPLETED: "completed",
    Condition.RUNNING_OR_HEALTHY: "running or healthy",
}


def is_fulfilled(condition: Condition, name: str, seen: Mapping[str, Any]) -> bool:
    """Whether a container is in `condition`.

    seen: answer of GET /containers/{name}/json
    Raises: WaitFailed with Compose's words where it can't come to that any more
    """
    state = seen.get("State") or {}
    status, exit_code = state.get("Status") or "", int(state.get("ExitCode") or 0)
    if status == "dead":
        raise WaitFailed(f"container {name} is dead")
    if condition == Condition.COMPLETED:
        if status != "exited":
            return False
        if exit_code:
            service = _service_of(seen) or name
            raise WaitFailed(f'service "{service}" didn\'t complete successfully: exit {exit_code}')
        return True
    if status == "exited":
        raise WaitFailed(f"container {name} exited ({exit_code})")
    if condition == Condition.STARTED:
        return bool(state.get("Running"))
    health = (state.get("Health") or {}).get("Status") or "none"
    if health == "unhealthy":
        raise WaitFailed(f"container {name} is unhealthy", hint=_last_check(state["Health"]))
    if health == "none" and status == "running":
        if condition == Condition.RUNNING_OR_HEALTHY:
            return True
        raise WaitFailed(f"container {name} has no healthcheck configured")
    return bool(health == "healthy")


def _last_check(health: Mapping[str, Any]) -> str:
    log = health.get("Log") or []
    output = " ".join(str(log[-1].get("Output") or "").split()) if log else ""
    return f"its last check said: {output[:300]}" if output else ""


def _service_of(seen: Mapping[str, Any]) -> str:
    labels = (seen.get("Config") or {}).get("Labels") or {}
    return str(labels.get("com.docker.compose.service") or "")
