"""Lines of progress of a service's tasks, as docker draws them: one bar a task up to twenty, and a sum."""

from __future__ import annotations

from shoal.cli.service.tasks import slot_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, Protocol

    Json = dict[str, Any]

    class Bars(Protocol):
        """is_converged: after the last lines, whether all tasks are there."""

        is_converged: bool

        def lines(
            self, service: Json, tasks: Sequence[Json], active: set[str], is_rollback: bool
        ) -> Iterator[Json]: ...


_STATES = (
    *("new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running"),
    *("complete", "shutdown", "failed", "rejected"),
)
_NUMBERS = {state: number for number, state in enumerate(_STATES, start=1)}
_RUNNING, _COMPLETE = _NUMBERS["running"], _NUMBERS["complete"]
_WIDTH = len("preparing")
_MAX_BARS = 20
_MAX_ERROR = 100


def bars_for(service: Json) -> Bars:
    """The lines that fit the service's mode."""
    mode = service["Spec"].get("Mode") or {}
    if mode.get("ReplicatedJob") is not None or mode.get("GlobalJob") is not None:
        return JobBars()
    return GlobalBars() if mode.get("Global") is not None else ReplicatedBars()


def _line(identity: str, status: str) -> Json:
    return {"id": identity, "status": status, "progressDetail": {}}


def _sum_line(count: int, wanted: int, is_rollback: bool) -> Json:
    word = "rolling back update: " if is_rollback else ""
    return _line("overall progress", f"{word}{count} out of {wanted} tasks")


def _state(task: Json) -> str:
    return str((task.get("Status") or {}).get("State") or "")


def _wanted(task: Json) -> str:
    return str(task.get("DesiredState") or "")


def _is_known(task: Json) -> bool:
    return _state(task) in _NUMBERS and _wanted(task) in _NUMBERS


def _is_over(state: str) -> bool:
    return _NUMBERS.get(state, 0) > _RUNNING


def _runs(task: Json) -> bool:
    return not _is_over(_wanted(task)) and _state(task) == "running"


def _task_line(identity: str, task: Json) -> Iterator[Json]:
    error = str((task.get("Status") or {}).get("Err") or "")
    if error:
        yield _line(identity, _short(error))
    elif not _is_over(_wanted(task)) and not _is_over(_state(task)):
        detail = {"current": _NUMBERS[_state(task)], "total": _RUNNING, "hidecounts": True}
        yield {"id": identity, "status": f"{_state(task):<{_WIDTH}}", "progressDetail": detail}


def _short(error: str) -> str:
    text = error.replace("\n", " ")
    return text if len(text) <= _MAX_ERROR else text[: _MAX_ERROR - 1] + "…"


class ReplicatedBars:
    """Of a service with a number of replicas: "1/3", "2/3", … in the order in which slots appear."""

    def __init__(self) -> None:
        self.is_converged = False
        self._places: dict[int, int] = {}
        self._is_drawn = False
        self._is_done = False

    def lines(self, service: Json, tasks: Sequence[Json], active: set[str], is_rollback: bool) -> Iterator[Json]:
        mode = service["Spec"]["Mode"].get("Replicated") or {}
        replicas = int(mode.get("Replicas", 1))
        if not self._is_drawn:
            yield _sum_line(0, replicas, is_rollback)
            if replicas <= _MAX_BARS:
                yield from (_line(f"{place}/{replicas}", " ") for place in range(1, replicas + 1))
            self._is_drawn = True
        slots = current_by_slot(tasks, active)
        if self._is_done and any(_state(task) != "running" for task in slots.values()):
            self._is_done = False
        running = sum(_runs(task) for task in slots.values())
        for slot, task in sorted(slots.items()):
            place = self._places.setdefault(slot, len(self._places) + 1)
            if not self._is_done and place <= replicas <= _MAX_BARS:
                yield from _task_line(f"{place}/{replicas}", task)
        if not self._is_done:
            yield _sum_line(running, replicas, is_rollback)
            self._is_done = running == replicas
        self.is_converged = running == replicas


def current_by_slot(tasks: Iterable[Json], active: set[str]) -> dict[int, Json]:
    """{slot: the task that is to be there}: the lowest wanted state, then the lowest state; none on lost nodes."""
    slots: dict[int, Json] = {}
    for task in tasks:
        if not _is_known(task) or (task.get("NodeID") and task["NodeID"] not in active):
            continue
        slot = int(task.get("Slot") or 0)
        if slot not in slots or _order(task) < _order(slots[slot]):
            slots[slot] = task
    return slots


