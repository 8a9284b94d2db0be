"""Commands of one container, named by its service: exec, attach, cp, export, commit, stats.

Each finds the container and hands over to the command of `shoal container` with the same name.
"""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.commands import load_command
from shoal.cli.compose.base.naming import is_oneoff, name_of, number_of, service_of
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN, INDEX
from shoal.cli.errors import PlainError, UsageError
from shoal.cli.flags import Flag, Options, several, switch
from shoal.compose import labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def container_of(session: Session, service: str, *, running: bool = True) -> str:
    """Name of the container of `service` that the command works on: the one with `--index`, else the first.

    Raises: PlainError with Compose's words where there is none
    """
    _, project_name = session.project_or_name([service])
    index = session.options.number("index") if "index" in session.options else 0
    found = sorted(
        session.containers(project_name, all=not running, more_labels=[f"{labels.SERVICE}={service}"]),
        key=number_of,
    )
    found = [item for item in found if not is_oneoff(item)]
    if index:
        found = [item for item in found if number_of(item) == index]
    if not found:
        which = f'service "{service}"' + (f" container #{index}" if index else "")
        raise PlainError(f"{which} is not running" if running else f"{which} has no container")
    return name_of(found[0])


def hand_over(context: Context, command: str, given: Options, names: Sequence[str], arguments: list[str]) -> int:
    """Run `container COMMAND` with the flags of `given` that it knows by the same name."""
    target = load_command(f"container {command}")
    options = Options(target.flags)
    for name in names:
        if name in options and name in given and given.is_given(name):
            options.replace(name, given[name])
    return target.run(context, options, arguments) or 0


def _exec(context: Context, options: Options, arguments: list[str]) -> int:
    session = Session(context, options)
    service, *command = arguments
    container = container_of(session, service)
    if session.dry_run:
        context.print(f"exec in {container}: {' '.join(command)}")
        return 0
    # a TTY unless -T, and only where both ends are terminals: scripts get plain streams
    has_tty = not options.flag("no-tty") and context.stdin_is_terminal() and context.stdout_is_terminal()
    target = load_command("container exec")
    handed = Options(target.flags)
    for name in ("detach", "env", "privileged", "user", "workdir"):
        handed.replace(name, options[name])
    handed.replace("interactive", options.flag("interactive"))
    handed.replace("tty", has_tty and not options.flag("detach"))
    return target.run(context, handed, [container, *command]) or 0


def _attach(context: Context, options: Options, arguments: list[str]) -> int:
    container = container_of(Session(context, options), arguments[0])
    return hand_over(context, "attach", options, ("detach-keys", "no-stdin", "sig-proxy"), [container])


def _export(context: Context, options: Options, arguments: list[str]) -> int:
    container = container_of(Session(context, options), arguments[0], running=False)
    return hand_over(context, "export", options, ("output",), [container])


def _commit(context: Context, options: Options, arguments: list[str]) -> int:
    container = container_of(Session(context, options), arguments[0], running=False)
    names = ("author", "change", "message", "pause")
    return hand_over(context, "commit", options, names, [container, *arguments[1:]])


def _cp(context: Context, options: Options, arguments: list[str]) -> int:
    source, target = arguments
    session = Session(context, options)
    from_service, to_service = _split(source), _split(target)
    if bool(from_service[0]) == bool(to_service[0]):
        raise UsageError("one of source and destination must be SERVICE:PATH, the other a local path")
    service, path = from_service if from_service[0] else to_service
    status = 0
    for container in _cp_containers(session, service, is_reading=bool(from_service[0])):
        there = f"{container}:{path}"
        pair = [there, target] if from_service[0] else [source, there]
        status = hand_over(context, "cp", options, ("archive", "follow-link", "quiet"), pair) or status
    return status


def _cp_containers(session: Session, service: str, *, is_reading: bool) -> list[str]:
    """The containers to copy from (one) or to (all of the service, but for --index)."""
    first = container_of(session, service, running=False)
    if is_reading or session.options.number("index"):
        return [first]
    _, project_name = session.project_or_name([service])
    items = session.containers(project_name, more_labels=[f"{labels.SERVICE}={service}"])
    wanted = [name_of(item) for item in items if session.options.flag("all") or not is_oneoff(item)]
    return sorted(wanted)


def _split(text: str) -> tuple[str, str]:
    """("web", "/path") of "web:/path"; ("", text) of a local path."""
    if text == "-" or text.startswith(("/", "./", "../")):
        return "", text
    service, colon, path = text.partition(":")
    return (service, path) if colon else ("", text)


def _stats(context: Context, options: Options, services: list[str]) -> int:
    session = Session(context, options)
    _, project_name = session.project_or_name(services)
    items = session.containers(project_name, all=options.flag("all"))
    names = sorted(name_of(item) for item in items if not services or service_of(item) in services)
    if not names:
        raise PlainError(f'no containers of project "{project_name}" are running')
    return hand_over(context, "stats", options, ("format", "no-stream", "no-trunc"), names)


EXEC = Command(
    "[OPTIONS] SERVICE COMMAND [ARGS...]",
    _exec,
    (
        switch("detach", "d", "Detached mode: Run command in the background"),
        DRY_RUN,
        several("env", "e", "Set environment variables", metavar="stringArray"),
        INDEX,
        switch("interactive", "i", "", default=True),
        switch("no-tty", "T", "Disable pseudo-TTY allocation. By default a TTY is allocated where there is a terminal"),
        switch("tty", "t", ""),
        switch("privileged", "", "Give extended privileges to the process"),
        Flag("user", "u", "Run the command as this user"),
        Flag("workdir", "w", "Path to workdir directory for this command"),
    ),
    arguments=(2, MANY),
    is_interspersed=False,
)
ATTACH = Command(
    "[OPTIONS] SERVICE",
    _attach,
    (
        Flag("detach-keys", "", "Override the key sequence for detaching from a container"),
        DRY_RUN,
        INDEX,
        switch("no-stdin", "", "Do not attach STDIN"),
        switch("sig-proxy", "", "Proxy all received signals to the process", default=True),
    ),
    arguments=(1, 1),
)
EXPORT = Command(
    "[OPTIONS] SERVICE",
    _export,
    (DRY_RUN, INDEX, Flag("output", "o", "Write to a file, instead of STDOUT")),
    arguments=(1, 1),
)
COMMIT = Command(
    "[OPTIONS] SERVICE [REPOSITORY[:TAG]]",
    _commit,
    (
        Flag("author", "a", 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
        several("change", "c", "Apply Dockerfile instruction to the created image"),
        DRY_RUN,
        INDEX,
        Flag("message", "m", "Commit message"),
        switch("pause", "p", "Pause container during commit", default=True),
    ),
    arguments=(1, 2),
)
CP = Command(
    "[OPTIONS] SERVICE:SRC_PATH DEST_PATH|- or SRC_PATH|- SERVICE:DEST_PATH",
    _cp,
    (
        switch("all", "", "Include containers created by the run command"),
        switch("archive", "a", "Archive mode (copy all uid/gid information)"),
        DRY_RUN,
        switch("follow-link", "L", "Always follow symbol link in SRC_PATH"),
        INDEX,
    ),
    arguments=(2, 2),
)
STATS = Command(
    "[OPTIONS] [SERVICE...]",
    _stats,
    (
        switch("all", "a", "Show all containers (default shows just running)"),
        DRY_RUN,
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("no-stream", "", "Disable streaming stats and only pull the first result"),
        switch("no-trunc", "", "Do not truncate output"),
    ),
)
