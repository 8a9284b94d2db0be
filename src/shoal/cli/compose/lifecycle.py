"""`shoal compose start|stop|restart|pause|unpause|kill|rm`: one plan each."""

from __future__ import annotations

from dataclasses import replace

from shoal.cli.command import Command, Context
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN, TIMEOUT
from shoal.cli.compose.up import timeout_s
from shoal.cli.flags import Flag, Options, number, switch
from shoal.compose.plan import plan_kill, plan_pause, plan_remove, plan_restart, plan_start, plan_stop, plan_unpause
from shoal.compose.planning.options import RemoveOptions, VerbOptions
from shoal.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shoal.compose.observed import ObservedState
    from shoal.compose.operations import Plan
    from shoal.compose.project import Project

    Planner = Callable[[Project, ObservedState, VerbOptions], Plan]


def _verb(planner: Planner, title: str, *, complaint: str = "") -> Callable[[Context, Options, list[str]], int]:
    """A command that carries out what `planner` says. complaint: the error where the project has no containers."""

    def run(context: Context, options: Options, services: list[str]) -> int:
        session = Session(context, options)
        project, state = session.project_and_state(services)
        if complaint and not state.containers:
            raise NotFound(complaint.format(project=project.name))
        plan = planner(project, state, _verb_options(options, services))
        if session.dry_run:
            session.show(plan)
        else:
            session.apply(plan, title)
        return 0

    return run


def _verb_options(options: Options, services: list[str]) -> VerbOptions:
    wait_timeout = options.number("wait-timeout") if "wait-timeout" in options else 0
    return VerbOptions(
        services=tuple(services),
        stop_timeout_s=timeout_s(options),
        signal=options.text("signal") if "signal" in options else "",
        no_deps="no-deps" in options and options.flag("no-deps"),
        remove_orphans="remove-orphans" in options and options.flag("remove-orphans"),
        wait=wait_timeout > 0 or ("wait" in options and options.flag("wait")),
        wait_timeout_s=float(wait_timeout) or None,
    )


def _remove(context: Context, options: Options, services: list[str]) -> int:
    session = Session(context, options)
    project, state = session.project_and_state(services)
    wanted = RemoveOptions(services=tuple(services), stop=options.flag("stop"), volumes=options.flag("volumes"))
    plan = plan_remove(project, state, wanted)
    if not plan and not plan.questions:
        session.context.warn("No stopped containers")
        return 0
    questions = plan.questions
    if questions and not session.dry_run:
        for question in questions:
            context.print(question.text)
        if not options.flag("force") and not session.confirm("Are you sure?"):
            return 0
    if questions:
        plan = plan_remove(project, state, replace(wanted, confirmed=frozenset(q.id for q in questions)))
    if session.dry_run:
        session.show(plan)
    else:
        session.apply(plan, "Removing")
    return 0


_NOTHING = 'no containers found for project "{project}": not found'
_WAITING = (
    switch("wait", "", "Wait for services to be running|healthy"),
    number("wait-timeout", "", "Maximum duration in seconds to wait for the project to be running|healthy"),
)

START = Command("[SERVICE...]", _verb(plan_start, "Running", complaint=_NOTHING), (DRY_RUN, *_WAITING))
STOP = Command("[OPTIONS] [SERVICE...]", _verb(plan_stop, "Stopping"), (DRY_RUN, TIMEOUT))
RESTART = Command(
    "[OPTIONS] [SERVICE...]",
    _verb(plan_restart, "Restarting", complaint=_NOTHING),
    (DRY_RUN, switch("no-deps", "", "Don't restart dependent services"), TIMEOUT),
)
PAUSE = Command("[SERVICE...]", _verb(plan_pause, "Pausing"), (DRY_RUN,))
UNPAUSE = Command("[SERVICE...]", _verb(plan_unpause, "Running"), (DRY_RUN,))
KILL = Command(
    "[OPTIONS] [SERVICE...]",
    _verb(plan_kill, "Killing"),
    (
        DRY_RUN,
        switch("remove-orphans", "", "Remove containers for services not defined in the Compose file"),
        Flag("signal", "s", "SIGNAL to send to the container", default="SIGKILL"),
    ),
)
RM = Command(
    "[OPTIONS] [SERVICE...]",
    _remove,
    (
        DRY_RUN,
        switch("force", "f", "Don't ask to confirm removal"),
        switch("stop", "s", "Stop the containers, if required, before removing"),
        switch("volumes", "v", "Remove any anonymous volumes attached to containers"),
    ),
    notes=(
        "By default, anonymous volumes attached to containers will not be removed. You\n"
        'can override this with -v. To list all volumes, use "shoal volume ls".\n\n'
        "Any data which is not in a volume will be lost."
    ),
)
