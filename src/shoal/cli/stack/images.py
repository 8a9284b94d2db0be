"""The images of a stack: built where the file says so, and fixed to digests, so that every node runs the same."""

from __future__ import annotations

from shoal.cli.service.image import with_tag
from shoal.client.credentials import registry_auth
from shoal.client.errors import ClientError
from shoal.compose.to_services.labels import IMAGE
from shoal.compose.to_services.service import PinnedImage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.cli.stack.files import StackSession
    from shoal.compose.project import Project, Service
    from shoal.compose.to_services.observed import ObservedStack

#: --resolve-image
ALWAYS, CHANGED, NEVER = "always", "changed", "never"
#: of pull_policy: no registry is asked
_LOCAL = ("never", "build")


def build_images(session: StackSession, project: Project, *, build: bool, stand_ins: bool, quiet: bool) -> None:
    """Build what the file says is built and is not here yet; with `stand_ins` also make what no registry gives.

    build: also what is here already
    """
    from shoal.compose.observed import observed_state
    from shoal.compose.plan import plan_images
    from shoal.compose.planning.options import ImageOptions

    wanted = tuple(name for name, one in project.services.items() if one.build is not None or stand_ins)
    if not wanted:
        return
    state = observed_state(containers=(), images=session.context.api.images.list())
    plan = plan_images(project, state, ImageOptions(services=wanted, no_deps=True, build=build))
    if plan.operations:
        session.apply(plan, "Building", quiet=quiet, stand_ins=stand_ins)


def pinned_images(
    session: StackSession, project: Project, observed: ObservedStack, resolve: str
) -> dict[str, PinnedImage]:
    """{service: its image with the digest that every node is to run}. Warns of images that nobody knows."""
    found: dict[tuple[str, bool], PinnedImage] = {}
    result = {}
    for name, service in project.services.items():
        known = _known(observed, f"{project.name}_{name}", service.image)
        if resolve != ALWAYS and known is not None and service.build is None:
            result[name] = known
            continue
        is_local = service.build is not None or service.pull_policy in _LOCAL or resolve == NEVER
        key = (service.image, is_local)
        if key not in found:
            found[key] = _pinned(session, service, is_local, known, resolve)
        result[name] = found[key]
    return result


def _known(observed: ObservedStack, name: str, image: str) -> PinnedImage | None:
    """What a running service has for this very image."""
    service = observed.services.get(name)
    if service is None or service.labels.get(IMAGE) != image:
        return None
    template = service.spec.get("TaskTemplate") or {}
    platforms = (template.get("Placement") or {}).get("Platforms") or ()
    reference = (template.get("ContainerSpec") or {}).get("Image") or ""
    return PinnedImage(reference=reference, platforms=_platforms(platforms, "OS", "Architecture"))


def _pinned(
    session: StackSession, service: Service, is_local: bool, known: PinnedImage | None, resolve: str
) -> PinnedImage:
    reference = with_tag(service.image)
    if resolve == NEVER and service.build is None:
        return PinnedImage(reference=reference)
    pinned = None if is_local else _of_registry(session, reference)
    pinned = pinned or _of_engine(session, reference) or known
    if pinned is not None or "@" in reference:
        return pinned or PinnedImage(reference=reference)
    session.context.warn(
        f"image {reference} could not be accessed on a registry to record\n"
        f"its digest. Each node will access {reference} independently,\n"
        "possibly leading to different nodes running different\nversions of the image.\n"
    )
    return PinnedImage(reference=reference)


def _of_registry(session: StackSession, reference: str) -> PinnedImage | None:
    context = session.context
    try:
        answer = context.api.services.distribution(reference, auth=registry_auth(reference, context.env))
    except ClientError:
        return None
    digest = (answer.get("Descriptor") or {}).get("digest")
    if not digest:
        return None
    return PinnedImage(
        reference=_with_digest(reference, digest),
        platforms=_platforms(answer.get("Platforms") or (), "os", "architecture"),
    )


def _of_engine(session: StackSession, reference: str) -> PinnedImage | None:
    """The image as this engine has it: what it was pulled as, else its id; nodes get it from each other."""
    try:
        image = session.context.api.images.inspect(reference)
    except ClientError:
        return None
    digests = [str(text).rpartition("@")[2] for text in image.get("RepoDigests") or ()]
    return PinnedImage(
        reference=_with_digest(reference, digests[0] if digests else image["Id"]),
        platforms=_platforms([image], "Os", "Architecture"),
    )


def _with_digest(reference: str, digest: str) -> str:
    return reference if "@" in reference else f"{reference}@{digest}"


def _platforms(entries: Any, system: str, architecture: str) -> tuple[tuple[str, str], ...]:
    """(os, architecture) of each entry that names both; attestations are for no platform."""
    pairs: Mapping[tuple[str, str], None] = {
        (one[system], one[architecture]): None
        for one in entries
        if one.get(system) not in (None, "", "unknown") and one.get(architecture)
    }
    return tuple(pairs)
