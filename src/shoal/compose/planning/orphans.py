"""Containers of a project whose service is gone from its files."""

from shoal.compose.observed import ObservedContainer, ObservedState
from shoal.compose.planning.draft import Draft
from shoal.compose.planning.options import UpOptions
from shoal.compose.planning.steps import remove, stop
from shoal.compose.project import Project


def orphans_of(project: Project, observed: ObservedState) -> list[ObservedContainer]:
    """Containers of services that the project does not know, one-off ones left out."""
    known = project.services.keys() | project.disabled_services.keys()
    return [one for one in observed.containers.values() if one.service not in known and not one.oneoff]


def plan_orphans(draft: Draft, project: Project, observed: ObservedState, options: UpOptions) -> None:
    """Remove the orphans, or warn of them. Called last: what takes their place comes after them."""
    orphans = orphans_of(project, observed)
    if not orphans or (options.ignore_orphans and not options.remove_orphans):
        return
    if not options.remove_orphans:
        draft.warnings[orphan_warning(orphans)] = None
        return
    gone: list[str] = []
    for container in orphans:
        stopped = stop(draft, container, None, "orphan", timeout_s=options.stop_timeout_s) if container.running else ""
        gone.append(remove(draft, container, "orphan", volumes=False, after=(stopped,) if stopped else ()))
    # A service that was renamed publishes the same ports.
    draft.precede(gone, "create", "start")


def orphan_warning(orphans: list[ObservedContainer]) -> str:
    names = " ".join(container.name for container in orphans)
    return (
        f"Found orphan containers ([{names}]) for this project. If you removed or renamed this service in your compose "
        "file, you can run this command with the --remove-orphans flag to clean it up."
    )
