"""`-it`: the user's terminal is the container's; a pseudo-terminal stands for the user's."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from typing import Self

import pytest

from tests.support.engine import EngineProcess, wait_for


class Typist:
    """Somebody at a terminal, running one command."""

    def __init__(self, engine: EngineProcess, *words: str) -> None:
        self._master, slave = pty.openpty()
        self.resize(30, 100)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(
            [sys.executable, "-m", "shoal.cli", *words],
            env=engine.env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, data: bytes) -> None:
        os.write(self._master, data)

    def wait_for(self, text: bytes, timeout_s: float = 20) -> bytes:
        """What came up to and with `text`; the rest is kept."""
        os.set_blocking(self._master, False)
        deadline = time.monotonic() + timeout_s
        while text not in self.seen:
            try:
                self.seen += os.read(self._master, 65536)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{text!r} did not come; seen: {self.seen!r}") from None
                time.sleep(0.01)
        before, _, self.seen = self.seen.partition(text)
        return before + text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self.slave)
        os.close(self._master)


@pytest.fixture
def shell(engine: EngineProcess) -> Iterator[Typist]:
    with Typist(engine, "run", "-it", "--rm", "--name", "shell", "-e", "PS1=ready> ", "busybox", "sh") as typist:
        typist.wait_for(b"ready> ")
        yield typist


def test_a_shell_and_its_exit_status(shell: Typist) -> None:
    shell.type(b"echo $((40 + 2)); tty\n")
    shell.wait_for(b"42\r\n")
    shell.wait_for(b"/dev/")
    shell.type(b"exit 9\n")
    assert shell.process.wait(20) == 9
    assert termios.tcgetattr(shell.slave)[:4] == shell.before[:4]


def test_the_window_s_size_and_its_changes(shell: Typist) -> None:
    shell.type(b"stty size\n")
    shell.wait_for(b"30 100\r\n")
    shell.resize(41, 121)
    os.kill(shell.process.pid, signal.SIGWINCH)
    shell.type(b"until stty size | grep 41; do sleep 0.1; done\n")
    shell.wait_for(b"41 121\r\n")


def test_control_c_goes_to_the_container_only(engine: EngineProcess, shell: Typist) -> None:
    shell.type(b"sleep 1000\n")
    shell.wait_for(b"sleep 1000\r\n")
    wait_for("the program", lambda: "sleep 1000" in engine.shoal("top", "shell").stdout)
    shell.type(b"\x03")
    shell.wait_for(b"ready> ")
    shell.type(b"echo still $((1 + 1))\n")
    shell.wait_for(b"still 2")


def test_detach_keys_leave_it_running_and_attach_comes_back(engine: EngineProcess, shell: Typist) -> None:
    shell.type(b"X=kept\n")
    shell.wait_for(b"ready> ")
    shell.type(b"\x10\x11")
    assert shell.process.wait(20) == 0
    assert engine.shoal("ps", "--format", "{{.Names}}").stdout == "shell\n"
    with Typist(engine, "attach", "--detach-keys", "ctrl-x,q", "shell") as back:
        back.wait_for(b"ready> ")
        back.type(b"echo is $X\n")
        back.wait_for(b"is kept")
        back.type(b"\x18q")
        back.wait_for(b"read escape sequence")
        assert back.process.wait(20) == 1


@pytest.mark.parametrize("words", [("attach",), ("start", "-ai")])
def test_other_detach_keys_take_the_place_of_the_usual_ones(
    engine: EngineProcess, shell: Typist, words: tuple[str, ...]
) -> None:
    with Typist(engine, *words, "--detach-keys", "ctrl-x,q", "shell") as back:
        back.type(b"echo we are $((1))\n")
        back.wait_for(b"we are 1\r\n")
        back.type(b"\x10\x11")
        back.type(b"echo he''re\n")
        back.wait_for(b"here\r\n")
        back.type(b"\x18q")
        assert back.process.wait(20) == (1 if words[0] == "attach" else 0)


def test_run_has_its_own_detach_keys(engine: EngineProcess) -> None:
    run = ("run", "-it", "--rm", "--name", "other", "-e", "PS1=ready> ", "--detach-keys", "ctrl-x,q", "busybox", "sh")
    with Typist(engine, *run) as typist:
        typist.wait_for(b"ready> ")
        typist.type(b"\x10\x11")
        typist.type(b"echo he''re\n")
        typist.wait_for(b"here\r\n")
        typist.type(b"\x18q")
        assert typist.process.wait(20) == 0
    assert engine.shoal("ps", "--format", "{{.Names}}").stdout == "other\n"


def test_exec_is_left_by_the_detach_keys(engine: EngineProcess) -> None:
    engine.shoal("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    with Typist(engine, "exec", "-it", "-e", "PS1=ready> ", "web", "sh") as typist:
        typist.wait_for(b"ready> ")
        typist.type(b"\x10\x11")
        typist.wait_for(b"read escape sequence")
        assert typist.process.wait(20) == 1


def test_the_third_control_c_ends_a_run_whose_program_listens_to_none(engine: EngineProcess) -> None:
    with Typist(engine, "run", "--name", "deaf", "busybox", "sleep", "1000") as typist:
        wait_for("the container", lambda: engine.shoal("ps", "-q").stdout)
        for _ in range(2):
            typist.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        assert typist.process.poll() is None
        typist.process.send_signal(signal.SIGTERM)
        typist.wait_for(b"got 3 SIGTERM/SIGINTs, forcefully exiting")
        assert typist.process.wait(20) == 1
    assert engine.shoal("ps", "--format", "{{.Names}}").stdout == "deaf\n"


def test_exec_it(engine: EngineProcess) -> None:
    engine.shoal("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    with Typist(engine, "exec", "-it", "web", "sh", "-c", "stty size; read line; echo got $line; exit 6") as typist:
        typist.wait_for(b"30 100\r\n")
        typist.type(b"hello\n")
        typist.wait_for(b"got hello\r\n")
        assert typist.process.wait(20) == 6


def test_a_terminal_is_refused_where_there_is_none(engine: EngineProcess) -> None:
    done = engine.shoal("run", "-it", "busybox", "sh", check=False, input="")
    assert (done.returncode, done.stderr) == (125, "shoal: the input device is not a TTY\n")
