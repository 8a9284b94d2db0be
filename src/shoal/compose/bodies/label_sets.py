"""The labels of each thing that Compose makes."""

from shoal.compose.bodies.hashes import content_hash, network_hash, service_hash, volume_hash
from shoal.compose.labels import (
    COMPOSE_VERSION,
    CONFIG_FILES,
    CONFIG_HASH,
    CONTAINER_NUMBER,
    CONTENT_HASH,
    DEPENDS_ON,
    ENVIRONMENT_FILE,
    IMAGE,
    NETWORK,
    ONEOFF,
    PROJECT,
    SERVICE,
    VERSION,
    VOLUME,
    WORKING_DIR,
)
from shoal.compose.project import Network, Project, Service, Volume


def container_labels(project: Project, service: Service, number: int, image_id: str) -> dict[str, str]:
    """All labels of a container: the user's own, then Compose's."""
    labels = {
        **service.labels,
        CONFIG_HASH: service_hash(service),
        CONTAINER_NUMBER: str(number),
        DEPENDS_ON: depends_on_text(project, service),
        IMAGE: image_id,
        ONEOFF: "False",
        PROJECT: project.name,
        CONFIG_FILES: ",".join(project.files),
        WORKING_DIR: project.working_dir,
        SERVICE: service.name,
        VERSION: COMPOSE_VERSION,
    }
    if project.env_files:
        labels[ENVIRONMENT_FILE] = ",".join(project.env_files)
    if contents := content_hash(project, service):
        labels[CONTENT_HASH] = contents
    return labels


def depends_on_text(project: Project, service: Service) -> str:
    """The label that remembers the order: `db:service_healthy:false,redis:service_started:true`."""
    known = [one for one in service.depends_on.values() if one.service in project.services]
    return ",".join(f"{one.service}:{one.condition}:{str(one.restart).lower()}" for one in known)


def network_labels(project: Project, network: Network) -> dict[str, str]:
    """All labels of a network."""
    return {
        **network.labels,
        CONFIG_HASH: network_hash(network),
        NETWORK: network.key,
        PROJECT: project.name,
        VERSION: COMPOSE_VERSION,
    }


def volume_labels(project: Project, volume: Volume) -> dict[str, str]:
    """All labels of a volume."""
    return {
        **volume.labels,
        CONFIG_HASH: volume_hash(volume),
        PROJECT: project.name,
        VERSION: COMPOSE_VERSION,
        VOLUME: volume.key,
    }
