"""The labels of each thing that Compose makes, and the hashes among them."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shoal.compose.labels import (
    COMPOSE_VERSION,
    CONFIG_FILES,
    CONFIG_HASH,
    CONTAINER_NUMBER,
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

#: Keys that change nothing about a container.
_NOT_HASHED = frozenset(
    ("build", "pull_policy", "pull_refresh_after", "scale", "depends_on", "profiles", "develop", "attach")
)


def container_labels(project: Project, service: Service, number: int, image_id: str) -> dict[str, str]:
    """All labels of a container: the user's own, then Compose's."""
    labels = {
        **service.labels,
        CONFIG_HASH: service_hash(project, service),
        CONTAINER_NUMBER: str(number),
        DEPENDS_ON: depends_on_text(service),
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
    return labels


def depends_on_text(service: Service) -> str:
    """The label that remembers the order: `db:service_healthy:false,redis:service_started:true`."""
    return ",".join(f"{d.service}:{d.condition}:{str(d.restart).lower()}" for d in service.depends_on.values())


def service_hash(project: Project, service: Service) -> str:
    """A hash of everything that makes a container of `service` what it is.

    Equal as long as the containers need not be made anew: it covers the names of networks and volumes and the content
    of configs and secrets that are given in place, and leaves out build, scale, profiles and what it depends on.
    """
    tree: dict[str, Any] = {key: value for key, value in service.tree.items() if key not in _NOT_HASHED}
    if "deploy" in tree and isinstance(tree["deploy"], Mapping):
        tree["deploy"] = {key: value for key, value in tree["deploy"].items() if key != "replicas"}
    names = {
        "image": project.image_of(service),
        "networks": [project.networks[a.network].name for a in service.networks if a.network in project.networks],
        "volumes": [project.volumes[m.source].name for m in service.volumes if m.source in project.volumes],
        "files": _contents(project, service),
    }
    return _hash([tree, names])


def _contents(project: Project, service: Service) -> list[str]:
    known = [project.configs.get(ref.source) for ref in service.configs]
    values = [(config.content or config.value or config.file) if config else "" for config in known]
    secrets = [project.secrets.get(ref.source) for ref in service.secrets]
    return values + [(secret.value or secret.file) if secret else "" for secret in secrets]


def network_labels(project: Project, network: Network) -> dict[str, str]:
    """All labels of a network."""
    return {
        **network.labels,
        CONFIG_HASH: _hash(_plain(network.tree)),
        NETWORK: network.key,
        PROJECT: project.name,
        VERSION: COMPOSE_VERSION,
    }


def volume_labels(project: Project, volume: Volume) -> dict[str, str]:
    """All labels of a volume."""
    return {
        **volume.labels,
        CONFIG_HASH: _hash(_plain(volume.tree)),
        PROJECT: project.name,
        VERSION: COMPOSE_VERSION,
        VOLUME: volume.key,
    }


def _plain(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in tree.items() if not key.startswith("x-")}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
