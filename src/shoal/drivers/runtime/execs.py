"""Programs started inside running containers by `crun exec`, their stdio held by the engine."""

import asyncio
import contextlib
import json
import os
import secrets
import signal as signals
import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Any

from shoal.contracts.runtime import STDERR, STDOUT, ExecRequest
from shoal.drivers.runtime.crun import Crun, exec_error, parse_report, program_error
from shoal.drivers.runtime.processes import spawn, wait_readable, watch_child, write_all

_READ = 32 * 1024


def process_spec(init: Mapping[str, Any], request: ExecRequest) -> dict[str, Any]:
    """The `process` part of the OCI runtime spec for an exec, made from the init's."""
    process = {key: value for key, value in init.items() if key not in ("consoleSize", "terminal")}
    process["args"] = list(request.args)
    process["terminal"] = request.terminal
    process["cwd"] = request.cwd or init.get("cwd") or "/"
    process["env"] = merge_env([*init.get("env", ()), *(["TERM=xterm"] if request.terminal else [])], request.env)
    if request.console_size:
        process["consoleSize"] = {"height": request.console_size[0], "width": request.console_size[1]}
    if request.user:
        uid, gid, more = request.user
        process["user"] = {"uid": uid, "gid": gid, "additionalGids": list(more)}
    if request.capabilities is not None:
        names = list(request.capabilities)
        process["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted")}
    elif request.user and request.user[0] != 0 and "capabilities" in init:
        # as execve does for a user that is not root: nothing effective, the bounding set stays
        process["capabilities"] = {"bounding": init["capabilities"].get("bounding", [])}
    if request.unconfined:
        process["noNewPrivileges"] = False
        process.pop("apparmorProfile", None)
    return process


def merge_env(base: "list[str]", added: "tuple[str, ...] | list[str] | Any") -> list[str]:
    """`base` with `added` over it; "KEY" alone takes a variable away."""
    variables = {entry.split("=", 1)[0]: entry for entry in base}
    for entry in added:
        if "=" in entry:
            variables[entry.split("=", 1)[0]] = entry
        else:
            variables.pop(entry, None)
    return list(variables.values())


@dataclass(slots=True)
class _Stdio:
    """Our ends of an exec's stdio; -1 = none. A terminal is read and written through `stdin`."""

    stdin: int = -1
    outputs: dict[int, int] = field(default_factory=dict)  #: {fd: STDOUT or STDERR}
    terminal: bool = False

    def close(self) -> None:
        for fd in {self.stdin, *self.outputs} - {-1}:
            os.close(fd)
        self.stdin, self.outputs = -1, {}


