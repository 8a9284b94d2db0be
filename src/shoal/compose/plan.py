"""The doors to planning: each gives a `Plan` for one command.

The usual course of `up`: `plan_images`, carried out, images listed again, then `plan_up`; `preview` joins the two for
`--dry-run`.
"""

from shoal.compose.planning.down import plan_down
from shoal.compose.planning.images import plan_build, plan_images, plan_pull, plan_push
from shoal.compose.planning.join import preview
from shoal.compose.planning.lifecycle import (
    plan_kill,
    plan_pause,
    plan_remove,
    plan_restart,
    plan_start,
    plan_stop,
    plan_unpause,
)
from shoal.compose.planning.recovered import recovered_project
from shoal.compose.planning.run import RunPlan, plan_run
from shoal.compose.planning.up import plan_up

__all__ = [
    "RunPlan",
    "plan_build",
    "plan_down",
    "plan_images",
    "plan_kill",
    "plan_pause",
    "plan_pull",
    "plan_push",
    "plan_remove",
    "plan_restart",
    "plan_run",
    "plan_start",
    "plan_stop",
    "plan_unpause",
    "plan_up",
    "preview",
    "recovered_project",
]
