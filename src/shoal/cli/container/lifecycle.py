"""Commands that change the state of containers: stop, kill, restart, pause, unpause, wait, rm."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.each import for_each
from shoal.cli.flags import Flag, Options, number, switch
from shoal.client.errors import ClientNotFound

_CONTAINERS = "CONTAINER [CONTAINER...]"
_STOP_FLAGS = (
    Flag("signal", "s", "Signal to send to the container"),
    number("timeout", "t", "Seconds to wait before killing the container"),
    number("time", "", ""),  # docker's old name of --timeout
)


def _timeout_s(options: Options) -> int | None:
    for name in ("timeout", "time"):
        if options.is_given(name):
            return options.number(name)
    return None


def _stop(context: Context, options: Options, arguments: list[str]) -> int:
    timeout_s, signal = _timeout_s(options), options.text("signal")
    stop = context.api.containers.stop
    return for_each(context, arguments, lambda name: stop(name, timeout_s=timeout_s, signal=signal), is_parallel=True)


def _restart(context: Context, options: Options, arguments: list[str]) -> int:
    timeout_s, signal = _timeout_s(options), options.text("signal")
    restart = context.api.containers.restart
    return for_each(
        context, arguments, lambda name: restart(name, timeout_s=timeout_s, signal=signal), is_parallel=True
    )


def _kill(context: Context, options: Options, arguments: list[str]) -> int:
    signal = options.text("signal")
    return for_each(context, arguments, lambda name: context.api.containers.kill(name, signal=signal))


def _pause(context: Context, options: Options, arguments: list[str]) -> int:
    return for_each(context, arguments, context.api.containers.pause)


def _unpause(context: Context, options: Options, arguments: list[str]) -> int:
    return for_each(context, arguments, context.api.containers.unpause)


def _wait(context: Context, options: Options, arguments: list[str]) -> int:
    return for_each(context, arguments, lambda name: str(context.api.containers.wait(name)), is_parallel=True)


def _rm(context: Context, options: Options, arguments: list[str]) -> int:
    is_forced = options.flag("force")

    def remove(name: str) -> object:
        try:
            context.api.containers.remove(
                name.strip("/"), force=is_forced, volumes=options.flag("volumes"), link=options.flag("link")
            )
        except ClientNotFound:
            if not is_forced:
                raise
            context.warn(f"Error response from daemon: No such container: {name}")  # said, but no failure: docker's -f
            return False
        return name

    return for_each(context, arguments, remove, is_parallel=True)


STOP = Command(f"[OPTIONS] {_CONTAINERS}", _stop, _STOP_FLAGS, arguments=(1, MANY))
RESTART = Command(f"[OPTIONS] {_CONTAINERS}", _restart, _STOP_FLAGS, arguments=(1, MANY))
KILL = Command(
    f"[OPTIONS] {_CONTAINERS}",
    _kill,
    (Flag("signal", "s", "Signal to send to the container (default SIGKILL)"),),
    arguments=(1, MANY),
)
PAUSE = Command(_CONTAINERS, _pause, arguments=(1, MANY))
UNPAUSE = Command(_CONTAINERS, _unpause, arguments=(1, MANY))
WAIT = Command(_CONTAINERS, _wait, arguments=(1, MANY))
RM = Command(
    f"[OPTIONS] {_CONTAINERS}",
    _rm,
    (
        switch("force", "f", "Force the removal of a running container (uses SIGKILL)"),
        switch("link", "l", "Remove the specified link"),
        switch("volumes", "v", "Remove anonymous volumes associated with the container"),
    ),
    arguments=(1, MANY),
)
