"""A service's spec as it is stored: checked, and with ids for the names of what it refers to."""

from collections.abc import Sequence
from dataclasses import replace

from shoal.cluster.view import View
from shoal.errors import InvalidArgument, NotFound
from shoal.model.cluster.service import Service, ServiceSpec
from shoal.model.cluster.task import Attachment, FileReference
from shoal.swarm.manager.control.find import resolve

_SAID = "rpc error: code = InvalidArgument desc ="
#: networks of the node itself, no overlay
HOST_NETWORKS = ("host", "none", "bridge")


def complete(view: View, spec: ServiceSpec, before: Service | None = None) -> tuple[ServiceSpec, Sequence[str]]:
    """(the spec as it is stored, warnings). before: the service that it is for. Raises: InvalidArgument, NotFound"""
    task = replace(
        spec.task,
        networks=tuple(_attachment(view, item) for item in spec.task.networks),
        files=tuple(_file(view, item) for item in spec.task.files),
    )
    spec = replace(spec, task=task)
    return spec, ()


def _attachment(view: View, wanted: Attachment) -> Attachment:
    if wanted.target in HOST_NETWORKS:
        return wanted
    try:
        network = resolve("network", wanted.target, view.networks, lambda network: network.spec.name)
    except NotFound:
        raise NotFound(f"network {wanted.target} not found") from None
    return replace(wanted, target=network.id)


def _file(view: View, wanted: FileReference) -> FileReference:
    noun = wanted.kind.removesuffix("s")
    found = (view.secrets if wanted.kind == "secrets" else view.configs).get(wanted.id)
    if found is None:
        raise InvalidArgument(f"{_SAID} {noun} reference {wanted.name or wanted.id} has no {noun} with that id")
    if wanted.name and found.name != wanted.name:
        raise InvalidArgument(f"{_SAID} {noun} {wanted.id} is called {found.name}, not {wanted.name}")
    return wanted
