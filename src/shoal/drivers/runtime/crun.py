"""crun's command lines as data, and what its messages mean."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import DriverError, InvalidArgument, ShoalError

_START = "failed to create task for container: failed to create shim task: OCI runtime create failed: "
_EXEC = "OCI runtime exec failed: exec failed: "
_INIT = "unable to start container process: "


@dataclass(frozen=True, slots=True)
class Crun:
    """crun with its state directory; every method gives an argument list."""

    binary: str
    root: Path

    @property
    def arguments(self) -> list[str]:
        """What every call has in front; conmon passes the same on."""
        return [f"--root={self.root}", "--cgroup-manager=cgroupfs"]

    def start(self, container_id: str) -> list[str]:
        return [self.binary, *self.arguments, "start", container_id]

    def update(self, container_id: str, resources_file: str) -> list[str]:
        return [self.binary, *self.arguments, "update", f"--resources={resources_file}", container_id]

    def delete(self, container_id: str) -> list[str]:
        return [self.binary, *self.arguments, "delete", "--force", container_id]

    def exec(self, container_id: str, *, process_file: str, report_file: str, console_socket: str = "") -> list[str]:
        """report_file: gets the host pid in digits once the program exists, and errors as lines of JSON"""
        return [
            self.binary,
            *self.arguments,
            f"--log={report_file}",
            "--log-format=json",
            "exec",
            f"--process={process_file}",
            f"--pid-file={report_file}",
            *(["--tty", f"--console-socket={console_socket}"] if console_socket else []),
            container_id,
        ]

    def state_dir(self, container_id: str) -> Path:
        """Where crun keeps what it knows of a container."""
        return self.root / container_id

    def status_file(self, container_id: str) -> Path:
        """JSON with the init's pid and its start time."""
        return self.root / container_id / "status"

    def start_fifo(self, container_id: str) -> Path:
        """There from create until start; the init waits for a byte from it."""
        return self.root / container_id / "exec.fifo"


@dataclass(frozen=True, slots=True)
class Status:
    """What crun has written down of a container.

    started_ticks: start time of the init in clock ticks since boot, as in /proc/<pid>/stat; tells a reused pid
    """

    pid: int
    started_ticks: int
    cgroup: str


def parse_status(text: str) -> Status:
    """The content of crun's status file. Raises: ValueError when it is half-written"""
    value = json.loads(text)
    return Status(int(value["pid"]), int(value.get("process-start-time", 0)), str(value.get("cgroup-path", "")))


@dataclass(frozen=True, slots=True)
class Report:
    """What `crun exec` wrote to its report file: the pid in digits (0 = not yet) and the errors."""

    pid: int
    errors: tuple[str, ...]


def parse_report(data: bytes) -> Report:
    """b'{"msg": …}\\n123' -> Report(123, (msg,)); the two writers come in no fixed order"""
    pid, errors = 0, []
    for line in re.findall(r"\d+|\{.*\}|[^\d{\s].*", data.decode(errors="replace")):
        if line.isdigit():
            pid = pid or int(line)
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"msg": line}
        if entry.get("level", "error") == "error" and entry.get("msg", "").strip():
            errors.append(str(entry["msg"]).strip())
    return Report(pid, tuple(errors))


def program_error(message: str, program: str) -> tuple[int, str] | None:
    """(exit status, Docker's words) when crun's `message` is about the container's own program, else None.

    Clients derive 126 and 127 from these words. Source: docker/cli, cli/command/container/run.go (toStatusError)
    """
    low = message.lower()
    if "not found in $path" in low:
        words = "no such file or directory" if "/" in program else "executable file not found in $PATH"
        return 127, f'exec: "{program}": {_stat(program)}{words}'
    if "chdir" in low:
        return 127, message.replace("No such file", "no such file").replace("Permission", "permission")
    if "exec" not in low:
        return None
    if "operation not permitted" in low:  # crun's answer for a directory
        return 126, f'exec: "{program}": is a directory'
    if "permission denied" in low:
        return 126, f'exec: "{program}": permission denied'
    if "no such file or directory" in low:
        return 127, f"exec {program}: no such file or directory"
    if "exec format error" in low:
        return 126, f"exec {program}: exec format error"
    return None


def _stat(program: str) -> str:
    return f"stat {program}: " if "/" in program else ""


def create_error(message: str, program: str) -> ShoalError:
    """The error of a failed create, in Docker's words."""
    message = message.strip() or "crun failed without a message"
    if known := program_error(message, program):
        return InvalidArgument(f"{_START}runc create failed: {_INIT}error during container init: {known[1]}: unknown")
    return DriverError(f"{_START}{message}: unknown", stderr_tail=message)


def exec_error(message: str, program: str) -> ShoalError:
    """The error of a failed exec, in Docker's words."""
    message = message.strip() or "crun failed without a message"
    if known := program_error(message, program):
        return InvalidArgument(f"{_EXEC}{_INIT}{known[1]}: unknown")
    return DriverError(f"{_EXEC}{message}: unknown", stderr_tail=message)
