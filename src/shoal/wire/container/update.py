"""The body of POST /containers/{id}/update. Source: Docker Engine API v1.51, ContainerUpdate."""

from typing import Any

from shoal.model.container import RestartPolicy
from shoal.model.resources import Resources
from shoal.wire.container.host import read_restart
from shoal.wire.container.resources import decode_resources
from shoal.wire.container.validate import check_update
from shoal.wire.fields import read_object


def decode_update(body: Any) -> tuple[Resources, RestartPolicy | None]:
    """(limits to set, policy to set or None). Raises: InvalidArgument"""
    given = read_object(body, "")
    resources = decode_resources(given, "")
    check_update(resources)
    policy = read_object(given.get("RestartPolicy"), "RestartPolicy")
    restart = read_restart(policy, "RestartPolicy") if policy.get("Name") else None
    return resources, restart
