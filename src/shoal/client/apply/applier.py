"""Carries out a plan: every operation as soon as all that it depends on are done, several at a time.

Decides nothing. The first failure ends the plan: what runs is finished, what has not begun is skipped. Waits take no
place among the operations under way.

Threads in place of an event loop: a plan is tens of short requests, and the HTTP client blocks. A thread keeps its
connection while it has work, so a plan opens as many connections as it has operations at the same time, not more.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue

from shoal.client.apply.doors import Doors
from shoal.client.apply.interrupts import interrupts
from shoal.client.apply.progress import Phase, Progress, Report, nowhere
from shoal.client.apply.steps import Notice, Steps
from shoal.client.apply.wait import WaitFailed, Watch
from shoal.client.errors import ClientError
from shoal.client.http import Client
from shoal.compose.operations import BuildImage, Call, Operation, Plan, Pull, Push, WaitFor
from shoal.errors import ShoalError

DEFAULT_PARALLEL = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a plan.

    answers: {operation id: JSON answer of its last request} of what was done
    failed: {operation id: error}, in the order in which they failed
    skipped: ids of what was not begun
    interrupted: the user asked to stop
    """

    answers: Mapping[str, object] = field(default_factory=dict)
    failed: Mapping[str, ShoalError] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    interrupted: bool = False

    def raise_failure(self) -> None:
        """Raises: the first error (others as notes), or KeyboardInterrupt where the user asked to stop."""
        errors = list(self.failed.values())
        if errors:
            for other in errors[1:]:
                if str(other) != str(errors[0]):
                    errors[0].add_note(str(other))
            errors[0].hint = next((error.hint for error in errors if error.hint), "")
            raise errors[0]
        if self.interrupted:
            raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class _Result:
    operation: Operation
    answer: object = None
    error: BaseException | None = None
    warning: str = ""


class Applier:
    """Carries out plans on one engine.

    parallel: operations under way at the same time; 0 or less is no limit
    is_patient: an interrupt waits for the plain requests under way; else it is raised at once
    before: called in the operation's thread just before it begins (attached `up` listens before a container starts)
    """

    def __init__(
        self,
        client: Client,
        *,
        doors: Doors | None = None,
        parallel: int = DEFAULT_PARALLEL,
        report: Report = nowhere,
        before: Callable[[Operation], None] | None = None,
        is_patient: bool = True,
    ) -> None:
        self._client = client
        self._is_patient = is_patient
        self._parallel = parallel
        self._report = report
        self._before = before
        self._steps = Steps(client, doors or Doors(), report)

    def apply(self, plan: Plan) -> Outcome:
        """What became of `plan`. Errors of operations are in the outcome, not raised.

        An interrupt (Ctrl-C) in this thread begins nothing more and waits for the plain requests under way; a second
        one is raised at once.
        """
        run = _Run(plan, self._client, self._limit(plan), self._perform, self._report)
        try:
            with interrupts(run.interrupt if self._is_patient else None):
                run.to_the_end()
            return run.outcome()
        finally:
            run.close()

    def _limit(self, plan: Plan) -> int:
        return self._parallel if self._parallel > 0 else max(1, len(plan.operations))

    def _perform(self, operation: Operation) -> object:
        if self._before is not None:
            self._before(operation)
        return self._steps.perform(operation)


