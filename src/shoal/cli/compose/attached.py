"""`shoal compose up` without `-d`: starts containers, shows what they write, and stops them on Ctrl-C."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from shoal.cli.compose.base.naming import short_name
from shoal.cli.compose.show.following import Followers, ProjectEvents, inspect_or_none
from shoal.cli.compose.show.log_lines import LogLines
from shoal.compose.operations import Call
from shoal.compose.plan import plan_kill, plan_start, plan_stop
from shoal.compose.planning.options import VerbOptions
from shoal.errors import NotFound, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Any

    from shoal.cli.compose.base.session import Session
    from shoal.compose.observed import ObservedContainer
    from shoal.compose.operations import Operation
    from shoal.compose.project import Project

_INTERRUPTED = 130
#: how long the ends of stopped containers are waited for
_LAST_EVENTS_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """When everything is stopped because one container ended, and whose exit status counts."""

    on_exit: bool = False
    on_failure: bool = False
    exit_code_from: str = ""


class Attached:
    """One attached `up`, from the start of the containers to their end."""

    def __init__(self, session: Session, project: Project, services: Sequence[str], ending: Ending) -> None:
        self._session = session
        self._project = project
        self._services = tuple(services)
        self._ending = ending
        if ending.exit_code_from and ending.exit_code_from not in project.services:
            raise NotFound(f"no such service: {ending.exit_code_from}")
        self._api = session.context.api
        self._state = session.observe(project.name)
        self._shown = self._names_shown()
        self._watched = {c.name: c for c in self._state.containers.values() if self._is_wanted(c, self._reachable())}
        self._lines = LogLines(
            session.context.stdout,
            session.context.stderr,
            sorted(self._shown.values()),
            has_prefix=not session.options.flag("no-log-prefix"),
            is_coloured=session.is_coloured(no_color=session.options.flag("no-color")),
        )
        self._followers = Followers(self._api, self._lines, timestamps=session.options.flag("timestamps"))
        self._events: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._live = set(self._watched)
        self._begun_at = f"{time.time():.9f}"
        self._ended_at: dict[str, str] = {}
        self._started: set[str] = set()
        self._awaited: set[str] = set()
        self._is_stopping = False
        self._exit_code: int | None = None

    def run(self) -> int:
        """The exit status of the command."""
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            self._start()
            return self._stay()
        except KeyboardInterrupt:
            return self._end_gracefully()
        finally:
            signal.signal(signal.SIGTERM, before)

    # -- which containers

    def _names_shown(self) -> dict[str, str]:
        """{container name: name in the prefix} of those whose output is shown."""
        options = self._session.options
        only, never = options.list("attach"), options.list("no-attach")
        for name in (*only, *never):
            if name not in self._project.services:
                raise NotFound(f"no such service: {name}")
        wanted = set(only or self._services or self._project.services)
        if options.flag("attach-dependencies"):
            wanted |= self._reachable()
        wanted -= set(never)
        if not only:
            wanted = {name for name in wanted if name in self._project.services and self._project.services[name].attach}
        return {c.name: self.short(c) for c in self._state.containers.values() if self._is_wanted(c, wanted)}

    def _reachable(self) -> set[str]:
        """The services asked for and all that they depend on."""
        if not self._services:
            return set(self._project.services)
        found: set[str] = set()
        left = [name for name in self._services if name in self._project.services]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += [other for other in self._project.services[name].depends_on if other in self._project.services]
        return found

    @staticmethod
    def _is_wanted(container: ObservedContainer, services: set[str]) -> bool:
        return container.service in services and not container.oneoff

    def short(self, container: ObservedContainer) -> str:
        """The container's name without the project's: `web-1`; a name of its own stays."""
        return short_name(container.name, self._project.name, self._project.separator)

    # -- the course of things

    def _start(self) -> None:
        if self._shown:
            self._session.context.print(f"Attaching to {', '.join(sorted(self._shown.values()))}")
            self._session.context.stdout.flush()
        ProjectEvents(self._api, self._project.name, self._events.put)
        for name, shown in self._shown.items():
            if self._state.containers[name].running:
                self._followers.follow_new(name, shown)
        plan = plan_start(self._project, self._state, VerbOptions(services=self._services))
        self._session.apply(plan, "Starting", quiet=True, before=self._listen_before_start)

    def _listen_before_start(self, operation: Operation) -> None:
        """Connect to a container before it writes its first line."""
        if not isinstance(operation, Call) or not operation.request.path.endswith("/start"):
            return
        name = operation.request.path.split("/")[-2]
        self._started.add(name)
        if self._session.options.flag("timestamps"):
            return  # the log knows them, and has no stream before the start: its event begins it
        self._awaited.add(name)
        if name in self._shown:
            self._followers.follow_new(name, self._shown[name])

    def _stay(self) -> int:
        self._drop_what_never_ran()
        while self._live:
            self._take(self._events.get())
        self._followers.wait_for_all()
        return self._status()

    def _take(self, event: dict[str, Any]) -> None:
        action, name = str(event.get("Action")), _name_of(event)
        if action == "gone":
            raise Unavailable("the engine closed the stream of events")
        if name not in self._watched:
            return
        if action == "start":
            self._take_start(name)
        elif action == "die":
            self._ended_at[name] = seconds_of(event)
            exit_code = int(event["Actor"]["Attributes"].get("exitCode") or 0)
            self._take_end(name, exit_code)
        elif action == "destroy":
            self._live.discard(name)

    def _take_start(self, name: str) -> None:
        """Follow a container that somebody else started, or its restart policy did."""
        self._live.add(name)
        if name in self._awaited:  # our own start: its output is followed already, and may have ended by now
            self._awaited.discard(name)
            return
        shown = self._shown.get(name)
        if shown:
            self._followers.wait_for_end(shown)
            # by the log, from the end of the run before: what was written before anybody could attach is in it
            self._followers.follow_log(name, shown, {"since": self._ended_at.get(name) or self._begun_at})

    def _drop_what_never_ran(self) -> None:
        """Forget containers whose end nobody will tell: never started, or ended before this command."""
        for name in tuple(self._live):
            seen = inspect_or_none(self._api, name)
            status = seen["State"].get("Status") if seen else "gone"
            if status in ("gone", "created") or (status == "exited" and name not in self._started):
                self._live.discard(name)

    def _take_end(self, name: str, exit_code: int) -> None:
        shown = self._shown.get(name)
        seen = inspect_or_none(self._api, name)
        is_restarting = seen is not None and bool(seen["State"].get("Restarting") or seen["State"].get("Running"))
        if shown:
            self._followers.wait_for_end(shown)
            self._lines.say(shown, f"exited with code {exit_code}" + (" (restarting)" if is_restarting else ""))
        if is_restarting:
            return
        self._live.discard(name)
        if self._watched[name].service == self._ending.exit_code_from:
            self._exit_code = exit_code
        is_enough = self._ending.on_exit or (self._ending.on_failure and exit_code != 0)
        if is_enough and not self._is_stopping:
            if not self._ending.exit_code_from:
                self._exit_code = exit_code
            self._session.context.warn("Aborting on container exit...")
            self._stop()

    def _status(self) -> int:
        if self._exit_code is None and self._ending.exit_code_from:
            for container in self._watched.values():
                if container.service == self._ending.exit_code_from:
                    seen = inspect_or_none(self._api, container.name)
                    self._exit_code = int(seen["State"].get("ExitCode") or 0) if seen else 0
        return self._exit_code or 0

    def _end_gracefully(self) -> int:
        try:
            self._session.context.warn("Gracefully Stopping... press Ctrl+C again to force")
            self._stop()
        except KeyboardInterrupt:
            state = self._session.observe(self._project.name)
            plan = plan_kill(self._project, state, VerbOptions(services=tuple(sorted(self._reachable()))))
            self._session.apply(plan, "Killing", is_patient=False)
        return _INTERRUPTED

    def _stop(self) -> None:
        """Stop what was started, in the reverse order of its dependencies, and show how each container ended."""
        from shoal.cli.compose.up import timeout_s

        self._is_stopping = True
        state = self._session.observe(self._project.name)
        services = tuple(sorted(self._reachable()))
        wanted = VerbOptions(services=services, stop_timeout_s=timeout_s(self._session.options))
        self._session.apply(plan_stop(self._project, state, wanted), "Stopping", is_patient=False, in_place=False)
        self._drop_what_never_ran()
        while self._live:
            try:
                self._take(self._events.get(timeout=_LAST_EVENTS_S))
            except Empty:
                return


def seconds_of(event: dict[str, Any]) -> str:
    """When an event happened, as the API takes times."""
    nanos = int(event.get("timeNano") or 0)
    return f"{nanos // 10**9}.{nanos % 10**9:09d}"


def _name_of(event: dict[str, Any]) -> str:
    return str(((event.get("Actor") or {}).get("Attributes") or {}).get("name", ""))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
