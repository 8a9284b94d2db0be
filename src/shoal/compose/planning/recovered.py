"""A project known by its labels only, for commands that are given a name and no file."""

from shoal.compose import labels as names
from shoal.compose.observed import ObservedState
from shoal.compose.parts import Condition, Dependency
from shoal.compose.project import Project, Service


def recovered_project(name: str, observed: ObservedState) -> Project:
    """The project `name` as its containers remember it: services, their order, where its files were."""
    services: dict[str, Service] = {}
    counts: dict[str, int] = {}
    working_dir, files = "", ""
    for container in sorted(observed.containers.values(), key=lambda c: (c.service, c.number)):
        if not container.service:
            continue
        counts[container.service] = counts.get(container.service, 0) + (not container.oneoff)
        working_dir = container.labels.get(names.WORKING_DIR, working_dir)
        files = container.labels.get(names.CONFIG_FILES, files)
        services[container.service] = Service(
            name=container.service,
            image=container.image,
            scale=counts[container.service],
            depends_on=_dependencies(container.labels.get(names.DEPENDS_ON, "")),
        )
    return Project(
        name=name,
        working_dir=working_dir,
        files=tuple(file for file in files.split(",") if file),
        services=services,
    )


def _dependencies(text: str) -> dict[str, Dependency]:
    """The label `db:service_healthy:false,…`; older ones hold names only."""
    found: dict[str, Dependency] = {}
    for entry in text.split(",") if text else ():
        name, _, rest = entry.partition(":")
        condition, _, restart = rest.partition(":")
        known = condition if condition in Condition._value2member_map_ else Condition.STARTED
        found[name] = Dependency(service=name, condition=Condition(known), restart=restart == "true", required=False)
    return found
