"""`shoal exec`."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, several, switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def exec_body(context: Context, options: Options, command: list[str]) -> dict[str, Any]:
    """Body of the request that prepares the process."""
    from shoal.cli.environment import environment

    is_detached, is_interactive = options.flag("detach"), options.flag("interactive")
    body: dict[str, Any] = {
        "Cmd": command,
        "Detach": is_detached,
        "AttachStdin": is_interactive and not is_detached,
        "AttachStdout": not is_detached,
        "AttachStderr": not is_detached,
        "Tty": options.flag("tty"),
        "User": options.text("user"),
        "Privileged": options.flag("privileged"),
        "WorkingDir": options.text("workdir"),
        "DetachKeys": options.text("detach-keys"),
        "Env": environment(options.list("env-file"), options.list("env"), context.env),
    }
    if options.flag("tty") and not is_detached and context.stdout_is_terminal():
        from shoal.cli.terminal import terminal_size

        body["ConsoleSize"] = list(terminal_size())
    return {key: value for key, value in body.items() if value not in ("", [], False)}


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    container, *command = arguments
    has_tty, has_input = options.flag("tty"), options.flag("interactive")
    if has_tty and has_input and not options.flag("detach") and not context.stdin_is_terminal():
        raise PlainError("the input device is not a TTY")
    execs = context.api.execs
    exec_id = execs.create(container, exec_body(context, options, command))
    if options.flag("detach"):
        execs.start_detached(exec_id, tty=has_tty)
        return 0
    run_exec(context, exec_id, has_tty=has_tty, has_input=has_input, detach_keys=options.text("detach-keys"))
    return int(execs.inspect(exec_id).get("ExitCode") or 0)


def run_exec(context: Context, exec_id: str, *, has_tty: bool, has_input: bool, detach_keys: str = "") -> None:
    """Start a prepared process and stay with it until it ends. Raises: PlainError (the detach keys were typed)."""
    from shoal.cli.terminal import RawTerminal, Session, follow_size, parse_detach_keys

    execs = context.api.execs
    keys = parse_detach_keys(detach_keys) if has_tty and has_input else b""
    session = Session(execs.start(exec_id, tty=has_tty), has_input=has_input, detach_keys=keys)
    if not has_tty:
        session.run()
        return
    if not has_input:
        follow_size(lambda rows, columns: execs.resize(exec_id, rows, columns))
        session.run()
        return
    with RawTerminal():
        follow_size(lambda rows, columns: execs.resize(exec_id, rows, columns))
        session.run()
    if session.is_detached:
        raise PlainError("read escape sequence")


EXEC = Command(
    "[OPTIONS] CONTAINER COMMAND [ARG...]",
    _run,
    (
        switch("detach", "d", "Detached mode: run command in the background"),
        Flag("detach-keys", "", "Override the key sequence for detaching a container"),
        several("env", "e", "Set environment variables"),
        several("env-file", "", "Read in a file of environment variables"),
        switch("interactive", "i", "Keep STDIN open even if not attached"),
        switch("privileged", "", "Give extended privileges to the command"),
        switch("tty", "t", "Allocate a pseudo-TTY"),
        Flag("user", "u", "Username or UID (format: <name|uid>[:<group|gid>])"),
        Flag("workdir", "w", "Working directory inside the container"),
    ),
    arguments=(2, MANY),
    is_interspersed=False,
)
