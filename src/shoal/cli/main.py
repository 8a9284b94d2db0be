"""The program `shoal`: finds the command, runs it, and turns errors into a message and an exit status."""

from __future__ import annotations

import os
import sys

from shoal.cli.command import Command, Context
from shoal.cli.commands import (
    ALIASES,
    COMMANDS,
    GROUPS,
    NOT_SERVED,
    SHORT_FORMS,
    full_name,
    load_command,
    load_group_flags,
)
from shoal.cli.errors import ArgumentsError, Exit, FlagError, UsageError, describe_error
from shoal.cli.flags import Flag, HelpAsked, Options, parse_flags, several, switch
from shoal.errors import ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

GLOBAL_FLAGS = (
    Flag("config", "", "Location of client config files", metavar="string"),
    switch("debug", "D", "Enable debug mode (show where an error comes from)"),
    several("host", "H", "Address of the engine: unix:///path or tcp://name:port"),
    Flag("log-level", "l", 'Set the logging level ("debug", "info", "warn", "error", "fatal")', default="info"),
    switch("tls", "", "Use TLS; implied by --tlsverify"),
    Flag("tlscacert", "", "Trust certs signed only by this CA"),
    Flag("tlscert", "", "Path to TLS certificate file"),
    Flag("tlskey", "", "Path to TLS key file"),
    switch("tlsverify", "", "Use TLS and verify the remote"),
    switch("version", "v", "Print version information and quit"),
)
_FLAG_IS_WRONG, _INTERRUPTED, _PIPE_CLOSED = 125, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status of the program."""
    context = Context(env=dict(os.environ))
    try:
        status = run(list(sys.argv[1:] if argv is None else argv), context)
        context.stdout.flush()
        return status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader is gone: nothing to say at exit either
        return _PIPE_CLOSED


def run(argv: Sequence[str], context: Context) -> int:
    """Run one command in `context`; its exit status. Errors are printed, not raised."""
    name, command = "", None
    try:
        options, words = parse_flags(GLOBAL_FLAGS, argv, is_interspersed=False)
        _apply_global(context, options)
        if options.flag("version"):
            from shoal import __version__

            context.print(f"Shoal version {__version__}")
            return 0
        if not words:
            raise HelpAsked
        name, command, rest = _find(words, context)
        return _run_command(name, command, rest, context)
    except HelpAsked:
        from shoal.cli.help import program_help

        context.print(program_help(GLOBAL_FLAGS))
        return 0
    except Exit as error:
        return error.status
    except UsageError as error:
        _say_usage(context, error, command)
        return _usage_status(error, name or context.path.removeprefix("shoal "), command)
    except ShoalError as error:
        if "-D" in argv or "--debug" in argv:
            import traceback

            traceback.print_exc()
        _say_error(context, error, command)
        return command.failure_status if command else 1
    except BrokenPipeError:
        raise
    except OSError as error:
        context.warn(f"Error: {error.filename or context.path}: {(error.strerror or str(error)).lower()}")
        return command.failure_status if command else 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run_command(name: str, command: Command, words: Sequence[str], context: Context) -> int:
    try:
        options, arguments = parse_flags(command.flags, words, is_interspersed=command.is_interspersed)
    except HelpAsked:
        from shoal.cli.help import command_help

        context.print(command_help(name, command, path=context.path))
        return 0
    command.check_arguments(context.path, arguments)
    status = command.run(context, options, arguments) or 0
    context.pass_on_warning()
    return status


def _apply_global(context: Context, options: Options) -> None:
    hosts = options.list("host")
    if len(hosts) > 1:
        raise UsageError("specify only one -H")
    context.host = hosts[0] if hosts else ""
    env = dict(context.env)
    if options.text("config"):
        env["SHOAL_CONFIG"] = options.text("config")
    context.env = env
    verify = options.flag("tlsverify") or bool(env.get("DOCKER_TLS_VERIFY"))
    if options.flag("tls") or verify:
        folder = env.get("DOCKER_CERT_PATH", "")
        paths = {
            name: options.text(f"tls{file}") or (f"{folder}/{name}.pem" if folder else "")
            for name, file in (("ca", "cacert"), ("cert", "cert"), ("key", "key"))
        }
        context.tls = {**paths, "verify": verify}


def _find(words: Sequence[str], context: Context) -> tuple[str, Command, list[str]]:
    """Full name, command and remaining words. Raises: HelpAsked, Exit after a group's help, UsageError."""
    first = words[0]
    if first == "help":
        return _find([*words[1:], "--help"], context) if len(words) > 1 else _program_help()
    if first in GROUPS and first not in COMMANDS:
        return _find_in_group(first, words[1:], context)
    name = full_name(words[:1])
    if name is None and first in NOT_SERVED:
        raise ShoalError(f"shoal {first} is not served: {NOT_SERVED[first][0]}", hint=NOT_SERVED[first][1])
    if name is None:
        raise ArgumentsError(f"unknown command: shoal {first}", hint=_similar_command(first))
    context.path = f"shoal {first}"
    command = load_command(name)
    group = name.partition(" ")[0]
    extra = load_group_flags(group)
    if extra and first in SHORT_FORMS:  # `shoal up -f x`: the group's flags stand among the command's own
        command = _with_group_flags(command, extra, context)
    return name, command, list(words[1:])


