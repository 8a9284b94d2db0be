"""The image of a service: its tag is fixed to a digest, so that every node runs the same, whatever the tag becomes."""

from __future__ import annotations

from shoal.client.credentials import registry_auth
from shoal.client.errors import ClientError, ClientNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.cli.command import Context


def fixed_image(context: Context, reference: str, *, auth: str = "") -> str:
    """`reference` with the digest that its tag has now; without, and with a warning, where nobody knows it.

    The engine's own image comes first: what was built here is on no registry, and nodes get it from each other.
    """
    name = with_tag(reference)
    if "@" in name:
        return name
    digest = _own_digest(context, name) or _registry_digest(context, name, auth)
    return f"{name}@{digest}" if digest else name


def with_tag(reference: str) -> str:
    """ "img:latest" of "img"; as it is where it has a tag or digest, or is none."""
    if "@" in reference or ":" in reference.rpartition("/")[2] or reference != reference.lower():
        return reference
    return f"{reference}:latest"


def header_of(context: Context, reference: str, *, is_wanted: bool) -> str:
    """The stored login of the image's registry, for X-Registry-Auth; "" where it is not to be sent."""
    return registry_auth(reference, context.env) if is_wanted else ""


def _own_digest(context: Context, name: str) -> str:
    try:
        image = context.api.images.inspect(name)
    except ClientNotFound:
        return ""
    except ClientError:
        return ""
    digests = [str(text).rpartition("@")[2] for text in image.get("RepoDigests") or ()]
    return digests[0] if digests else ""


def _registry_digest(context: Context, name: str, auth: str) -> str:
    try:
        found = context.api.services.distribution(name, auth=auth or registry_auth(name, context.env))
    except ClientError:
        context.warn(
            f"image {name} could not be accessed on a registry to record\n"
            f"its digest. Each node will access {name} independently,\n"
            "possibly leading to different nodes running different\nversions of the image.\n"
        )
        return ""
    return str((found.get("Descriptor") or {}).get("digest") or "")
