"""`shoal compose up`, `create` and `scale`."""

from __future__ import annotations

import time

from shoal.cli.command import Command, Context
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN, STAND_INS, TIMEOUT
from shoal.cli.errors import PlainError, UsageError
from shoal.cli.flags import Flag, Options, number, several, switch
from shoal.compose.plan import plan_images, plan_up, preview
from shoal.compose.planning.options import ImageOptions, UpOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoal.compose.operations import Plan
    from shoal.compose.project import Project

_PULL_POLICIES = ("always", "missing", "never", "build", "policy", "")
_NOT_TOGETHER = (
    ("no-build", "build"),
    ("force-recreate", "no-recreate"),
    ("always-recreate-deps", "no-recreate"),
    ("detach", "attach"),
    ("detach", "abort-on-container-exit"),
    ("detach", "abort-on-container-failure"),
    ("abort-on-container-exit", "abort-on-container-failure"),
    ("attach", "attach-dependencies"),
    ("wait", "abort-on-container-exit"),
    ("no-start", "wait"),
)


def check_together(options: Options, pairs: Sequence[tuple[str, str]]) -> None:
    """Raises: UsageError where two flags were given that exclude each other."""
    for first, second in pairs:
        if first in options and second in options and options.is_given(first) and options.is_given(second):
            raise UsageError(f"--{first} and --{second} are incompatible")


def parse_scale(texts: Sequence[str]) -> dict[str, int]:
    """{"web": 3} of "web=3". Raises: UsageError."""
    wanted = {}
    for text in texts:
        service, equals, count = text.partition("=")
        if not equals or not service:
            raise UsageError(f'invalid --scale option "{text}". Should be SERVICE=NUM')
        if not count.isdecimal():
            raise UsageError(f'invalid --scale option "{text}": "{count}" is not a number of containers')
        wanted[service] = int(count)
    return wanted


def _up(context: Context, options: Options, services: list[str]) -> int:
    check_together(options, _NOT_TOGETHER)
    if options.flag("watch"):
        from shoal.cli.compose.watching import not_watching

        raise not_watching()
    is_waiting = options.flag("wait") or options.is_given("wait-timeout")
    is_detached = options.flag("detach") or is_waiting or options.flag("no-start")
    exit_from = options.text("exit-code-from")
    if is_detached and exit_from:
        raise UsageError("--exit-code-from and --detach are incompatible")
    session = Session(context, options)
    project = session.project(services)
    if not project.services:
        raise PlainError("no service selected")
    if is_detached or session.dry_run:
        start = not options.flag("no-start")
        bring_up(session, project, services, start=start, title="Running" if start else "Creating")
        return 0
    from shoal.cli.compose.attached import Attached, Ending

    bring_up(session, project, services, start=False)
    ending = Ending(
        on_exit=options.flag("abort-on-container-exit") or bool(exit_from),
        on_failure=options.flag("abort-on-container-failure"),
        exit_code_from=exit_from,
    )
    return Attached(session, project, services, ending).run()


def _create(context: Context, options: Options, services: list[str]) -> int:
    check_together(options, _NOT_TOGETHER)
    session = Session(context, options)
    bring_up(session, session.project(services), services, start=False, title="Creating")
    return 0


def _scale(context: Context, options: Options, arguments: list[str]) -> int:
    scale = parse_scale(arguments)
    session = Session(context, options)
    project = session.project(tuple(scale))
    bring_up(session, project, tuple(scale), start=True, scale=scale)
    return 0


def bring_up(
    session: Session,
    project: Project,
    services: Sequence[str],
    *,
    start: bool,
    scale: dict[str, int] | None = None,
    title: str = "Running",
) -> None:
    """Images, then networks, volumes and containers as `up` makes them; started where `start` says so.

    title: of the progress on a terminal
    """
    options = session.options
    wanted = up_options(session, services, start=start, scale=scale)
    state = session.observe(project.name, images=True, project=project)
    images = plan_images(project, state, image_options(options, services))
    if session.dry_run:
        session.show(preview(images, plan_up(project, state, wanted)))
        return
    if images:
        make_ready(session, images)
        state = session.observe(project.name, images=True, project=project)
    plan = plan_up(project, state, wanted)
    confirmed = _confirmed(session, plan)
    if confirmed:
        from dataclasses import replace

        plan = plan_up(project, state, replace(wanted, confirmed=frozenset(confirmed)))
    session.apply(plan, title)


def make_ready(session: Session, images: Plan) -> None:
    """Pull and build what a plan of images says."""
    from shoal.compose.operations import BuildImage

    options = session.options
    is_building = any(isinstance(operation, BuildImage) for operation in images.operations)
    silencer = "quiet-build" if is_building else "quiet-pull"
    session.apply(
        images,
        "Building" if is_building else "Pulling",
        quiet=silencer in options and options.flag(silencer),
        stand_ins="stand-ins" in options and options.flag("stand-ins"),
    )


