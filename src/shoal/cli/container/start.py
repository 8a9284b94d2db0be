"""`shoal start`."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.each import for_each
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    containers = context.api.containers
    if not options.flag("attach") and not options.flag("interactive"):
        return for_each(context, arguments, containers.start)
    if len(arguments) > 1:
        raise PlainError("you cannot start and attach multiple containers at once")
    from shoal.cli.container.attach import attach_to

    container = containers.inspect(arguments[0])
    return attach_to(
        context,
        container,
        has_input=options.flag("interactive"),
        detach_keys=options.text("detach-keys"),
        has_signal_proxy=options.flag("sig-proxy"),
        start=lambda: containers.start(container["Id"]),
    )


START = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    _run,
    (
        switch("attach", "a", "Attach STDOUT/STDERR and forward signals"),
        Flag("detach-keys", "", "Override the key sequence for detaching a container"),
        switch("interactive", "i", "Attach container's STDIN"),
        switch("sig-proxy", "", "Proxy all received signals to the process", default=True),
    ),
    arguments=(1, MANY),
)
