"""The runtime: starts containers' processes, stays informed about them, and tells how they ended.

Words: a container's **init** is its first process (`pid`, a host pid). Its **supervisor** (conmon) is a small process
of its own session that holds the init's stdio, writes the log and keeps the exit status; it outlives the engine. The
**bundle** is the runtime's own directory of one container, in the run directory (gone after a reboot). A **cgroup** is
named by its path below the cgroup root ("/shoal/<id>"), the same on cgroup v1 and v2.

Lifecycle of one run of a container (a restart is a new run: `create` again after `delete`):

    create    writes the bundle, starts the supervisor, makes namespaces, cgroup and mounts; the init exists and waits
    start     the init becomes the container's program
    ...       kill, pause, resume, update, exec, attach, resize, stats, processes: only between start and the exit
    (exit)    `exits()` yields one Exit for every run that was created or adopted; `wait` gives the same Exit
    delete    removes cgroup, bundle and the runtime's state; with the init alive it is killed first; idempotent

`create` that raises has removed all that it made. After `create` the run belongs to the caller, who must `delete` it,
also when it was never started. An init that exits, or is killed, between create and start ends in an Exit as well.

When the engine dies at any moment, nothing that runs is hurt. The next engine calls `adopt` for every container that
its records say may have a run: it gives the run as it is now, or None where nothing is left of one (after a reboot, or
when it was never created). An exit that happened meanwhile comes out of `exits()` after `adopt`, with its true status
and time. `leftovers` names the runs that exist and belong to no record.

Execs are children of the engine's: their pipes or terminal are held by the engine, nothing of them is written to the
container's log, and an attached exec loses its stdio when the engine dies (its program then gets end-of-file or
SIGPIPE, as when a terminal closes); a detached exec runs on.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from shoal.model.usage import Usage

STDIN, STDOUT, STDERR = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """What `Runtime.create` needs.

    spec: the OCI runtime spec; its `linux.cgroupsPath` must be `cgroup`, its `process.terminal` tells whether there is
        a terminal
    cgroup: see `Runtime.cgroup_of`
    log_path: file that gets the output (see contracts.logs); None = the output is only for those attached
    log_max_bytes: a log file is ended at this size; 0 = no limit
    log_max_files: how many log files are kept: log_path, log_path.1 (the newest full one), …
    stdin_open: the init's stdin is a pipe (or terminal) that attached clients write to; else /dev/null
    stdin_once: end-of-file of the first client that ends its stdin reaches the init; else, and always with a terminal,
        stdin stays open
    """

    container_id: str
    spec: Mapping[str, Any]
    cgroup: str
    log_path: Path | None
    log_max_bytes: int = 0
    log_max_files: int = 1
    stdin_open: bool = False
    stdin_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A container's run as the runtime sees it.

    pid: of the init, 0 when it has exited
    """

    container_id: str
    pid: int
    supervisor_pid: int
    started: bool  #: False between create and start
    paused: bool = False
    exited: bool = False  #: its Exit comes out of `exits()`
    cgroup: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a run ended.

    exit_status: as the shell has it: 128 + signal when killed by one; 137 too when the supervisor was lost
    at: ns since the epoch, UTC
    """

    container_id: str
    exit_status: int
    oom_killed: bool
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecRequest:
    """A further program inside a running container: as the init in all that is not said here.

    env: "KEY=value", added to the init's
    cwd: "" = the init's
    user: (uid, gid, additional gids), already looked up in the container's passwd and group; None = the init's
    capabilities: names ("CAP_CHOWN") of the bounding, effective and permitted sets; None = the init's
    unconfined: without the init's AppArmor profile and no-new-privileges; its seccomp filter stays
    """

    container_id: str
    args: Sequence[str]
    env: Sequence[str] = ()
    cwd: str = ""
    user: tuple[int, int, tuple[int, ...]] | None = None
    terminal: bool = False
    stdin: bool = False
    capabilities: Sequence[str] | None = None
    unconfined: bool = False
    detached: bool = False  #: no terminal, stdio is /dev/null; runs on when the engine dies
    console_size: tuple[int, int] | None = None  #: height, width


class ExecProcess(Protocol):
    """A started exec. `close` must be called in the end, or its pipes stay open."""

    @property
    def pid(self) -> int:
        """Host pid of the program."""
        ...

    def read(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pieces of output, (STDOUT or STDERR, bytes), until the program ends; a terminal's output is all STDOUT."""
        ...

    async def write(self, data: bytes) -> None:
        """Give input; waits while the program does not take it; input after the program's end is dropped."""
        ...

    def close_stdin(self) -> None:
        """End-of-file for the program (a terminal stays as it is)."""
        ...

    def resize(self, height: int, width: int) -> None:
        """Set the terminal's size; nothing without a terminal."""
        ...

    def kill(self, signal: int) -> None:
        """Send a signal to the program; nothing when it has ended."""
        ...

    async def wait(self) -> int:
        """Its exit status, as the shell has it."""
        ...

    def close(self) -> None:
        """Let go of its stdio; the program goes on."""
        ...


class Attachment(Protocol):
    """A live connection to a run's stdio, through its supervisor."""

    async def read(self) -> tuple[int, bytes] | None:
        """The next piece of output, (STDOUT or STDERR, bytes); None at the end of the run."""
        ...

    async def write(self, data: bytes) -> None:
        """Give input to the init."""
        ...

    def close_stdin(self) -> None:
        """No more input from here; end-of-file for the init when the run was created with `stdin_once`."""
        ...

    def close(self) -> None:
        """Leave; the run goes on."""
        ...


class Runtime(Protocol):
    """Runs containers. Every method but `create`, `adopt` and `leftovers` needs a run.

    Raises: NotFound when the container has no run (or it has exited, for kill … stats); DriverError when the runtime or
    the kernel refuses, with the message of the runtime; InvalidArgument where the container's own program can't be run,
    in Docker's words (`exec: "x": executable file not found in $PATH`, `permission denied`)
    """

    def cgroup_of(self, container_id: str, parent: str = "") -> str:
        """Path of the cgroup for this container below `parent`; "" = the engine's own."""
        ...

    async def create(self, request: CreateRequest) -> Run:
        """The container's processes made, waiting for `start`."""
        ...

    async def start(self, container_id: str) -> None:
        """Let the init become the container's program."""
        ...

    async def kill(self, container_id: str, signal: int, *, all: bool = False) -> None:
        """Send `signal` to the init, or to every process of the container."""
        ...

    async def pause(self, container_id: str) -> None:
        """Freeze every process of the container."""
        ...

    async def resume(self, container_id: str) -> None:
        """Thaw them."""
        ...

    async def update(self, container_id: str, resources: Mapping[str, Any]) -> None:
        """Set the cgroup's limits: `linux.resources` of the OCI runtime spec, only what changes."""
        ...

    async def delete(self, container_id: str) -> None:
        """Remove all that is left of a run, killing it where it still runs; no run is no error."""
        ...

    async def exec(self, request: ExecRequest) -> ExecProcess:
        """A program started inside the container."""
        ...

    async def attach(self, container_id: str, *, output: bool = True) -> Attachment:
        """A connection to the run's stdio: output from now on where `output` says so, and a way to give input.

        The container waits for whoever does not read. Without a run, the next run is waited for and its output is
        complete.
        """
        ...

    async def resize(self, container_id: str, height: int, width: int) -> None:
        """Set the size of the container's terminal."""
        ...

    async def adopt(self, container_id: str) -> Run | None:
        """The run that an earlier engine left, now watched by this one; None when there is none."""
        ...

    async def leftovers(self) -> Sequence[str]:
        """Ids of containers with a run (or rests of one) that this engine has neither created nor adopted."""
        ...

    def exits(self) -> AsyncIterator[Exit]:
        """Every exit of a run of ours, once, as they happen. One consumer."""
        ...

    async def wait(self, container_id: str, *, next: bool = False) -> Exit:
        """The exit of the current run, at once when it has exited already.

        next: without a run, or with one that has exited, wait for the next run and its exit
        """
        ...

    async def processes(self, container_id: str) -> Sequence[int]:
        """Host pids of all processes of the container, execs included."""
        ...

    async def stats(self, container_id: str) -> Usage:
        """What the container uses now."""
        ...

    async def close(self) -> None:
        """Stop watching; everything runs on."""
        ...
