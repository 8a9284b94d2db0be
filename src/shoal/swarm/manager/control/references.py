"""A service's spec as it is stored: checked against the cluster, with ids for the names of what it refers to."""

from collections.abc import Sequence
from dataclasses import replace

from shoal.cluster.allocate.ports import taken_ports
from shoal.cluster.schedule import constraints
from shoal.cluster.validate import refusal
from shoal.cluster.view import View
from shoal.errors import InvalidArgument, NotFound
from shoal.model.cluster.service import Service, ServiceSpec
from shoal.model.cluster.task import Attachment, FileReference
from shoal.model.network import PREDEFINED
from shoal.oci.reference import parse_reference
from shoal.swarm.manager.control.find import resolve

_SAID = "rpc error: code = InvalidArgument desc ="


def complete(view: View, spec: ServiceSpec, before: Service | None = None) -> tuple[ServiceSpec, Sequence[str]]:
    """(the spec as it is stored, warnings). before: the service that it is for. Raises: InvalidArgument, NotFound"""
    if wrong := refusal(spec):
        raise InvalidArgument(f"{_SAID} {wrong}")
    _check_image(spec.task.container.image)
    _check_ports(view, spec, before)
    task = replace(
        spec.task,
        networks=tuple(_attachment(view, item) for item in spec.task.networks),
        files=tuple(_file(view, item) for item in spec.task.files),
    )
    return replace(spec, task=task), _warnings(view, spec)


def _check_image(image: str) -> None:
    try:
        parse_reference(image)
    except InvalidArgument:
        raise InvalidArgument(f'{_SAID} ContainerSpec: "{image}" is not a valid repository/tag') from None


def _check_ports(view: View, spec: ServiceSpec, before: Service | None) -> None:
    wanted = [port for port in spec.endpoint.ports if port.mode == "ingress" and port.published]
    if not wanted:
        return
    taken = taken_ports(view.services.values())
    for port in wanted:
        other = taken.get((port.protocol, port.published))
        if other is not None and (before is None or other.id != before.id):
            raise InvalidArgument(
                f"{_SAID} port '{port.published}' is already in use by service '{other.spec.name}' ({other.id}) "
                "as an ingress port"
            )


def _warnings(view: View, spec: ServiceSpec) -> Sequence[str]:
    """What is allowed and will not do for now."""
    wanted = spec.task.placement.constraints
    if wanted and not any(constraints.satisfies(wanted, node) for node in view.nodes.values()):
        return (f"no node of the cluster meets {', '.join(wanted)}: tasks wait until one does",)
    return ()


def _attachment(view: View, wanted: Attachment) -> Attachment:
    if wanted.target in PREDEFINED:
        return wanted
    try:
        network = resolve("network", wanted.target, view.networks, lambda network: network.spec.name)
    except NotFound:
        raise NotFound(f"network {wanted.target} not found") from None
    if network.spec.ingress:
        raise InvalidArgument(
            f'{_SAID} Service cannot be explicitly attached to the ingress network "{network.spec.name}"'
        )
    return replace(wanted, target=network.id)


def _file(view: View, wanted: FileReference) -> FileReference:
    noun = wanted.kind.removesuffix("s")
    found = (view.secrets if wanted.kind == "secrets" else view.configs).get(wanted.id)
    if found is None:
        raise InvalidArgument(f"{_SAID} {noun} {wanted.name or wanted.id} not found")
    if wanted.name and found.name != wanted.name:
        raise InvalidArgument(f"{_SAID} {noun} {wanted.id} is called {found.name}, not {wanted.name}")
    return wanted
