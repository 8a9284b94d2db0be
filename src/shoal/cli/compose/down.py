"""`shoal compose down`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN, TIMEOUT
from shoal.cli.compose.up import timeout_s
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, switch
from shoal.compose.plan import plan_down
from shoal.compose.planning.options import DownOptions


def _down(context: Context, options: Options, services: list[str]) -> int:
    images = options.text("rmi")
    if images not in ("", "local", "all"):
        raise UsageError(f'invalid value for --rmi: "{images}"; wanted local or all')
    session = Session(context, options)
    project, state = session.project_and_state(services, images=bool(images))
    plan = plan_down(
        project,
        state,
        DownOptions(
            services=tuple(services),
            remove_orphans=options.flag("remove-orphans") or session.env_flag("COMPOSE_REMOVE_ORPHANS"),
            volumes=options.flag("volumes"),
            images=images,
            stop_timeout_s=timeout_s(options),
        ),
    )
    if session.dry_run:
        session.show(plan)
        return 0
    if not plan:
        session.warn_all(plan.warnings)
        return 0
    session.apply(plan)
    return 0


DOWN = Command(
    "[OPTIONS] [SERVICES]",
    _down,
    (
        DRY_RUN,
        switch("remove-orphans", "", "Remove containers for services not defined in the Compose file"),
        Flag(
            "rmi", "", 'Remove images used by services. "local" remove only images without a custom tag ("local"|"all")'
        ),
        TIMEOUT,
        switch("volumes", "v", "Remove named volumes of the file and anonymous volumes attached to containers"),
    ),
)
