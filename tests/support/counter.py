"""The counter app of examples/counter in a folder of its own, and the tools that bring it up."""

import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.support.apps import App, fetch
from tests.support.engine import EngineProcess, wait_for
from tests.support.foreign import compose_binary
from tests.support.ports import free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "counter"
_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_TIMER = re.compile(r"\s+\d+\.\d+s *$")
_CELLS = re.compile(r" {2,}")


class Counter(App):
    """A copy of the example whose page is at a free port instead of 5000: other things may run on this machine."""

    def __init__(self, engine: EngineProcess, base: Path) -> None:
        folder = base / "counter"
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        super().__init__(engine, folder, "counter")
        self.port = free_port()
        text = (folder / "docker-compose.yml").read_text()
        assert text.count("published: 5000") == 1
        self.write(text.replace("published: 5000", f"published: {self.port}"), "docker-compose.yml")

    def visits(self) -> int:
        """The count that a visit of the page shows."""
        found = re.search(r"visited (\d+) time", fetch(self.port))
        assert found, "no count on the page"
        return int(found[1])


class Tool:
    """One way to say `compose …`, and the one to say `image ls` and the like.

    compose, engine: words before the command's own
    """

    def __init__(self, name: str, compose: Sequence[str], engine: Sequence[str]) -> None:
        self.name = name
        self._compose = tuple(compose)
        self._engine = tuple(engine)

    def argv(self, *args: str) -> tuple[str, ...]:
        """The words of a compose command; `shoal` alone has short forms of two."""
        is_short = self.name == "shoal" and args[0] in ("up", "down")
        return (*(self._engine if is_short else self._compose), *args)

    def env(self, app: Counter) -> dict[str, str]:
        env = {key: value for key, value in app.engine.env.items() if not key.startswith("COMPOSE_")}
        # without buildx Docker Compose builds with the classic builder, once it is told so
        return {**env, "DOCKER_BUILDKIT": "0", "TERM": "xterm"}

    def run(self, app: Counter, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a compose command in the app's folder."""
        return self._run(app, self.argv(*args), check)

    def table(self, app: Counter, *args: str) -> str:
        """The table that a command of the engine prints."""
        return self._run(app, (*self._engine, *args), True).stdout

    def _run(self, app: Counter, argv: Sequence[str], check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            argv,
            cwd=app.folder,
            env=self.env(app),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(argv)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def on_terminal(self, app: Counter, *args: str) -> list[str]:
        """The rows that a compose command leaves on a terminal: the last picture of the progress, without timers."""
        process, leader = self.start_on_terminal(app, *args)
        screen = _read_all(leader)
        assert process.wait(60) == 0, screen
        picture = screen[screen.rfind(b"[+] ") :]
        lines = _ESCAPE.sub(b"", picture).decode().replace("\r", "").split("\n")
        return [text for line in lines if (text := _TIMER.sub("", line).rstrip())]

    def start_on_terminal(self, app: Counter, *args: str) -> tuple[subprocess.Popen[bytes], int]:
        """The command on a terminal of its own, and the terminal's other end."""
        leader, follower = pty.openpty()
        fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        try:
            process = subprocess.Popen(
                self.argv(*args),
                cwd=app.folder,
                env=self.env(app),
                stdin=follower,
                stdout=follower,
                stderr=follower,
                start_new_session=True,
            )
        finally:
            os.close(follower)
        return process, leader


_SHOAL = (sys.executable, "-m", "shoal.cli.main")
TOOLS = ("shoal compose", "shoal", "docker-compose")


def tool_named(name: str) -> Tool:
    """One of TOOLS.

    "shoal" has the short forms `shoal up` and `shoal down`; "docker-compose" is Docker Compose 2.40.3 beside the docker
    CLI, and skips the test where it can't be had.
    """
    if name == "docker-compose":
        return Tool(name, (str(compose_binary()),), ("docker",))
    return Tool(name, (*_SHOAL, "compose"), _SHOAL)


def _read_all(descriptor: int) -> bytes:
    data = b""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # the other end is closed
            chunk = b""
        if not chunk:
            os.close(descriptor)
            return data
        data += chunk


class Attached:
    """An attached `up`, its output collected while it runs."""

    def __init__(self, tool: Tool, app: Counter, *args: str) -> None:
        self.process = subprocess.Popen(
            tool.argv("up", *args),
            cwd=app.folder,
            env=tool.env(app),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._output = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._output += line

    @property
    def output(self) -> str:
        return _ESCAPE.sub(b"", self._output).decode()

    def wait_for(self, text: str) -> None:
        wait_for(f"{text!r} in the output of up", lambda: text in self.output, 60)

    def interrupt(self) -> int:
        """Ctrl-C; the exit status once it has stopped what it started."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        status = self.process.wait(60)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def cells(table: str) -> list[list[str]]:
    """Rows of a table, each a list of its cells; an empty cell is no cell."""
    return [_CELLS.split(line.strip()) for line in table.splitlines()]
