"""`shoal daemon start|stop|status`: the engine without systemd; `daemon unit`: with it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

from shoal.cli.command import MANY, Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch
from shoal.client.hosts import Host
from shoal.client.http import Client
from shoal.errors import Forbidden, ShoalError, Unavailable
from shoal.model.settings import DEFAULT_ROOT, DEFAULT_RUN

_POLL_S = 0.05
_LOG_TAIL_LINES = 15
_NOT_RUNNING = 3  # as systemctl's status

_ROOT = Flag("root", "", "Where the engine keeps images, containers and volumes", default=str(DEFAULT_ROOT))
_RUN = Flag("run", "", "Where its socket is (default: /run/shoal, or made from --root)")


class Place:
    """Where one engine's files are."""

    def __init__(self, root: str, run: str) -> None:
        from pathlib import PurePosixPath

        from shoal.model.settings import Settings

        self.root = os.path.abspath(root)
        is_default = self.root == str(DEFAULT_ROOT)
        derived = DEFAULT_RUN if is_default else f"{DEFAULT_RUN}-{Settings(root=PurePosixPath(self.root)).tag}"
        self.run = os.path.abspath(run) if run else str(derived)
        self.socket = os.path.join(self.run, "shoal.sock")
        self.log = "/var/log/shoald.log" if is_default else os.path.join(self.root, "shoald.log")

    def client(self) -> Client:
        return Client(Host("unix", path=self.socket))

    def pid(self) -> int | None:
        """Process id of the engine that runs here, None where there is none."""
        try:
            with open(os.path.join(self.run, "shoald.pid"), encoding="ascii") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = [os.path.basename(word) for word in file.read().split(b"\0")]
            # After a crash the number may be another program's.
            return pid if b"shoald" in words or b"shoal.daemon" in words else None
        except (OSError, ValueError):
            return None

    def answers(self) -> bool:
        """Whether the engine's socket is served."""
        client = self.client()
        try:
            client.negotiate()
        except ShoalError:
            return False
        finally:
            client.close()
        return True


def _start(context: Context, options: Options, arguments: list[str]) -> int:
    place = Place(options.text("root"), options.text("run"))
    if place.answers():
        context.print(f"shoald is already running (pid {place.pid() or 'unknown'}), listening at unix://{place.socket}")
        return 0
    if os.geteuid() != 0:
        raise Forbidden("shoald must be run as root", hint="use sudo, or the systemd unit: systemctl start shoal")
    log_path = options.text("log-file") or place.log
    command = [sys.executable, "-m", "shoal.daemon", "--root", place.root, "--run", place.run, *arguments]
    try:
        os.makedirs(os.path.dirname(log_path), exist_ok=True)
        log = open(log_path, "ab")  # noqa: SIM115 (closed below, the engine keeps its own)
    except OSError as error:
        raise PlainError(f"can't write the log file {log_path}: {(error.strerror or '').lower()}") from error
    with log:
        log_start = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )
    _wait_until_ready(process, place, log_path, log_start, options["timeout"] / 1e9)
    context.print(f"shoald is running (pid {process.pid}), listening at unix://{place.socket}; log: {log_path}")
    return 0


def _wait_until_ready(
    process: subprocess.Popen[bytes], place: Place, log_path: str, log_start: int, timeout_s: float
) -> None:
    deadline = time.monotonic() + timeout_s
    while not place.answers():
        if process.poll() is not None:
            raise Unavailable(
                f"shoald ended with status {process.returncode}\n{_log_tail(log_path, log_start)}".rstrip()
            )
        if time.monotonic() > deadline:
            process.terminate()
            raise Unavailable(
                f"shoald did not answer within {timeout_s:g} s\n{_log_tail(log_path, log_start)}".rstrip()
            )
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            continue


