"""What an engine has, from its list calls.

GET /containers/json?all=1&filters={"label":["com.docker.compose.project=P"]}
GET /networks       GET /volumes       GET /images/json
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shoal.compose import labels as names
from shoal.compose.noun import Noun, field
from shoal.compose.references import familiar, is_digest


class ObservedMount(Noun):
    """A mount of a container. name: the volume's, "" for other types."""

    type: str
    name: str
    source: str
    destination: str


class ObservedContainer(Noun):
    """A container of a project.

    state: created, running, paused, restarting, exited, removing or dead
    health: healthy, unhealthy, starting, or "" where it has no health check
    networks: {network name: network id}
    number: 0 where it has no number
    """

    id: str
    name: str
    image: str
    image_id: str
    state: str
    health: str = ""
    exit_code: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[ObservedMount, ...] = ()
    created_s: int = 0

    @property
    def service(self) -> str:
        return self.labels.get(names.SERVICE, "")

    @property
    def number(self) -> int:
        text = self.labels.get(names.CONTAINER_NUMBER, "")
        return int(text) if text.isdecimal() else 0

    @property
    def oneoff(self) -> bool:
        return self.labels.get(names.ONEOFF, "").lower() == "true"

    @property
    def config_hash(self) -> str:
        return self.labels.get(names.CONFIG_HASH, "")

    @property
    def running(self) -> bool:
        return self.state in ("running", "paused", "restarting")


class ObservedNetwork(Noun):
    """A network of the engine."""

    id: str
    name: str
    driver: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


class ObservedVolume(Noun):
    """A volume of the engine."""

    name: str
    driver: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


class ObservedState(Noun):
    """Everything that a plan is decided from.

    containers: of one project, by name; networks, volumes: of the whole engine, by name
    images: {familiar reference with tag or digest: image id}
    image_ports: {image id: ports that it exposes, `3306/tcp`}; needed for projects with `link_environment` only
    """

    containers: Mapping[str, ObservedContainer] = field(default_factory=dict)
    networks: Mapping[str, ObservedNetwork] = field(default_factory=dict)
    volumes: Mapping[str, ObservedVolume] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    image_ports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def exposed_ports(self, reference: str) -> tuple[str, ...]:
        """Ports that the image of `reference` exposes, where that was asked for."""
        return self.image_ports.get(self.image_id(reference), ())

    def image_id(self, reference: str) -> str:
        """Id of the image that `reference` names, "" where the engine does not have it."""
        if is_digest(reference):
            return reference if reference in self.images.values() else ""
        return self.images.get(familiar(reference), "")

    def of_service(self, service: str) -> tuple[ObservedContainer, ...]:
        """The service's containers by number, one-off ones left out."""
        found = (c for c in self.containers.values() if c.service == service and not c.oneoff)
        return tuple(sorted(found, key=lambda c: (c.number, c.name)))


def observed_state(
    containers: Iterable[Mapping[str, Any]],
    networks: Iterable[Mapping[str, Any]] = (),
    volumes: Iterable[Mapping[str, Any]] = (),
    images: Iterable[Mapping[str, Any]] = (),
    image_configs: Iterable[Mapping[str, Any]] = (),
) -> ObservedState:
    """The state that the four list calls answered with (each an array; `Volumes` of GET /volumes).

    image_configs: answers of GET /images/{name}/json, for projects with `link_environment`
    """
    references: dict[str, str] = {}
    for image in images:
        for reference in (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())):
            references[reference] = image["Id"]
    return ObservedState(
        containers={c.name: c for c in map(_container, containers)},
        networks={n["Name"]: _network(n) for n in networks},
        volumes={v["Name"]: _volume(v) for v in volumes},
        images=references,
        image_ports={one["Id"]: tuple((one.get("Config") or {}).get("ExposedPorts") or ()) for one in image_configs},
    )


def _container(entry: Mapping[str, Any]) -> ObservedContainer:
    attached = (entry.get("NetworkSettings") or {}).get("Networks") or {}
    status = entry.get("Status") or ""
    return ObservedContainer(
        id=entry["Id"],
        name=_own_name(entry.get("Names") or [entry["Id"]]),
        image=entry.get("Image") or "",
        image_id=entry.get("ImageID") or "",
        state=entry.get("State") or "",
        health=_health(status),
        exit_code=_exit_code(status),
        labels=entry.get("Labels") or {},
        networks={name: (endpoint or {}).get("NetworkID", "") for name, endpoint in attached.items()},
        mounts=tuple(_mount(mount) for mount in entry.get("Mounts") or ()),
        created_s=int(entry.get("Created") or 0),
    )


def _own_name(all_names: Iterable[str]) -> str:
    """The name without slash; names with two slashes are link aliases of other containers."""
    plain = [name.lstrip("/") for name in all_names]
    return next((name for name in plain if "/" not in name), plain[0])


def _mount(mount: Mapping[str, Any]) -> ObservedMount:
    return ObservedMount(
        type=mount.get("Type") or "",
        name=mount.get("Name") or "",
        source=mount.get("Source") or "",
        destination=mount.get("Destination") or "",
    )


def _network(entry: Mapping[str, Any]) -> ObservedNetwork:
    return ObservedNetwork(
        id=entry.get("Id") or "",
        name=entry["Name"],
        driver=entry.get("Driver") or "",
        labels=entry.get("Labels") or {},
    )


def _volume(entry: Mapping[str, Any]) -> ObservedVolume:
    return ObservedVolume(name=entry["Name"], driver=entry.get("Driver") or "", labels=entry.get("Labels") or {})


def _health(status: str) -> str:
    """Health as the list's status line spells it: `Up 3 seconds (health: starting)`."""
    if not status.endswith(")") or not status.startswith("Up"):
        return ""
    word = status[status.rfind("(") + 1 : -1].removeprefix("health: ")
    return word if word in ("healthy", "unhealthy", "starting") else ""


def _exit_code(status: str) -> int | None:
    """Exit code as the list's status line spells it: `Exited (0) 3 minutes ago`."""
    if not status.startswith("Exited ("):
        return None
    text = status[len("Exited (") : status.find(")")]
    return int(text) if text.lstrip("-").isdecimal() else None
