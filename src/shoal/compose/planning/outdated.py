"""Why a container must be made anew, or that it need not."""

import re
from collections.abc import Set

from shoal.compose import labels as names
from shoal.compose.bodies.hashes import content_hash, service_hash
from shoal.compose.observed import ObservedContainer, ObservedState
from shoal.compose.project import Project, Service

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


def shared_services(service: Service) -> dict[str, str]:
    """Services whose first container lends this one a namespace: {service: what is shared}."""
    modes = {"network": service.network_mode, "ipc": service.ipc, "pid": service.pid, "uts": service.uts}
    return {mode.removeprefix("service:"): kind for kind, mode in modes.items() if mode.startswith("service:")}


def why_outdated(
    project: Project,
    observed: ObservedState,
    service: Service,
    container: ObservedContainer,
    remade: Set[str],
    recreated: Set[str],
) -> str:
    """The reason, or "".

    remade: names of networks and volumes that the plan makes anew
    recreated: services whose containers the plan makes anew
    """
    for other, kind in shared_services(service).items():
        if other in recreated:
            return f"shares the {kind} namespace of {other}"
    if container.config_hash != service_hash(service):
        return "configuration changed"
    # containers that Docker Compose made have no such label
    if container.labels.get(names.CONTENT_HASH, contents := content_hash(project, service)) != contents:
        return "content of a config or secret changed"
    image_id = observed.image_id(project.image_of(service))
    recorded = container.labels.get(names.IMAGE) or container.image_id
    if image_id and recorded and image_id != recorded:
        return "image changed"
    return _network_reason(project, observed, service, container, remade) or _volume_reason(
        project, service, container, remade
    )


def _network_reason(
    project: Project, observed: ObservedState, service: Service, container: ObservedContainer, remade: Set[str]
) -> str:
    for attachment in service.networks:
        name = project.networks[attachment.network].name
        if name in remade:
            return f"network {name} is made anew"
        if name not in observed.networks:
            return f"network {name} was gone"
        on = container.networks.get(name)
        if on is None and container.state == "running":
            return f"not on network {name}"
        if on and observed.networks[name].id and on != observed.networks[name].id:
            return f"network {name} is another one now"
    return ""


def _volume_reason(project: Project, service: Service, container: ObservedContainer, remade: Set[str]) -> str:
    mounted = {mount.destination: mount.name for mount in container.mounts if mount.type == "volume"}
    for mount in service.volumes:
        volume = project.volumes.get(mount.source) if mount.type == "volume" else None
        if volume is None:
            continue
        if volume.name in remade:
            return f"volume {volume.name} is made anew"
        if mounted.get(mount.target, volume.name) != volume.name:
            return f"another volume at {mount.target}"
    return ""


def anonymous_volumes(container: ObservedContainer) -> dict[str, str]:
    """{target: volume name} of the container's volumes that have no name of their own."""
    return {
        mount.destination: mount.name
        for mount in container.mounts
        if mount.type == "volume" and _ANONYMOUS.fullmatch(mount.name)
    }
