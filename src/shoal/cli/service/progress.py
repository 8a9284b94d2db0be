"""Waiting for a service to become what was asked for, with docker's lines: a bar a task, "verify: …" in the end.

A service has converged when all its tasks run (which is: healthy, where there is a health check) and no update of it
is under way. Docker waits for five more seconds; here whoever wants that says so (`--verify 5s`). An update watches
its tasks itself, for its `--update-monitor`, and is not over before.
"""

from __future__ import annotations

import time

from shoal.cli.errors import PlainError
from shoal.cli.progress import show_messages
from shoal.cli.service.bars import bars_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from shoal.cli.command import Context

    Json = dict[str, Any]

_FAST_S, _SLOW_S = 0.05, 0.2
_FAST_POLLS = 60
_NODES_EVERY = 10  #: polls
_UNDER_WAY = ("updating", "rollback_started")


def wait_on_service(
    context: Context,
    service_id: str,
    *,
    before: Json | None = None,
    is_quiet: bool = False,
    stable_ns: int = 0,
) -> int:
    """Show how a service converges until it has. Interrupted, it goes on in the background.

    before: UpdateStatus from before the change, which says nothing of this one
    stable_ns: how long all tasks must have run
    Returns: 0. Raises: PlainError where the update pauses
    """
    messages: Iterable[Json] = _Waiting(context, service_id, before, stable_ns / 1e9).messages()
    is_terminal = context.stdout_is_terminal()
    if is_quiet:
        for _ in messages:
            pass
        return 0
    show_messages(messages if is_terminal else _once_each(messages), context.stdout, is_terminal=is_terminal)
    return 0


def _once_each(messages: Iterable[Json]) -> Iterator[Json]:
    """Without what a line has just said: a log shows each change once."""
    told: dict[str, str] = {}
    for message in messages:
        name, status = str(message.get("id") or ""), str(message.get("status") or "")
        if not name or told.get(name) != status:
            told[name] = status
            yield message


def line(identity: str, status: str) -> Json:
    """A line of progress without a bar."""
    return {"id": identity, "status": status, "progressDetail": {}}


class _Waiting:
    def __init__(self, context: Context, service_id: str, before: Json | None, stable_s: float) -> None:
        self._api = context.api
        self._id = service_id
        self._before = before
        self._stable_s = stable_s
        self._is_rollback = False
        self._is_converged = False
        self._converged_at: float | None = None
        self._active: set[str] = set()

    def messages(self) -> Iterator[Json]:
        """The lines, until there is nothing to wait for."""
        polls = 0
        try:
            while True:
                service = self._api.services.inspect(self._id)
                if polls == 0:
                    bars = bars_for(service)
                if polls % _NODES_EVERY == 0:
                    self._active = {
                        node["ID"] for node in self._api.nodes.list() if node["Status"].get("State") != "down"
                    }
                yield from self._update_lines(service)
                filters = {"service": [self._id], "_up-to-date": ["true"]}
                yield from bars.lines(service, self._api.tasks.list(filters), self._active, self._is_rollback)
                self._is_converged = bars.is_converged
                if self._is_converged and service.get("JobStatus") is not None:
                    yield {"status": "job complete"}
                    return
                if self._has_ended(service):
                    return
                yield from self._verify_lines(service)
                if self._is_done(service):
                    yield line("verify", "Service converged")
                    yield from self._rollback_line(service)
                    return
                polls += 1
                time.sleep(_FAST_S if polls < _FAST_POLLS else _SLOW_S)
        except KeyboardInterrupt:
            if not self._is_converged:
                yield {"status": "Operation continuing in background."}
                yield {"status": f"Use `shoal service ps {self._id}` to check progress."}

    def _status(self, service: Json) -> Json:
        """The UpdateStatus of this change; empty where there is none yet."""
        status: Json = service.get("UpdateStatus") or {}
        return {} if status == (self._before or {}) else status

    def _update_lines(self, service: Json) -> Iterator[Json]:
        status = self._status(service)
        state, message = str(status.get("State") or ""), str(status.get("Message") or "")
        if state == "updating":
            self._is_rollback = False
        elif state in ("paused", "rollback_paused"):
            word = "rollback" if state == "rollback_paused" else "update"
            raise PlainError(f"service {word} paused: {message}")
        elif state == "rollback_started":
            if not self._is_rollback and message:
                yield line("rollback", message)
            self._is_rollback = True
        elif state == "rollback_completed":
            self._is_rollback = True

    def _verify_lines(self, service: Json) -> Iterator[Json]:
        if not self._is_converged:
            if self._converged_at is not None:
                yield line("verify", "Detected task failure")
            self._converged_at = None
            return
        now = time.monotonic()
        if self._converged_at is None:
            self._converged_at = now
        wait_s = self._stable_s
        if self._is_under_way(service):
            config = (service.get("Spec") or {}).get("RollbackConfig" if self._is_rollback else "UpdateConfig") or {}
            wait_s = max(wait_s, float(config.get("Monitor") or 5e9) / 1e9)
        left_s = wait_s - (now - self._converged_at)
        if left_s > 0:
            yield line("verify", f"Waiting {-int(-left_s // 1)} seconds to verify that tasks are stable...")

    def _is_under_way(self, service: Json) -> bool:
        return self._status(service).get("State") in _UNDER_WAY

    def _is_done(self, service: Json) -> bool:
        if self._converged_at is None or self._is_under_way(service):
            return False
        return time.monotonic() - self._converged_at >= self._stable_s

    def _has_ended(self, service: Json) -> bool:
        """Whether the update is over though not every task runs: failures that it tolerates."""
        return not self._is_converged and self._status(service).get("State") == "completed"

    def _rollback_line(self, service: Json) -> Iterator[Json]:
        status = self._status(service)
        if status.get("State") == "rollback_completed":
            yield {"id": "rollback", "status": str(status.get("Message") or "")}