def _order(task: Json) -> tuple[int, int]:
    return _NUMBERS[_wanted(task)], _NUMBERS[_state(task)]


class GlobalBars:
    """Of a service with a task on each node: a line a node."""

    def __init__(self) -> None:
        self.is_converged = False
        self._is_drawn = False
        self._is_done = False

    def lines(self, service: Json, tasks: Sequence[Json], active: set[str], is_rollback: bool) -> Iterator[Json]:
        by_node = current_by_node(tasks)
        if not self._is_drawn:
            if not by_node:
                yield _line("overall progress", "waiting for new tasks")
                return
            yield _sum_line(0, len(by_node), is_rollback)
            self._is_drawn = True
        if self._is_done and any(_state(task) != "running" for task in by_node.values()):
            self._is_done = False
        running = sum(_runs(task) for node, task in by_node.items() if node in active)
        for node, task in sorted(by_node.items()):
            if node in active and not self._is_done and len(by_node) <= _MAX_BARS:
                yield from _task_line(node[:12], task)
        if not self._is_done:
            yield _sum_line(running, len(by_node), is_rollback)
            self._is_done = running == len(by_node)
        self.is_converged = running == len(by_node)


def current_by_node(tasks: Iterable[Json]) -> dict[str, Json]:
    """{node id: the task that is to be there}."""
    found: dict[str, Json] = {}
    for task in tasks:
        node = str(task.get("NodeID") or "")
        if node and _is_known(task) and (node not in found or _order(task) < _order(found[node])):
            found[node] = task
    return found


class JobBars:
    """Of a job: how many tasks are complete, how many are active."""

    def __init__(self) -> None:
        self.is_converged = False
        self._is_drawn = False
        self._places: dict[str, int] = {}

    def lines(self, service: Json, tasks: Sequence[Json], active: set[str], is_rollback: bool) -> Iterator[Json]:
        iteration = ((service.get("JobStatus") or {}).get("JobIteration") or {}).get("Index")
        latest: dict[str, Json] = {}
        for task in tasks:
            place = str(slot_of(task) or task.get("NodeID") or "")
            is_of_run = (task.get("JobIteration") or {}).get("Index", iteration) == iteration
            if not is_of_run or not _is_known(task) or (not slot_of(task) and task.get("NodeID") not in active):
                continue
            if place not in latest or _NUMBERS[_state(task)] < _NUMBERS[_state(latest[place])]:
                latest[place] = task
        mode = service["Spec"]["Mode"].get("ReplicatedJob")
        wanted = len(latest) if mode is None else int(mode.get("TotalCompletions", 1))
        if mode is None and not latest:
            yield _line("job progress", "waiting for tasks")
            return
        concurrent = wanted if mode is None else int(mode.get("MaxConcurrent") or wanted)
        if not self._is_drawn:
            yield from self._sums(0, 0, wanted, concurrent)
            if wanted <= _MAX_BARS:
                yield from (_line(f"{place}/{wanted}", " ") for place in range(1, wanted + 1))
            self._is_drawn = True
        for name, task in sorted(latest.items(), key=lambda item: (len(item[0]), item[0])):
            number = self._places.setdefault(name, len(self._places) + 1)
            if number <= wanted <= _MAX_BARS:
                yield from self._task_lines(f"{number}/{wanted}", task)
        complete = sum(_state(task) == "complete" for task in latest.values())
        running = sum(_NUMBERS[_state(task)] < _COMPLETE for task in latest.values())
        yield from self._sums(running, complete, wanted, concurrent)
        self.is_converged = complete >= wanted

    @staticmethod
    def _sums(active: int, complete: int, wanted: int, concurrent: int) -> Iterator[Json]:
        detail = {"current": complete, "total": wanted, "hidecounts": True}
        text = f"{complete:>{len(str(wanted))}} out of {wanted} complete"
        yield {"id": "job progress", "status": text, "progressDetail": detail}
        yield _line(
            "active tasks", f"{active:>{len(str(concurrent))}} out of {min(wanted - complete, concurrent)} tasks"
        )

    @staticmethod
    def _task_lines(identity: str, task: Json) -> Iterator[Json]:
        error = str((task.get("Status") or {}).get("Err") or "")
        if error:
            yield _line(identity, _short(error))
            return
        number = min(_NUMBERS[_state(task)], _COMPLETE)
        detail = {"current": number, "total": _COMPLETE, "hidecounts": True}
        yield {"id": identity, "status": f"{_state(task):<{_WIDTH}}", "progressDetail": detail}
