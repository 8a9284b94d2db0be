"""Spawning and watching processes on the event loop without a thread each.

subprocess.Popen is used without preexec_fn, so that the child is made by vfork: its cost does not grow with the engine.
The end of a process is seen through a pidfd.
"""

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended; `output` is stdout and stderr together."""

    argv: tuple[str, ...]
    exit_status: int
    output: str


def spawn(
    argv: Sequence[str],
    *,
    stdio: tuple[int, int, int] = (subprocess.DEVNULL, subprocess.DEVNULL, subprocess.DEVNULL),
    keep_fds: Sequence[int] = (),
    env: Mapping[str, str] = ENV,
    cwd: str | None = None,
) -> "subprocess.Popen[bytes]":
    """A child in a session of its own, so that no signal meant for the engine reaches it. Raises: OSError"""
    return subprocess.Popen(
        list(argv),
        stdin=stdio[0],
        stdout=stdio[1],
        stderr=stdio[2],
        pass_fds=keep_fds,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


async def run(argv: Sequence[str], *, keep_fds: Sequence[int] = ()) -> Finished:
    """`argv` run to its end. Raises: OSError when there is no such program"""
    output = os.memfd_create("output")
    try:
        child = spawn(argv, stdio=(subprocess.DEVNULL, output, output), keep_fds=keep_fds)
        status = await watch_child(child)
        return Finished(tuple(argv), status, os.pread(output, 64 * 1024, 0).decode(errors="replace").strip())
    finally:
        os.close(output)


def watch_child(child: "subprocess.Popen[bytes]") -> "asyncio.Future[int]":
    """The exit status of a child of ours, to come; 128 + signal when it was killed. The child is reaped."""
    loop = asyncio.get_running_loop()
    status: asyncio.Future[int] = loop.create_future()
    pidfd = os.pidfd_open(child.pid)

    def reap() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        code = child.wait()
        if not status.done():
            status.set_result(128 - code if code < 0 else code)

    loop.add_reader(pidfd, reap)
    return status


async def wait_readable(*fds: int, unless: "asyncio.Future[Any] | None" = None) -> None:
    """Return when one of `fds` can be read (for a pidfd: when its process has ended) or `unless` is done."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake(_: Any = None) -> None:
        _wake(ready)

    for fd in fds:
        loop.add_reader(fd, wake)
    if unless:
        unless.add_done_callback(wake)
    try:
        await ready
    finally:
        for fd in fds:
            loop.remove_reader(fd)
        if unless:
            unless.remove_done_callback(wake)


async def wait_writable(fd: int) -> None:
    """Return when `fd` takes data, or has an error to report."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(fd, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


def _wake(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


async def read_all(fd: int, *, until_line: bool = False) -> bytes:
    """All of a pipe until its end, or until its first newline."""
    os.set_blocking(fd, False)
    data = b""
    while True:
        try:
            piece = os.read(fd, 4096)
        except BlockingIOError:
            await wait_readable(fd)
            continue
        data += piece
        if not piece or (until_line and b"\n" in piece):
            return data


async def write_all(fd: int, data: bytes) -> None:
    """All of `data` to a non-blocking fd. Raises: OSError"""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            await wait_writable(fd)


def start_ticks(pid: int) -> int:
    """When `pid` was started, in clock ticks since boot; 0 when there is no such process. Source: proc(5), stat"""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError):
        return 0


def is_zombie(pid: int) -> bool:
    """True when the process has ended, reaped or not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True


def command_line(pid: int) -> list[str]:
    """The arguments of `pid`; [] when there is no such process."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []
