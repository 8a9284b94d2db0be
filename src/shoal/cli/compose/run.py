"""`shoal compose run`: a one-off container of a service."""

from __future__ import annotations

import os
import shlex

from shoal.cli.command import MANY, Command, Context
from shoal.cli.compose.base.files import read_text
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN, STAND_INS
from shoal.cli.compose.up import image_options, make_ready
from shoal.cli.container.attach import attach_to
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, several, switch
from shoal.compose.loading.dotenv import parse_dotenv
from shoal.compose.plan import plan_images, plan_run
from shoal.compose.planning.options import RunOptions
from shoal.errors import InvalidArgument, NotFound, ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    service, *command = arguments
    session = Session(context, options)
    project = session.project([service])
    has_tty = not options.flag("no-TTY") and context.stdin_is_terminal() and context.stdout_is_terminal()
    wanted = run_options(session, service, command, has_tty=has_tty and not options.flag("detach"))
    state = session.observe(project.name, images=True, project=project)
    images = plan_images(project, state, image_options(options, [service]))
    if images and not session.dry_run:
        make_ready(session, images)
        state = session.observe(project.name, images=True, project=project)
    planned = plan_run(project, state, wanted)
    if session.dry_run:
        session.show(planned.plan)
        return 0
    session.apply(planned.plan, "Creating", quiet=options.flag("quiet"))
    if options.flag("detach"):
        context.api.containers.start(planned.container)
        context.print(str(context.api.containers.inspect(planned.container)["Id"]))
        return 0
    return _stay(context, options, planned.container)


def _stay(context: Context, options: Options, name: str) -> int:
    """Start the created container and stay with it; its exit status."""
    from shoal.cli.container.run import start_failure_status
    from shoal.client.errors import ClientError

    api = context.api
    seen = api.containers.inspect(name)

    def start() -> None:
        api.containers.start(name)

    try:
        status = attach_to(
            context, seen, has_input=options.flag("interactive"), detach_keys="", has_signal_proxy=True, start=start
        )
    except ClientError as error:
        _remove(context, options, seen["Id"])
        from shoal.cli.errors import describe_error

        context.warn(describe_error(error))
        return start_failure_status(error.message)
    _remove(context, options, seen["Id"])
    return status


def _remove(context: Context, options: Options, container_id: str) -> None:
    """Remove an ended container where `--rm` says so; the engine may have done it already."""
    if not options.flag("rm"):
        return
    try:
        context.api.containers.remove(container_id, force=True, volumes=True)
    except NotFound:
        return
    except ShoalError as error:
        if error.status != 409:  # 409: removal is in progress
            raise


def run_options(session: Session, service: str, command: list[str], *, has_tty: bool) -> RunOptions:
    """What the command line asks of the container."""
    options = session.options
    if options.flag("service-ports") and options.list("publish"):
        raise UsageError("--service-ports and --publish are incompatible")
    entrypoint = tuple(shlex.split(options.text("entrypoint"))) if options.is_given("entrypoint") else None
    return RunOptions(
        service=service,
        slug=os.urandom(6).hex(),
        command=tuple(command) if command else () if entrypoint is not None else None,
        entrypoint=entrypoint,
        environment=_environment(options, session.found.env),
        labels=dict(_label(text) for text in options.list("label")),
        volumes=tuple(options.list("volume")),
        publish=tuple(options.list("publish")),
        cap_add=tuple(options.list("cap-add")),
        cap_drop=tuple(options.list("cap-drop")),
        name=options.text("name"),
        user=options.text("user"),
        working_dir=options.text("workdir"),
        tty=has_tty,
        interactive=options.flag("interactive") and not options.flag("detach"),
        detach=options.flag("detach"),
        remove=options.flag("rm"),
        service_ports=options.flag("service-ports"),
        use_aliases=options.flag("use-aliases"),
        no_deps=options.flag("no-deps"),
        remove_orphans=options.flag("remove-orphans"),
        home=session.found.env.get("HOME", ""),
        api_socket=session.api_socket,
    )


def _environment(options: Options, env: Mapping[str, str]) -> dict[str, str | None]:
    """Variables of --env-from-file, then of -e; a name without value takes it from the environment."""
    found: dict[str, str | None] = {}
    for path in options.list("env-from-file"):
        try:
            found.update(parse_dotenv(read_text(path), env.get, path))
        except OSError as error:
            raise InvalidArgument(f"can't read env file {path}: {error.strerror}") from error
    for text in options.list("env"):
        name, equals, value = text.partition("=")
        found[name] = value if equals else env.get(name)
    return found


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("label must be set as KEY=VALUE")
    return name, value


RUN = Command(
    "[OPTIONS] SERVICE [COMMAND] [ARGS...]",
    _run,
    (
        switch("build", "", "Build image before starting container"),
        several("cap-add", "", "Add Linux capabilities"),
        several("cap-drop", "", "Drop Linux capabilities"),
        switch("detach", "d", "Run container in background and print container ID"),
        DRY_RUN,
        Flag("entrypoint", "", "Override the entrypoint of the image"),
        several("env", "e", "Set environment variables", metavar="stringArray"),
        several("env-from-file", "", "Set environment variables from file", metavar="stringArray"),
        switch("interactive", "i", "Keep STDIN open even if not attached", default=True),
        several("label", "l", "Add or override a label", metavar="stringArray"),
        Flag("name", "", "Assign a name to the container"),
        switch("no-TTY", "T", "Disable pseudo-TTY allocation (default: auto-detected)"),
        switch("no-deps", "", "Don't start linked services"),
        several("publish", "p", "Publish a container's port(s) to the host", metavar="stringArray"),
        Flag("pull", "", 'Pull image before running ("always"|"missing"|"never")', default="policy"),
        switch("quiet", "q", "Don't print anything to STDOUT"),
        switch("quiet-build", "", "Suppress progress output from the build process"),
        switch("quiet-pull", "", "Pull without printing progress information"),
        switch("remove-orphans", "", "Remove containers for services not defined in the Compose file"),
        switch("rm", "", "Automatically remove the container when it exits"),
        switch("service-ports", "P", "Run command with all service's ports enabled and mapped to the host"),
        STAND_INS,
        switch("tty", "t", ""),
        switch("use-aliases", "", "Use the service's network aliases in the network(s) the container connects to"),
        Flag("user", "u", "Run as specified username or uid"),
        several("volume", "v", "Bind mount a volume", metavar="stringArray"),
        Flag("workdir", "w", "Working directory inside the container"),
    ),
    arguments=(1, MANY),
    is_interspersed=False,
)
