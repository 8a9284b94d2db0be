"""Dockerfile instructions given with import and commit: they change the config only."""

from collections.abc import Sequence

from shoal.dockerfile import instructions as i
from shoal.dockerfile.evaluate import Scope, evaluate
from shoal.dockerfile.parser import parse
from shoal.dockerfile.stages import plan_build
from shoal.dockerfile.vertices import State
from shoal.errors import InvalidArgument
from shoal.model.image import ImageConfig

_ALLOWED = (
    i.Cmd,
    i.Entrypoint,
    i.Env,
    i.Expose,
    i.Healthcheck,
    i.Label,
    i.Onbuild,
    i.Shell,
    i.StopSignal,
    i.User,
    i.Volume,
    i.Workdir,
)


def apply_changes(config: ImageConfig, changes: Sequence[str]) -> ImageConfig:
    """`config` after these instructions ("ENV DEBUG=1"). Raises: InvalidArgument"""
    lines = [line for change in changes for line in change.splitlines() if line.strip()]
    if not lines:
        return config
    plan = plan_build(parse("\n".join(["FROM scratch", *lines]), file="changes"))
    if len(plan.stages) != 1:
        raise InvalidArgument("FROM is not a valid change command")
    scope = Scope(plan=plan, stage=plan.target, auto_args={})
    state = State(config=config, digest="")
    for instruction in plan.target.instructions:
        if not isinstance(instruction, _ALLOWED):
            raise InvalidArgument(f"{instruction.keyword} is not a valid change command")
        state = evaluate(state, instruction, scope).state
    return state.config