class _Run:
    """One plan being carried out; owns its threads."""

    def __init__(
        self, plan: Plan, client: Client, limit: int, perform: Callable[[Operation], object], report: Report
    ) -> None:
        self._plan = plan
        self._limit = limit
        self._perform = perform
        self._report = report
        self._jobs: SimpleQueue[Operation | None] = SimpleQueue()
        self._results: SimpleQueue[_Result | None] = SimpleQueue()  # None: something else to look at
        self._threads = 0
        self._idle = 0
        self._missing = {o.id: set(o.depends_on) for o in plan.operations}
        self._followers: dict[str, list[Operation]] = {}
        for operation in plan.operations:
            for needed in operation.depends_on:
                self._followers.setdefault(needed, []).append(operation)
        self._ready = deque(o for o in plan.operations if not o.depends_on)
        self._running: dict[str, Operation] = {}
        self._answers: dict[str, object] = {}
        self._failed: dict[str, ShoalError] = {}
        self._interrupted = False
        self._watch: Watch | None = None
        if any(isinstance(o, WaitFor) for o in plan.operations):
            self._watch = Watch(client, self._wait_is_over)

    def to_the_end(self) -> None:
        while True:
            self._begin_what_is_ready()
            if not self._has_work_to_wait_for():
                break
            if (result := self._results.get()) is not None:
                self._take(result)

    def outcome(self) -> Outcome:
        done = set(self._answers) | set(self._failed)
        return Outcome(
            answers=self._answers,
            failed=self._failed,
            skipped=tuple(o.id for o in self._plan.operations if o.id not in done),
            interrupted=self._interrupted,
        )

    def interrupt(self) -> None:
        self._interrupted = True
        self._results.put(None)

    def close(self) -> None:
        for _ in range(self._threads):
            self._jobs.put(None)
        if self._watch is not None:
            self._watch.close()

    def _has_work_to_wait_for(self) -> bool:
        if not self._failed and not self._interrupted:
            return bool(self._running)
        # transfers, builds and waits may last for ever: once the plan has failed they are left to the engine, which
        # ends a transfer when its connection closes
        long = (WaitFor, Pull, Push, BuildImage) if self._interrupted else (WaitFor,)
        return any(not isinstance(o, long) for o in self._running.values())

    def _begin_what_is_ready(self) -> None:
        if self._failed or self._interrupted:
            self._ready.clear()
        for _ in range(len(self._ready)):
            operation = self._ready.popleft()
            if isinstance(operation, WaitFor):
                assert self._watch is not None
                self._running[operation.id] = operation
                self._report(Progress(subject=operation.subject, status=operation.doing))
                self._watch.add(operation)
            elif sum(not isinstance(o, WaitFor) for o in self._running.values()) < self._limit:
                self._running[operation.id] = operation
                self._hand_out(operation)
            else:
                self._ready.append(operation)

    def _hand_out(self, operation: Operation) -> None:
        if self._idle:
            self._idle -= 1
        else:
            self._threads += 1
            # daemon: a second Ctrl-C must end the program although a request hangs
            threading.Thread(target=self._work, name=f"apply-{self._threads}", daemon=True).start()
        self._jobs.put(operation)

    def _work(self) -> None:
        while (operation := self._jobs.get()) is not None:
            self._results.put(self._attempt(operation))

    def _attempt(self, operation: Operation) -> _Result:
        try:
            if operation.doing:
                self._report(Progress(subject=operation.subject, status=operation.doing))
            answer = self._perform(operation)
        except ShoalError as error:
            if isinstance(operation, Pull | Push) and operation.ignore_failure:
                return _Result(operation, warning=describe(error))
            if isinstance(operation, Call) and getattr(error, "status", 0) in operation.in_use:
                return _Result(operation, warning="Resource is still in use")
            return _Result(operation, error=error)
        except BaseException as error:  # noqa: BLE001 - handed to the owner's thread, which raises it
            return _Result(operation, error=error)
        if isinstance(answer, Notice):
            return _Result(operation, warning=answer.text)
        return _Result(operation, answer=answer)

    def _wait_is_over(self, operation: WaitFor, error: ShoalError | None) -> None:
        if error is not None and not operation.required:
            self._results.put(_Result(operation, warning=f"optional dependency: {error}"))
        elif isinstance(error, WaitFailed) and operation.id in self._followers:
            self._results.put(_Result(operation, error=error.of_dependency()))
        else:
            self._results.put(_Result(operation, error=error))

    def _take(self, result: _Result) -> None:
        operation = result.operation
        del self._running[operation.id]
        if not isinstance(operation, WaitFor):
            self._idle += 1
        if result.error is not None:
            if not isinstance(result.error, ShoalError):
                raise result.error
            self._failed[operation.id] = result.error
            status = describe(result.error)
            self._report(Progress(subject=operation.subject, status=status, phase=Phase.ERROR))
            return
        self._answers[operation.id] = result.answer
        phase = Phase.WORKING if operation.done == operation.doing else Phase.DONE
        phase = Phase.WARNING if result.warning else phase
        if status := result.warning or operation.done:
            self._report(Progress(subject=operation.subject, status=status, phase=phase))
        for follower in self._followers.get(operation.id, ()):
            needed = self._missing[follower.id]
            needed.discard(operation.id)
            if not needed:
                self._ready.append(follower)


def describe(error: ShoalError) -> str:
    """`error` in one line, as Compose shows it next to what failed."""
    line = str(error).partition("\n")[0]
    return f"Error response from daemon: {line}" if isinstance(error, ClientError) else line