def _log_tail(path: str, start: int) -> str:
    with open(path, "rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_LOG_TAIL_LINES:])


def _stop(context: Context, options: Options, arguments: list[str]) -> int:
    place = Place(options.text("root"), options.text("run"))
    pid = place.pid()
    if pid is None:
        context.print("shoald is not running")
        return 0
    timeout_s = options["timeout"] / 1e9
    staying = _staying(place)
    try:
        descriptor = os.pidfd_open(pid)
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    except ProcessLookupError:
        context.print("shoald is not running")
        return 0
    except PermissionError as error:
        raise PlainError(f"can't stop shoald (pid {pid}): run as root") from error
    ended, _, _ = select.select([descriptor], [], [], timeout_s)
    os.close(descriptor)
    if not ended:
        raise Unavailable(f"shoald (pid {pid}) has not ended within {timeout_s:g} s", hint=f"its log: {place.log}")
    context.print(
        "shoald has stopped" + (f"; {staying} container{'s run' if staying > 1 else ' runs'} on" if staying else "")
    )
    return 0


def _staying(place: Place) -> int:
    """How many containers run on without this engine."""
    client = place.client()
    try:
        info = client.get("/info")
    except ShoalError:
        return 0
    finally:
        client.close()
    return int(info["ContainersRunning"]) + int(info["ContainersPaused"]) if info["LiveRestoreEnabled"] else 0


def _status(context: Context, options: Options, arguments: list[str]) -> int:
    place = Place(options.text("root"), options.text("run"))
    pid, answers = place.pid(), place.answers()
    if answers:
        if not options.flag("quiet"):
            version = place.client().get("/version").get("Version", "")
            context.print(f"shoald {version} is running (pid {pid or 'unknown'}), listening at unix://{place.socket}")
        return 0
    if not options.flag("quiet"):
        if pid and not os.access(place.socket, os.W_OK):
            context.print(f"shoald runs (pid {pid}); unix://{place.socket} is for root and the group that owns it")
        elif pid:
            context.print(f"shoald runs (pid {pid}), but unix://{place.socket} does not answer")
        else:
            context.print("shoald is not running")
    return _NOT_RUNNING


def unit_text(program: str) -> str:
    """The systemd unit that is shipped, starting this installation's engine."""
    from importlib.resources import files

    text = (files("shoal") / "data" / "shoal.service").read_text(encoding="utf-8")
    return text.replace("ExecStart=/usr/bin/env shoald", f"ExecStart={program} -m shoal.daemon")


def _unit(context: Context, options: Options, arguments: list[str]) -> int:
    context.stdout.write(unit_text(sys.executable))
    return 0


START = Command(
    "[OPTIONS] [-- SHOALD_OPTION...]",
    _start,
    (
        Flag("log-file", "", "File for the engine's log (default: /var/log/shoald.log, or ROOT/shoald.log)"),
        _ROOT,
        _RUN,
        Flag(
            "timeout",
            "t",
            "How long to wait for the engine to answer (default 30s)",
            kind="duration",
            default=30 * 10**9,
        ),
    ),
    arguments=(0, MANY),
    is_interspersed=False,
    notes="What follows `--` is given to shoald, for example `shoal daemon start -- --stand-ins`.",
)
STOP = Command(
    "[OPTIONS]",
    _stop,
    (
        _ROOT,
        _RUN,
        Flag(
            "timeout", "t", "How long to wait for the engine to end (default 30s)", kind="duration", default=30 * 10**9
        ),
    ),
    arguments=(0, 0),
)
STATUS = Command(
    "[OPTIONS]",
    _status,
    (switch("quiet", "q", "Print nothing; the exit status says it (0 runs, 3 does not)"), _ROOT, _RUN),
    arguments=(0, 0),
)
UNIT = Command(
    "",
    _unit,
    arguments=(0, 0),
    notes="To install it:\n  shoal daemon unit > /etc/systemd/system/shoal.service\n"
    "  systemctl daemon-reload && systemctl enable --now shoal",
)