def _confirmed(session: Session, plan: Plan) -> list[str]:
    """Ids of the plan's questions that the user answers with yes."""
    if "yes" in session.options and session.options.flag("yes"):
        return [question.id for question in plan.questions]
    if plan.questions and not session.context.stdin_is_terminal():
        for question in plan.questions:
            session.context.warn(f"{question.text} Nobody can be asked, so no: --yes says yes")
        return []
    return [question.id for question in plan.questions if session.confirm(question.text)]


def up_options(
    session: Session, services: Sequence[str], *, start: bool, scale: dict[str, int] | None = None
) -> UpOptions:
    """What the command line asks of the plan."""
    options = session.options

    def on(name: str) -> bool:
        return name in options and options.flag(name)

    wait_timeout = options.number("wait-timeout") if "wait-timeout" in options else 0
    return UpOptions(
        services=tuple(services),
        scale=parse_scale(options.list("scale")) if scale is None else scale,
        start=start,
        no_deps=on("no-deps"),
        force_recreate=on("force-recreate"),
        no_recreate=on("no-recreate") or scale is not None,
        always_recreate_deps=on("always-recreate-deps"),
        renew_anon_volumes=on("renew-anon-volumes"),
        remove_orphans=on("remove-orphans") or session.env_flag("COMPOSE_REMOVE_ORPHANS"),
        ignore_orphans=session.env_flag("COMPOSE_IGNORE_ORPHANS"),
        stop_timeout_s=timeout_s(options),
        wait=start and (on("wait") or wait_timeout > 0),
        wait_timeout_s=float(wait_timeout) or None,
        api_socket=session.api_socket,
    )


def timeout_s(options: Options) -> int | None:
    """Seconds given with `-t`, None where it was not given."""
    return options.number("timeout") if "timeout" in options and options.is_given("timeout") else None


def image_options(options: Options, services: Sequence[str]) -> ImageOptions:
    """Which images the command line wants pulled and built."""
    pull = options.text("pull") if "pull" in options else ""
    if pull not in _PULL_POLICIES:
        raise UsageError(f'invalid --pull option "{pull}"; wanted always, missing, never or build')
    return ImageOptions(
        services=tuple(services),
        no_deps="no-deps" in options and options.flag("no-deps"),
        pull="" if pull in ("policy", "build") else pull,
        build=("build" in options and options.flag("build")) or pull == "build",
        no_build="no-build" in options and options.flag("no-build"),
        now_s=time.time(),
    )


_SHARED = (
    switch("build", "", "Build images before starting containers"),
    DRY_RUN,
    switch("force-recreate", "", "Recreate containers even if their configuration and image haven't changed"),
    switch("no-build", "", "Don't build an image, even if it's policy"),
    switch("no-recreate", "", "If containers already exist, don't recreate them. Incompatible with --force-recreate."),
    Flag("pull", "", 'Pull image before running ("always"|"missing"|"never"|"build")', default="policy"),
    switch("quiet-pull", "", "Pull without printing progress information"),
    switch("remove-orphans", "", "Remove containers for services not defined in the Compose file"),
    several("scale", "", "Scale SERVICE to NUM instances. Overrides the scale setting in the file.", metavar="scale"),
    switch("yes", "y", 'Assume "yes" as answer to all prompts and run non-interactively'),
    STAND_INS,
)

UP = Command(
    "[OPTIONS] [SERVICE...]",
    _up,
    (
        *_SHARED,
        switch("abort-on-container-exit", "", "Stops all containers if any container was stopped"),
        switch("abort-on-container-failure", "", "Stops all containers if any container exited with failure"),
        switch("always-recreate-deps", "", "Recreate dependent containers. Incompatible with --no-recreate."),
        several("attach", "", "Restrict attaching to the specified services", metavar="stringArray"),
        switch("attach-dependencies", "", "Automatically attach to log output of dependent services"),
        switch("detach", "d", "Detached mode: Run containers in the background"),
        Flag("exit-code-from", "", "Return the exit code of the selected service container"),
        switch("menu", ""),
        several("no-attach", "", "Do not attach (stream logs) to the specified services", metavar="stringArray"),
        switch("no-color", "", "Produce monochrome output"),
        switch("no-deps", "", "Don't start linked services"),
        switch("no-log-prefix", "", "Don't print prefix in logs"),
        switch("no-start", "", "Don't start the services after creating them"),
        switch("quiet-build", "", "Suppress the build output"),
        switch("renew-anon-volumes", "V", "Recreate anonymous volumes instead of keeping their data"),
        TIMEOUT,
        switch("timestamps", "", "Show timestamps"),
        switch("wait", "", "Wait for services to be running|healthy. Implies detached mode."),
        number("wait-timeout", "", "Maximum duration in seconds to wait for the project to be running|healthy"),
        switch("watch", "w", "Watch source code (not supported yet)"),
    ),
)
CREATE = Command("[OPTIONS] [SERVICE...]", _create, _SHARED)
SCALE = Command(
    "[SERVICE=REPLICAS...]",
    _scale,
    (DRY_RUN, switch("no-deps", "", "Don't start linked services")),
    arguments=(1, -1),
)
