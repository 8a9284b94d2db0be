"""What a command is, and what it gets to run with."""

from __future__ import annotations

import os
import sys

from shoal.cli.errors import ArgumentsError
from shoal.cli.flags import Flag, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, BinaryIO, TextIO

    from shoal.client.api import Api
    from shoal.client.http import Client

    Run = Callable[["Context", Options, list[str]], "int | None"]

MANY = -1


class Command:
    """A command: what it takes and the function that runs it.

    usage: what follows the command's name in its usage line, e.g. "[OPTIONS] CONTAINER [CONTAINER...]"
    run: called with context, options and arguments; returns the exit status (None = 0)
    arguments: least and greatest number of arguments; MANY = any number
    is_interspersed: flags may follow arguments (docker's `run` and `exec`: not)
    failure_status: exit status where the engine refuses, or flags contradict each other (docker's `run`: 125)
    notes: paragraphs shown below the flags in help
    """

    __slots__ = ("arguments", "failure_status", "flags", "is_interspersed", "notes", "run", "usage")

    def __init__(
        self,
        usage: str,
        run: Run,
        flags: Sequence[Flag] = (),
        *,
        arguments: tuple[int, int] = (0, MANY),
        is_interspersed: bool = True,
        failure_status: int = 1,
        notes: str = "",
    ) -> None:
        self.usage = usage
        self.run = run
        self.flags = tuple(flags)
        self.arguments = arguments
        self.is_interspersed = is_interspersed
        self.failure_status = failure_status
        self.notes = notes

    def check_arguments(self, path: str, arguments: Sequence[str]) -> None:
        """Raises: ArgumentsError with docker's words where there are too few or too many."""
        least, most = self.arguments
        if least <= len(arguments) and (most == MANY or len(arguments) <= most):
            return
        if (least, most) == (0, 0):
            raise ArgumentsError(f"'{path}' accepts no arguments")
        parts = [f"at least {least}"] if least else []
        wanted = f"{least}" if least == most else " and ".join(parts if most == MANY else [*parts, f"at most {most}"])
        plural = "" if wanted.endswith(" 1") or wanted == "1" else "s"
        raise ArgumentsError(f"'{path}' requires {wanted} argument{plural}")


class Context:
    """What a command runs with: the streams, the environment, and the engine (connected on first use).

    path: the command's full name, e.g. "shoal container ls"
    group: flags given to the group before the command's name (`shoal compose -f x up`); without flags for most
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str],
        stdin: BinaryIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        client_maker: Callable[[], Client] | None = None,
    ) -> None:
        self.env = env
        self.stdin: BinaryIO = stdin or sys.stdin.buffer
        self.stdout: TextIO = stdout or sys.stdout
        self.stderr: TextIO = stderr or sys.stderr
        self.path = "shoal"
        self.group = Options(())
        self.host = ""  #: from -H, else ""
        self.tls: Mapping[str, Any] = {}
        self._client_maker = client_maker
        self._client: Client | None = None
        self._api: Api | None = None

    @property
    def client(self) -> Client:
        """HTTP to the engine; nothing is sent before the first request."""
        if self._client is None:
            self._client = self._client_maker() if self._client_maker else self._make_client()
        return self._client

    @property
    def api(self) -> Api:
        """The engine's API by nouns."""
        if self._api is None:
            from shoal.client.api import Api

            self._api = Api(self.client)
        return self._api

    def _make_client(self) -> Client:
        from shoal.client.hosts import host_from_env, parse_host
        from shoal.client.http import Client, TlsFiles

        tls = TlsFiles(**self.tls) if self.tls else None
        host = parse_host(self.host, tls=tls is not None) if self.host else host_from_env(self.env, tls=tls is not None)
        version = self.env.get("SHOAL_API_VERSION") or self.env.get("DOCKER_API_VERSION") or ""
        return Client(host, tls=tls, api_version=version)

    def print(self, text: str = "") -> None:
        """Write a line to standard output."""
        self.stdout.write(text + "\n")

    def write(self, text: str) -> None:
        """Write to standard output at once, without a line end."""
        self.stdout.write(text)
        self.stdout.flush()

    def write_bytes(self, data: bytes) -> None:
        """Write bytes to standard output at once."""
        self.stdout.flush()
        self.stdout.buffer.write(data)
        self.stdout.buffer.flush()

    def warn(self, text: str) -> None:
        """Write a line to standard error."""
        self.stdout.flush()
        self.stderr.write(text + "\n")
        self.stderr.flush()

    def pass_on_warning(self) -> None:
        """Say what the engine has said of its answers."""
        if self._client is not None and self._client.warning:
            self.warn(f"warning: {self._client.warning}")

    def stdin_is_terminal(self) -> bool:
        return _is_terminal(self.stdin)

    def stdout_is_terminal(self) -> bool:
        return _is_terminal(self.stdout)

    def stderr_is_terminal(self) -> bool:
        return _is_terminal(self.stderr)

    def width(self) -> int:
        """Columns of the terminal; 80 where there is none."""
        try:
            return os.get_terminal_size(self.stdout.fileno()).columns or 80
        except (OSError, ValueError):
            return 80


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except ValueError:  # closed
        return False
