"""`shoal run` and `shoal create`."""

from __future__ import annotations

import os

from shoal.cli.command import MANY, Command, Context
from shoal.cli.container.create.body import Wanted, wanted_container
from shoal.cli.container.create.flags import CREATE_FLAGS, RUN_FLAGS
from shoal.cli.errors import PlainError, UsageError
from shoal.client.errors import ClientError, ClientNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from shoal.cli.flags import Options
    from shoal.cli.terminal import Session
    from shoal.client.http import Response

_DAEMON_FAILED, _NOT_EXECUTABLE, _NOT_FOUND = 125, 126, 127


def _create_command(context: Context, options: Options, arguments: list[str]) -> int:
    wanted = wanted_container(options, arguments, context.env, is_detached=False)
    context.print(create(context, wanted, options))
    return 0


def _run_command(context: Context, options: Options, arguments: list[str]) -> int:
    is_detached = options.flag("detach")
    wanted = wanted_container(options, arguments, context.env, is_detached=is_detached)
    if "stdin" in wanted.streams and options.flag("tty") and not context.stdin_is_terminal():
        raise PlainError("the input device is not a TTY")
    if options.flag("tty") and context.stdout_is_terminal():
        from shoal.cli.terminal import terminal_size

        wanted.body.setdefault("HostConfig", {})["ConsoleSize"] = list(terminal_size())
    identifier = create(context, wanted, options)
    if is_detached:
        return _start_detached(context, identifier)
    return _run_attached(context, identifier, wanted, options)


def create(context: Context, wanted: Wanted, options: Options) -> str:
    """Id of the container that is created; a missing image is pulled as `--pull` says."""
    policy = options.text("pull")
    if policy not in ("always", "missing", "never"):
        raise UsageError(f'invalid pull option: "{policy}": must be one of "always", "missing" or "never"')
    with _CidFile(options.text("cidfile")) as cid_file:
        if policy == "always":
            _pull(context, wanted, options)
        answer = _create_once_or_twice(context, wanted, options)
        cid_file.write(answer["Id"])
    for warning in answer.get("Warnings") or ():
        context.warn(f"WARNING: {warning}")
    return str(answer["Id"])


def _create_once_or_twice(context: Context, wanted: Wanted, options: Options) -> Any:
    containers = context.api.containers
    try:
        return containers.create(wanted.body, name=wanted.name, platform=wanted.platform)
    except ClientNotFound as error:
        if options.text("pull") != "missing" or "no such image" not in error.message.lower():
            raise
    if not options.flag("quiet"):
        context.warn(f"Unable to find image '{_with_tag(wanted.image)}' locally")
    _pull(context, wanted, options)
    return containers.create(wanted.body, name=wanted.name, platform=wanted.platform)


def _pull(context: Context, wanted: Wanted, options: Options) -> None:
    from shoal.cli.progress import show_messages
    from shoal.client.credentials import registry_auth

    auth = registry_auth(wanted.image, context.env)
    with context.api.images.pull(
        _with_tag(wanted.image), platform=wanted.platform, auth=auth, stand_ins=options.flag("stand-ins")
    ) as response:
        if options.flag("quiet"):
            with open(os.devnull, "w") as nowhere:
                show_messages(response.json_values(), nowhere, is_terminal=False)
        else:
            show_messages(response.json_values(), context.stderr, is_terminal=context.stderr_is_terminal())


def _with_tag(image: str) -> str:
    from shoal.client.images import split_tag

    return image if split_tag(image)[1] else f"{image}:latest"


def _start_detached(context: Context, identifier: str) -> int:
    try:
        context.api.containers.start(identifier)
    except ClientError as error:
        return _report_failed_start(context, error)
    context.print(identifier)
    return 0


def _run_attached(context: Context, identifier: str, wanted: Wanted, options: Options) -> int:
    from shoal.cli.terminal import Session, parse_detach_keys, proxy_signals

    has_input, has_tty = "stdin" in wanted.streams, options.flag("tty")
    detach_keys = options.text("detach-keys")
    keys = parse_detach_keys(detach_keys)
    containers = context.api.containers
    streams = {name: True for name in sorted(wanted.streams)}
    stream = containers.attach(identifier, {"stream": True, **streams, "detachKeys": detach_keys or None})
    is_removed = options.flag("rm")
    waiting = containers.wait_response(identifier, condition="removed" if is_removed else "next-exit")
    if not has_tty and options.flag("sig-proxy"):
        proxy_signals(lambda name: containers.kill(identifier, signal=name))
    session = Session(stream, has_input=has_input, detach_keys=keys if has_tty and has_input else b"")

    def start() -> None:
        containers.start(identifier)
        if has_tty:
            from shoal.cli.terminal import follow_size

            follow_size(lambda rows, columns: containers.resize(identifier, rows, columns))

    try:
        _run_session(context, session, start, is_raw=has_tty and has_input)
    except ClientError as error:
        if is_removed:
            waiting.read()  # the engine removes what could not start; the name is free once it has
        return _report_failed_start(context, error)
    if session.is_detached:
        return 0
    return _exit_status(context, waiting)


def _run_session(context: Context, session: Session, start: Callable[[], None], *, is_raw: bool) -> None:
    if not is_raw:
        start()
        session.run()
        return
    from shoal.cli.terminal import RawTerminal

    with RawTerminal():
        start()
        session.run()


def _exit_status(context: Context, waiting: Response) -> int:
    answer = waiting.json()
    problem = (answer.get("Error") or {}).get("Message")
    if problem:
        context.warn(f"Error waiting for container: {problem}")
        return _DAEMON_FAILED
    return int(answer["StatusCode"])


def _report_failed_start(context: Context, error: ClientError) -> int:
    from shoal.cli.errors import describe_error

    context.warn(f"shoal: {describe_error(error)}\n\nRun '{context.path} --help' for more information")
    return start_failure_status(error.message)


def start_failure_status(message: str) -> int:
    """127, 126 or 125: docker's reading of why a container did not start."""
    text = message.lower()
    if any(words in text for words in ("executable file not found", "executable file `", "no such file or directory")):
        return _NOT_FOUND
    if any(words in text for words in ("permission denied", "is a directory", "exec format error")):
        return _NOT_EXECUTABLE
    return _DAEMON_FAILED


class _CidFile:
    """The file that takes the id: made before anything else, and gone again where no container is created."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_written = False

    def write(self, identifier: str) -> None:
        if self._path:
            with open(self._path, "w", encoding="ascii") as file:
                file.write(identifier)
            self._is_written = True

    def __enter__(self) -> _CidFile:
        if self._path:
            try:
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
            except FileExistsError:
                raise PlainError(
                    f"container ID file found, make sure the other container isn't running or delete {self._path}"
                ) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._path and not self._is_written:
            os.unlink(self._path)


RUN = Command(
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    _run_command,
    RUN_FLAGS,
    arguments=(1, MANY),
    is_interspersed=False,
    failure_status=_DAEMON_FAILED,
)
CREATE = Command(
    "[OPTIONS] IMAGE [COMMAND] [ARG...]", _create_command, CREATE_FLAGS, arguments=(1, MANY), is_interspersed=False
)
