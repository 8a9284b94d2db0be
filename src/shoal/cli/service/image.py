"""The image of a service: its tag is fixed to a digest, so that every node runs the same, whatever the tag becomes."""

from __future__ import annotations

from shoal.client.credentials import registry_auth
from shoal.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from shoal.cli.command import Context

    Json = dict[str, Any]
    Found = tuple[str, list[Json]]  #: digest ("" = not found), Platforms


def fix_image(context: Context, template: Json, reference: str, *, auth: str = "") -> None:
    """Write into a TaskTemplate `reference` with the digest that its tag has now, and the platforms that it is for.

    What was built or loaded here, and is of no registry, is what the user means: nodes get it from each other.
    Else the registry is asked, and where it does not answer, the digest is that of the engine's own image. Where
    nobody knows it, the tag alone is written, with a warning.
    """
    name = with_tag(reference)
    template["ContainerSpec"]["Image"] = name
    if "@" in name:
        return
    own, is_of_registry = _own(context, name)
    digest, platforms = own if own[0] and not is_of_registry else _of_registry(context, name, auth)
    if not digest:
        digest, platforms = own
    if not digest:
        context.warn(
            f"image {name} could not be accessed on a registry to record\n"
            f"its digest. Each node will access {name} independently,\n"
            "possibly leading to different nodes running different\nversions of the image.\n"
        )
        return
    template["ContainerSpec"]["Image"] = f"{name}@{digest}"
    template["Placement"] = {**(template.get("Placement") or {}), "Platforms": platforms}


def with_tag(reference: str) -> str:
    """ "img:latest" of "img"; as it is where it has a tag or digest, or is none."""
    if "@" in reference or ":" in reference.rpartition("/")[2] or reference != reference.lower():
        return reference
    return f"{reference}:latest"


def header_of(context: Context, reference: str, *, is_wanted: bool) -> str:
    """The stored login of the image's registry, for X-Registry-Auth; "" where it is not to be sent."""
    return registry_auth(reference, context.env) if is_wanted else ""


def _own(context: Context, name: str) -> tuple[Found, bool]:
    """The engine's own image, and whether it has it from a registry."""
    try:
        image = context.api.images.inspect(name)
    except ClientError:
        return ("", []), False
    digests = [str(text).rpartition("@")[2] for text in image.get("RepoDigests") or ()]
    platforms = _platforms([{"os": image.get("Os"), "architecture": image.get("Architecture")}])
    return (digests[0] if digests else str(image.get("Id") or ""), platforms), bool(digests)


def _of_registry(context: Context, name: str, auth: str) -> Found:
    try:
        found = context.api.services.distribution(name, auth=auth or registry_auth(name, context.env))
    except ClientError:
        return "", []
    digest = str((found.get("Descriptor") or {}).get("digest") or "")
    return digest, _platforms(found.get("Platforms") or ())


def _platforms(entries: Iterable[Json]) -> list[Json]:
    """Those that name system and processor; attestations are for none."""
    pairs = [(entry.get("os"), entry.get("architecture")) for entry in entries]
    return [{"OS": os, "Architecture": cpu} for os, cpu in pairs if os and cpu and "unknown" not in (os, cpu)]