def _find_in_group(group: str, words: Sequence[str], context: Context) -> tuple[str, Command, list[str]]:
    from shoal.cli.help import group_help

    flags = load_group_flags(group)
    context.path = f"shoal {group}"
    try:
        context.group, rest = parse_flags(flags, words, is_interspersed=False)
    except HelpAsked:
        rest = []
    if not rest or rest == ["--help"]:
        context.print(group_help(group, flags))
        raise Exit(0)
    name = f"{group} {rest[0]}"
    name = ALIASES.get(name, name)
    if name not in COMMANDS:
        raise ArgumentsError(f"unknown command: shoal {group} {rest[0]}", hint=_similar_command(f"{group} {rest[0]}"))
    context.path = f"shoal {name}"
    return name, load_command(name), list(rest[1:])


def _with_group_flags(command: Command, group_flags: Sequence[Flag], context: Context) -> Command:
    """`command` that takes its group's flags too, and hands them to the context before it runs."""
    own = {name for flag in command.flags for name in (flag.name, flag.short) if name}
    added = tuple(flag for flag in group_flags if flag.name not in own and flag.short not in own)

    def run_both(inner: Context, options: Options, arguments: list[str]) -> int | None:
        inner.group = Options(group_flags)
        for flag in added:
            if options.is_given(flag.name):
                inner.group.replace(flag.name, options[flag.name])
        return command.run(inner, options, arguments)

    return Command(
        command.usage,
        run_both,
        (*command.flags, *added),
        arguments=command.arguments,
        is_interspersed=command.is_interspersed,
        failure_status=command.failure_status,
        notes=command.notes,
    )


def _program_help() -> tuple[str, Command, list[str]]:
    raise HelpAsked


def _similar_command(name: str) -> str:
    from difflib import get_close_matches  # only on the way to an error

    known = [*COMMANDS, *SHORT_FORMS, *ALIASES, *GROUPS]
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f'did you mean "shoal {close[0]}"?' if close else ""


def _usage_status(error: UsageError, name: str, command: Command | None) -> int:
    """As docker's: 125 where a flag is wrong (1 in Compose), 1 where arguments are; else what the command says."""
    if isinstance(error, ArgumentsError):
        return 1
    if isinstance(error, FlagError):
        return 1 if name.startswith("compose") else _FLAG_IS_WRONG
    return command.failure_status if command else 1


def _say_usage(context: Context, error: UsageError, command: Command | None) -> None:
    lines = [f"shoal: {error.message}"]
    if error.hint:
        lines.append(error.hint)
    if command is not None:
        from shoal.cli.help import usage_line

        lines += ["", usage_line(context.path, command)]
    context.warn("\n".join(lines) + f"\n\nRun '{context.path} --help' for more information")


def _say_error(context: Context, error: ShoalError, command: Command | None) -> None:
    if command is not None and "stand-in" in error.hint and any(flag.name == "stand-ins" for flag in command.flags):
        error.hint += f", or on the way: {context.path} --stand-ins"
    if not error.hint and error.message.startswith("This node is not a swarm manager"):
        error.hint = _manager_hint(context)
    text = describe_error(error)
    if command is not None and command.failure_status == 125:
        text = f"shoal: {text}"
    context.warn(text)


def _manager_hint(context: Context) -> str:
    """Where a worker's user may ask instead; "" where nobody knows."""
    try:
        cluster = context.api.system.info().get("Swarm") or {}
    except ShoalError:
        return ""
    if cluster.get("LocalNodeState") == "inactive":
        return "shoal swarm init makes a cluster; shoal swarm join-token worker, on a manager, prints how to join one"
    managers = [str(one.get("Addr") or "").rpartition(":")[0] for one in cluster.get("RemoteManagers") or ()]
    return f"this node is a worker; managers are on {', '.join(sorted(managers))}" if any(managers) else ""


if __name__ == "__main__":
    sys.exit(main())
