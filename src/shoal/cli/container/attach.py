"""`shoal attach`, and attaching for `start -a`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def attach_to(
    context: Context,
    container: Any,
    *,
    has_input: bool,
    detach_keys: str,
    has_signal_proxy: bool,
    start: Callable[[], object] | None = None,
) -> int:
    """Stay with a container until it ends; its exit status.

    container: as inspected; start: called once everything is connected, for a container that does not run yet: leaving
    that one by the detach keys is no error, and 0
    """
    from shoal.cli.terminal import RawTerminal, Session, follow_size, parse_detach_keys, proxy_signals

    identifier, config = container["Id"], container["Config"]
    has_tty = bool(config.get("Tty"))
    sends_input = has_input and bool(config.get("OpenStdin"))
    if sends_input and has_tty and not context.stdin_is_terminal():
        raise PlainError("the input device is not a TTY")
    keys = parse_detach_keys(detach_keys)
    containers = context.api.containers
    query = {
        "stream": True,
        "stdout": True,
        "stderr": True,
        "stdin": sends_input or None,
        "detachKeys": detach_keys or None,
    }
    stream = containers.attach(identifier, query)
    is_removed = start is not None and bool((container.get("HostConfig") or {}).get("AutoRemove"))
    condition = "removed" if is_removed else "next-exit" if start else "not-running"
    waiting = containers.wait_response(identifier, condition=condition)
    if has_signal_proxy and not has_tty:
        proxy_signals(lambda name: containers.kill(identifier, signal=name))
    session = Session(stream, has_input=sends_input, detach_keys=keys if has_tty and sends_input else b"")

    def resize(rows: int, columns: int) -> None:
        containers.resize(identifier, rows, columns)

    def go() -> None:
        if start is not None:
            start()
        if has_tty:
            follow_size(resize, is_redrawn=start is None)
        session.run()

    if has_tty and sends_input:
        with RawTerminal():
            go()
    else:
        go()
    if session.is_detached:
        if start is None:
            raise PlainError("read escape sequence")
        return 0
    return int(waiting.json()["StatusCode"])


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    container = context.api.containers.inspect(arguments[0])
    state = container["State"]
    if not state.get("Running"):
        raise PlainError("You cannot attach to a stopped container, start it first")
    if state.get("Paused"):
        raise PlainError("You cannot attach to a paused container, unpause it first")
    if state.get("Restarting"):
        raise PlainError("You cannot attach to a restarting container, wait until it is running")
    return attach_to(
        context,
        container,
        has_input=not options.flag("no-stdin"),
        detach_keys=options.text("detach-keys"),
        has_signal_proxy=options.flag("sig-proxy"),
    )


ATTACH = Command(
    "[OPTIONS] CONTAINER",
    _run,
    (
        Flag("detach-keys", "", "Override the key sequence for detaching a container"),
        switch("no-stdin", "", "Do not attach STDIN"),
        switch("sig-proxy", "", "Proxy all received signals to the process", default=True),
    ),
    arguments=(1, 1),
)
