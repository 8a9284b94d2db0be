"""conmon's command line as data, and the files by which it is spoken to.

In the bundle directory: `attach` (SOCK_SEQPACKET; what is sent is stdin, what is received has the stream's number in
its first byte), `winsz` and `ctl` (fifos that take lines), `conmon.pid`, `pid`, `oom` (there when the kernel killed for
memory). In the exit directory: a file named by the container's id with the exit status in digits. Source: conmon 2.1.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from shoal.drivers.runtime.crun import Crun

#: of conmon's first byte on the attach socket
PIPE_STDOUT, PIPE_STDERR = 2, 3
#: conmon reads at most 32 KiB of one packet; smaller ones keep its buffers small
STDIN_PACKET = 8192

REOPEN_LOG = b"2 0 0\n"


@dataclass(frozen=True, slots=True)
class Conmon:
    """conmon for containers of one crun; `create` gives its argument list."""

    binary: str
    crun: Crun
    exits: Path

    def create(
        self,
        container_id: str,
        bundle: Path,
        *,
        log_path: Path | None,
        log_max_bytes: int = 0,
        terminal: bool = False,
        stdin: bool = False,
        leave_stdin_open: bool = False,
    ) -> list[str]:
        flags = [(terminal, "--terminal"), (stdin, "--stdin"), (leave_stdin_open, "--leave-stdin-open")]
        return [
            self.binary,
            "--api-version=1",
            f"--cid={container_id}",
            f"--cuuid={container_id}",
            f"--name={container_id[:12]}",
            f"--runtime={self.crun.binary}",
            *(f"--runtime-arg={argument}" for argument in self.crun.arguments),
            f"--bundle={bundle}",
            f"--persist-dir={bundle}",
            f"--container-pidfile={bundle / 'pid'}",
            f"--conmon-pidfile={bundle / 'conmon.pid'}",
            f"--exit-dir={self.exits}",
            "--full-attach",
            "--no-sync-log",
            "--no-new-keyring",
            f"--log-path={f'k8s-file:{log_path}' if log_path else 'none'}",
            *([f"--log-size-max={log_max_bytes}"] if log_path and log_max_bytes else []),
            *(flag for wanted, flag in flags if wanted),
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """The line conmon writes to its sync pipe: the init's pid, or -1 (or less) and why there is none."""

    pid: int
    message: str = ""


def parse_answer(line: bytes) -> Answer:
    """b'{"data": 123}' -> Answer(123). Raises: ValueError"""
    value = json.loads(line)
    return Answer(int(value["data"] if "data" in value else value["pid"]), str(value.get("message", "")).strip())


def winsize(height: int, width: int) -> bytes:
    """The line for the `winsz` fifo."""
    return b"%d %d\n" % (height, width)
