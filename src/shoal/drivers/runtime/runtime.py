"""The runtime: conmon and crun for what lives long, system calls for what is done often."""

import asyncio
import json
import logging
import os
import posixpath
import signal as signals
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.contracts.runtime import CreateRequest, ExecRequest, Exit, Run
from shoal.drivers.runtime import attach as attachments
from shoal.drivers.runtime import conmon as conmons
from shoal.drivers.runtime.cgroups import Cgroups
from shoal.drivers.runtime.creation import spawn_conmon
from shoal.drivers.runtime.crun import Crun, create_error
from shoal.drivers.runtime.execs import CrunExec, ExecStarter
from shoal.drivers.runtime.layout import Layout, Notes
from shoal.drivers.runtime.processes import run
from shoal.drivers.runtime.remains import Remains
from shoal.drivers.runtime.rotation import LogRotation
from shoal.drivers.runtime.runs import LiveRun
from shoal.drivers.runtime.usage import read_usage
from shoal.errors import DriverError, NotFound
from shoal.model.usage import Usage

_DELETE_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Waiter:
    """Somebody who waits for a container's next run. connects: to its stdio, before it starts"""

    run: "asyncio.Future[LiveRun]"
    connects: bool


class CrunRuntime:
    """Implements contracts.runtime.Runtime."""

    def __init__(
        self, run_dir: Path, *, instance: str, cgroups: Cgroups, crun: str = "/usr/bin/crun", conmon: str = "conmon"
    ) -> None:
        """instance: names the cgroup that the containers' cgroups are in"""
        self._layout = Layout(run_dir)
        self._layout.make()
        self._cgroups = cgroups
        self._parent = f"/{instance}"
        self._crun = Crun(crun, self._layout.crun)
        self._conmon = conmons.Conmon(conmon, self._crun, self._layout.exits)
        self._remains = Remains(self._layout, self._crun)
        self._execs = ExecStarter(self._crun, self._layout.consoles)
        self._runs: dict[str, LiveRun] = {}
        self._waiting: dict[str, list[_Waiter]] = {}
        self._exits: asyncio.Queue[Exit] = asyncio.Queue()
        self._rotation = LogRotation()

    def cgroup_of(self, container_id: str, parent: str = "") -> str:
        """Path of the cgroup for this container."""
        wanted = posixpath.normpath(f"/{parent}").lstrip("/")  # ".." never leads above the root of the hierarchy
        return f"/{wanted}/{container_id}" if wanted else f"{self._parent}/{container_id}"

    # -- one run -------------------------------------------------------------

    async def create(self, request: CreateRequest) -> Run:
        """The container's processes made, waiting for `start`."""
        container_id, process = request.container_id, request.spec.get("process", {})
        notes = Notes(
            cgroup=request.cgroup,
            terminal=bool(process.get("terminal")),
            log_path=str(request.log_path or ""),
            log_max_bytes=request.log_max_bytes,
            log_max_files=request.log_max_files,
        )
        bundle = self._layout.write_bundle(container_id, request.spec, notes)
        try:
            answer = await spawn_conmon(self._conmon, request, bundle)
            if answer.pid <= 0:
                raise create_error(answer.message, (process.get("args") or [""])[0])
            live = self._track(container_id, answer.pid, self._layout.number(bundle / "conmon.pid"), notes)
        except BaseException as error:
            await self._discard(container_id, notes.cgroup, error)
            raise
        await self._hand_over(live)
        return live.as_run()

    async def _discard(self, container_id: str, cgroup: str, error: BaseException) -> None:
        """Undo a create that failed or was given up; the first error stays the one that is told."""
        try:
            await asyncio.shield(self._undo(container_id, cgroup))
        except (DriverError, OSError) as second:
            error.add_note(f"clean-up failed too: {second}")

    async def _undo(self, container_id: str, cgroup: str) -> None:
        await self._remains.end(container_id)  # conmon and crun may still be at work, and make what was removed again
        await self._remove(container_id, cgroup)

    async def _hand_over(self, live: LiveRun) -> None:
        """Connect those who attached before there was a run; they must miss no output, so all this before `start`."""
        waiting = [waiter for waiter in self._waiting.pop(live.container_id, []) if not waiter.run.done()]
        for waiter in waiting:
            waiter.run.set_result(live)
        if attached := sum(waiter.connects for waiter in waiting):
            await attachments.wait_accepted(live.supervisor_pid, attached)

    async def start(self, container_id: str) -> None:
        """Let the init become the container's program."""
        live = self._live(container_id)
        fifo = self._crun.start_fifo(container_id)
        try:
            # what `crun start` does, without a process: the init reads one byte from the fifo
            fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            done = await run(self._crun.start(container_id))
            if done.exit_status:
                raise create_error(done.output, "") from None
        else:
            try:
                os.unlink(fifo)
                os.write(fd, b"\0")
            finally:
                os.close(fd)
        live.started = True

    async def kill(self, container_id: str, signal: int, *, all: bool = False) -> None:
        """Send `signal` to the init, or to every process of the container."""
        live = self._live(container_id)
        if not all:
            live.signal_init(signal)
            return
        for pid in self._cgroups.processes(live.notes.cgroup):
            try:
                os.kill(pid, signal)
            except ProcessLookupError:
                continue

    async def pause(self, container_id: str) -> None:
        """Freeze every process of the container."""
        live = self._live(container_id)
        await asyncio.to_thread(self._cgroups.freeze, live.notes.cgroup)

    async def resume(self, container_id: str) -> None:
        """Thaw them."""
        self._cgroups.thaw(self._live(container_id).notes.cgroup)

    async def update(self, container_id: str, resources: Mapping[str, Any]) -> None:
        """Set the cgroup's limits."""
        live = self._live(container_id)
        if (limit := resources.get("memory", {}).get("limit", 0)) > 0:
            await asyncio.to_thread(self._cgroups.make_room, live.notes.cgroup, limit)
        file = os.memfd_create("resources")
        try:
            os.write(file, json.dumps(resources).encode())
            done = await run(self._crun.update(container_id, f"/proc/self/fd/{file}"), keep_fds=[file])
        finally:
            os.close(file)
        if done.exit_status:
            raise DriverError(
                f"can't update the limits: {done.output}",
                argv=done.argv,
                exit_status=done.exit_status,
                stderr_tail=done.output,
            )

    async def delete(self, container_id: str) -> None:
        """Remove all that is left of a run, killing it where it still runs."""
        live = self._runs.get(container_id) or await self._find(container_id)
        if live is None:
            await self._remove(container_id, self.cgroup_of(container_id))
            return
        if not live.exit.done():
            await self._end(live)
        await self._remove(container_id, live.notes.cgroup)
        self._rotation.drop(container_id)
        self._runs.pop(container_id, None)

    async def _end(self, live: LiveRun) -> None:
        live.signal_init(signals.SIGKILL)
        if self._cgroups.is_frozen(live.notes.cgroup):  # it dies as soon as it thaws, without a step more
            self._cgroups.thaw(live.notes.cgroup)
        try:
            await asyncio.wait_for(asyncio.shield(live.exit), _DELETE_S)
        except TimeoutError:  # something that outlived the init holds its stdio
            await self.kill(live.container_id, signals.SIGKILL, all=True)
            live.signal_supervisor(signals.SIGKILL)
            await asyncio.wait_for(asyncio.shield(live.exit), _DELETE_S)

    async def _remove(self, container_id: str, cgroup: str) -> None:
        """Cgroup, crun's state and bundle gone: what `crun delete --force` does, without a process."""
        await asyncio.to_thread(self._remove_now, container_id, cgroup)

    def _remove_now(self, container_id: str, cgroup: str) -> None:
        self._cgroups.remove(cgroup)
        self._layout.remove(container_id)

    # -- streams -------------------------------------------------------------

    async def exec(self, request: ExecRequest) -> CrunExec:
        """A program started inside the container."""
        self._live(request.container_id)
        return await self._execs.start(request, self._layout.init_process(request.container_id))

    async def attach(self, container_id: str, *, output: bool = True) -> attachments.ConmonAttachment:
        """A connection to the run's stdio; without a run, to the next one's."""
        live = self._runs.get(container_id)
        if live is None or live.exit.done():
            live = await self._next_run(container_id, connects=True)
        return await attachments.connect(self._layout.bundle(live.container_id), output=output)

    async def _next_run(self, container_id: str, *, connects: bool = False) -> LiveRun:
        waiter = _Waiter(asyncio.get_running_loop().create_future(), connects)
        waiters = self._waiting.setdefault(container_id, [])
        waiters.append(waiter)
        try:
            return await waiter.run
        finally:
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters and self._waiting.get(container_id) is waiters:
                del self._waiting[container_id]

    async def resize(self, container_id: str, height: int, width: int) -> None:
        """Set the size of the container's terminal."""
        live = self._live(container_id)
        if live.notes.terminal:
            self._tell(container_id, "winsz", conmons.winsize(height, width))

    def _tell(self, container_id: str, fifo: str, line: bytes) -> None:
        """Write a line to one of conmon's fifos."""
        try:
            fd = os.open(self._layout.bundle(container_id) / fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            raise DriverError(f"can't reach the container's supervisor: {error.strerror}") from error
        try:
            os.write(fd, line)
        finally:
            os.close(fd)

    # -- adoption ------------------------------------------------------------

    async def adopt(self, container_id: str) -> Run | None:
        """The run that an earlier engine left, now watched by this one; None when there is none."""
        live = await self._find(container_id)
        if live is None:
            await self._remove(container_id, self.cgroup_of(container_id))
            return None
        paused = not live.exit.done() and self._cgroups.is_frozen(live.notes.cgroup)
        return live.as_run(paused=paused)

    async def _find(self, container_id: str) -> LiveRun | None:
        """The run that the files in the run directory tell of, watched from now on."""
        notes = self._layout.notes(container_id)
        if notes is None:
            return None
        bundle = self._layout.bundle(container_id)
        supervisor = await self._remains.supervisor(container_id)
        pid = self._remains.init(container_id)
        if supervisor or pid or self._layout.number(self._layout.exit_file(container_id)) >= 0:
            live = self._track(container_id, pid, supervisor, notes)
            live.started = not self._crun.start_fifo(container_id).exists()
            return live
        _log.info("rests of a run that never was", extra={"container": container_id, "bundle": str(bundle)})
        return None

    async def leftovers(self) -> Sequence[str]:
        """Ids of containers with rests of a run that this engine knows nothing of."""
        return sorted(self._layout.known() - set(self._runs))

    # -- exits ---------------------------------------------------------------

    def _track(self, container_id: str, pid: int, supervisor_pid: int, notes: Notes) -> LiveRun:
        live = LiveRun(container_id, max(pid, 0), max(supervisor_pid, 0), notes)
        self._runs[container_id] = live
        if notes.log_path and notes.log_max_bytes and notes.log_max_files > 1:
            self._rotation.add(container_id, notes, lambda: self._tell(container_id, "ctl", conmons.REOPEN_LOG))
        live.watch(self._on_end)
        return live

    def _on_end(self, live: LiveRun) -> None:
        """The supervisor has ended: all output is in the log and the exit file is there, unless it was killed."""
        exit_file = self._layout.exit_file(live.container_id)
        status = self._layout.number(exit_file)
        at = time.time_ns()
        if status < 0:
            _log.warning("supervisor lost, container killed", extra={"container": live.container_id})
            live.signal_init(signals.SIGKILL)
            if self._cgroups.is_frozen(live.notes.cgroup):
                self._cgroups.thaw(live.notes.cgroup)
            status = 128 + signals.SIGKILL
        else:
            at = exit_file.stat().st_mtime_ns
        oom = self._cgroups.oom_kills(live.notes.cgroup) > 0
        oom = oom or (self._layout.bundle(live.container_id) / "oom").exists()
        live.ended()
        self._rotation.drop(live.container_id)
        exit = Exit(container_id=live.container_id, exit_status=status, oom_killed=oom, at=at)
        live.exit.set_result(exit)
        self._exits.put_nowait(exit)

    async def exits(self) -> AsyncIterator[Exit]:
        """Every exit of a run of ours, once, as they happen."""
        while True:
            yield await self._exits.get()

    async def wait(self, container_id: str, *, next: bool = False) -> Exit:
        """The exit of the current run."""
        live = self._runs.get(container_id)
        if next and (live is None or live.exit.done()):
            live = await self._next_run(container_id)
        if live is None:
            raise NotFound(f"container {container_id} has no run")
        return await asyncio.shield(live.exit)

    # -- observing -----------------------------------------------------------

    async def processes(self, container_id: str) -> Sequence[int]:
        """Host pids of all processes of the container."""
        return self._cgroups.processes(self._live(container_id).notes.cgroup)

    async def stats(self, container_id: str) -> Usage:
        """What the container uses now."""
        live = self._live(container_id)
        return await asyncio.to_thread(read_usage, self._cgroups, live.notes.cgroup, live.pid, time.time_ns())

    async def close(self) -> None:
        """Stop watching; everything runs on."""
        await self._rotation.close()
        for live in self._runs.values():
            live.ended()
            live.exit.cancel()
        self._runs.clear()
        self._cgroups.remove_if_empty(self._parent)

    def _live(self, container_id: str) -> LiveRun:
        live = self._runs.get(container_id)
        if live is None or live.exit.done():
            raise NotFound(f"container {container_id} is not running")
        return live
