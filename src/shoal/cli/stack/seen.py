"""What the cluster has of a stack."""

from __future__ import annotations

from shoal.compose.to_services.labels import NAMESPACE
from shoal.compose.to_services.observed import ObservedStack, observed_stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.cli.command import Context


def observe(context: Context, stack: str) -> ObservedStack:
    """Four requests. Raises: ClientError where the engine is not a manager"""
    api = context.api
    return observed_stack(
        services=api.services.list(in_stack(stack)) or (),
        networks=api.networks.list() or (),
        secrets=api.secrets.list() or (),
        configs=api.configs.list() or (),
    )


def in_stack(stack: str) -> dict[str, list[str]]:
    """The filter that names a stack's objects."""
    return {"label": [f"{NAMESPACE}={stack}"]}
