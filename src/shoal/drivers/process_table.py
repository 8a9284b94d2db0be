"""ps -ef from /proc; any other form from the host's ps."""

import asyncio
import os
import pwd
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from shoal.errors import DriverError, InvalidArgument

TITLES = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
_TICKS = os.sysconf("SC_CLK_TCK")
_PS_S = 10.0


@dataclass(frozen=True, slots=True)
class Stat:
    """Fields of /proc/<pid>/stat that `ps -ef` shows; times in seconds."""

    comm: str
    ppid: int
    tty: int
    cpu_s: float
    started_s: float


def parse_stat(text: str) -> Stat:
    """One line of /proc/<pid>/stat. Source: proc(5)"""
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return Stat(
        comm=head.partition("(")[2],
        ppid=int(fields[1]),
        tty=int(fields[4]),
        cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS,
        started_s=int(fields[19]) / _TICKS,
    )


def row(pid: int, user: str, stat: Stat, arguments: str, *, uptime_s: float, now_s: float) -> list[str]:
    """The row of `ps -ef`."""
    age_s = max(uptime_s - stat.started_s, 0.01)
    started = datetime.fromtimestamp(now_s - age_s)
    stime = started.strftime("%H:%M") if age_s < 86400 else started.strftime("%b%d")
    seconds = int(stat.cpu_s)
    return [
        user,
        str(pid),
        str(stat.ppid),
        str(min(99, int(100 * stat.cpu_s / age_s))),
        stime,
        tty_name(stat.tty),
        f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        arguments or f"[{stat.comm}]",
    ]


def tty_name(device: int) -> str:
    """ "pts/0" of a device number, "?" for none. Source: Linux, admin-guide/devices"""
    major, minor = (device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00)
    if 136 <= major <= 143:
        return f"pts/{minor + (major - 136) * 256}"
    return f"tty{minor}" if major == 4 else "?"


class HostProcessTable:
    """Implements contracts.processes.ProcessTable."""

    async def describe(self, pids: Sequence[int], ps_args: str) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """(titles, one row per process)."""
        if ps_args.strip() in ("", "-ef"):
            return TITLES, await asyncio.to_thread(_from_proc, pids)
        output = await asyncio.to_thread(_run_ps, ps_args)
        return select_rows(output, set(pids))


def _from_proc(pids: Sequence[int]) -> list[list[str]]:
    uptime_s, now_s = time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
    rows = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", errors="replace") as file:
                stat = parse_stat(file.read())
            with open(f"/proc/{pid}/cmdline", errors="replace") as file:
                arguments = file.read().replace("\0", " ").strip()
            user = _user_name(os.stat(f"/proc/{pid}").st_uid)
        except (OSError, IndexError):  # it has ended meanwhile
            continue
        rows.append(row(pid, user, stat, arguments, uptime_s=uptime_s, now_s=now_s))
    return rows


@lru_cache(maxsize=256)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _run_ps(ps_args: str) -> str:
    try:
        if "\0" in ps_args:
            raise ValueError("a NUL byte")
        arguments = shlex.split(ps_args)
    except ValueError as error:
        raise InvalidArgument(f"ps_args: {error}") from None
    try:
        done = subprocess.run(["ps", *arguments], capture_output=True, text=True, timeout=_PS_S, check=False)
    except FileNotFoundError:
        raise DriverError("there is no ps on this host", hint="apt-get install procps") from None
    except subprocess.TimeoutExpired as error:
        raise DriverError(f"ps has not ended within {_PS_S:g} s", argv=["ps", *arguments]) from error
    if done.returncode != 0:
        raise InvalidArgument(f"ps: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout


def select_rows(output: str, pids: set[int]) -> tuple[list[str], list[list[str]]]:
    """(titles, rows) of ps's output, only of `pids`; the last column takes what is left of a line.

    Raises: InvalidArgument when there is no PID column
    """
    lines = output.splitlines()
    titles = lines[0].split() if lines else []
    if "PID" not in titles:
        raise InvalidArgument("Couldn't find PID field in ps output")
    column = titles.index("PID")
    rows = []
    for line in lines[1:]:
        fields = line.split(None, len(titles) - 1)
        if len(fields) > column and fields[column].isdigit() and int(fields[column]) in pids:
            rows.append(fields)
    return titles, rows