class CrunExec:
    """Implements contracts.runtime.ExecProcess."""

    def __init__(self, pid: int, status: "asyncio.Future[int]", stdio: _Stdio, report: int, program: str) -> None:
        self.pid = pid
        self._status = status
        self._stdio = stdio
        self._report = report
        self._program = program
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            self._pidfd = os.pidfd_open(pid)
        except OSError:
            self._pidfd = -1
        status.add_done_callback(lambda _: self._ended())

    async def read(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pieces of output until both streams are closed, or the program has ended."""
        while self._stdio.outputs:
            pieces = [(fd, *self._read_now(fd)) for fd in list(self._stdio.outputs)]
            for fd, stream, data in pieces:
                if data:
                    yield stream, data
                elif data == b"":
                    self._close_output(fd)
            if self._stdio.outputs and all(data is None for _, _, data in pieces):
                if self._exit.done():  # what holds the pipe open is a child that the program left behind
                    return
                await wait_readable(*self._stdio.outputs, unless=self._exit)

    def _read_now(self, fd: int) -> tuple[int, bytes | None]:
        stream = self._stdio.outputs[fd]
        try:
            return stream, os.read(fd, _READ)
        except BlockingIOError:
            return stream, None
        except OSError:  # EIO: the last process has closed its side of the terminal
            return stream, b""

    def _close_output(self, fd: int) -> None:
        del self._stdio.outputs[fd]
        if fd != self._stdio.stdin:
            os.close(fd)

    async def write(self, data: bytes) -> None:
        """Give input; dropped when the program has ended."""
        if self._stdio.stdin < 0:
            return
        try:
            await write_all(self._stdio.stdin, data)
        except OSError:  # the program has closed its stdin, or ended
            self.close_stdin()

    def close_stdin(self) -> None:
        """End-of-file for the program."""
        if not self._stdio.terminal and self._stdio.stdin >= 0:
            os.close(self._stdio.stdin)
            self._stdio.stdin = -1

    def resize(self, height: int, width: int) -> None:
        """Set the terminal's size."""
        if self._stdio.terminal and self._stdio.stdin >= 0:
            ioctl(self._stdio.stdin, TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def kill(self, signal: int) -> None:
        """Send a signal to the program."""
        if self._pidfd < 0:
            return
        try:
            signals.pidfd_send_signal(self._pidfd, signal)
        except ProcessLookupError:
            return

    async def wait(self) -> int:
        """Its exit status."""
        return await asyncio.shield(self._exit)

    def close(self) -> None:
        """Let go of the stdio: end-of-file for the program, and nobody reads what it still writes."""
        self._stdio.close()

    def _ended(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        report = parse_report(_read_rest(self._report))
        os.close(self._report)
        status = self._status.result()
        if report.errors and (known := program_error(report.errors[-1], self._program)):
            status = known[0]
        self._exit.set_result(status)


class ExecStarter:
    """Starts execs of one crun."""

    def __init__(self, crun: Crun, consoles: Path) -> None:
        """consoles: directory for the sockets over which crun hands terminals"""
        self._crun = crun
        self._consoles = consoles

    async def start(self, request: ExecRequest, init: Mapping[str, Any]) -> CrunExec:
        """A program running inside the container. Raises: InvalidArgument, DriverError"""
        spec = os.memfd_create("process")
        report, report_in = os.pipe()
        stdio, console = _Stdio(), None
        child_fds: list[int] = []
        try:
            os.write(spec, json.dumps(process_spec(init, request)).encode())
            console = _Console(self._consoles) if request.terminal else None
            theirs = (subprocess.DEVNULL,) * 3 if request.terminal else _pipes(request, stdio, child_fds)
            argv = self._crun.exec(
                request.container_id,
                process_file=f"/proc/self/fd/{spec}",
                report_file=f"/proc/self/fd/{report_in}",
                console_socket=console.path if console else "",
            )
            child = spawn(argv, stdio=theirs, keep_fds=[spec, report_in, *([console.folder] if console else [])])
            status = watch_child(child)
            _close(child_fds)
            os.close(report_in)
            report_in = -1
            pid = await self._started(report, status, request.args[0])
            if console:
                stdio = console.take()
            return CrunExec(pid, status, stdio, report, request.args[0])
        except BaseException:
            stdio.close()
            os.close(report)
            raise
        finally:
            _close([spec, *child_fds, *([report_in] if report_in >= 0 else [])])
            if console:
                console.close()

    async def _started(self, report: int, status: "asyncio.Future[int]", program: str) -> int:
        """The pid, as soon as crun has written it."""
        os.set_blocking(report, False)
        data = b""
        while not (found := parse_report(data)).pid and not found.errors:
            await wait_readable(report)
            piece = os.read(report, 4096)
            data += piece
            if not piece:
                break
        if found.pid and not found.errors:
            return found.pid
        await status
        raise exec_error("; ".join(parse_report(data + _read_rest(report)).errors), program)


class _Console:
    """A listening socket that takes one terminal from crun."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        name = secrets.token_hex(6)
        # by way of the fd, which crun inherits: a socket's path must fit into 108 bytes
        self.path = f"/proc/self/fd/{self.folder}/{name}"
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.bind(self.path)
            self._socket.listen(1)
        except OSError:
            self.close()
            raise

    def take(self) -> _Stdio:
        """The terminal; crun has sent it before it wrote the pid."""
        self._socket.settimeout(5)
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(5)
            _, fds, _, _ = socket.recv_fds(connection, 512, 1)
        os.set_blocking(fds[0], False)
        return _Stdio(stdin=fds[0], outputs={fds[0]: STDOUT}, terminal=True)

    def close(self) -> None:
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        os.close(self.folder)


def _pipes(request: ExecRequest, ours: _Stdio, theirs: list[int]) -> tuple[int, int, int]:
    """Pipes for what is wanted; adds the child's ends to `theirs`."""
    if request.detached:
        return (subprocess.DEVNULL,) * 3
    stdin = subprocess.DEVNULL
    if request.stdin:
        stdin, ours.stdin = os.pipe()
        os.set_blocking(ours.stdin, False)
        theirs.append(stdin)
    ends = []
    for stream in (STDOUT, STDERR):
        read, write = os.pipe()
        os.set_blocking(read, False)
        ours.outputs[read] = stream
        theirs.append(write)
        ends.append(write)
    return stdin, ends[0], ends[1]


def _read_rest(fd: int) -> bytes:
    """What a pipe holds now."""
    try:
        return os.read(fd, 64 * 1024)
    except OSError:
        return b""


def _close(fds: list[int]) -> None:
    while fds:
        os.close(fds.pop())
