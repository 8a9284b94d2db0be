"""`ServiceSpec`: the body that makes or changes a service."""

from collections.abc import Iterable, Mapping
from typing import Any

from shoal.compose.noun import Noun, field
from shoal.compose.parts import Attachment
from shoal.compose.project import Project, Service
from shoal.compose.to_services.container import container_spec
from shoal.compose.to_services.deploy import (
    endpoint_body,
    is_job,
    mode_body,
    placement_body,
    resources_body,
    restart_body,
    update_body,
)
from shoal.compose.to_services.jobs import schedule_body
from shoal.compose.to_services.labels import IMAGE, MANUAL, NAMESPACE


class PinnedImage(Noun):
    """The image that tasks run.

    reference: with the digest by which every node gets the same one, where it is known
    platforms: (os, architecture) that it was made for
    """

    reference: str
    platforms: tuple[tuple[str, str], ...] = ()


class WantedService(Noun):
    """A service of a stack.

    key: its name in the file; name: in the cluster
    image: as the file names it
    body: ServiceSpec; networks by name, secrets and configs by name without ids
    restarts_with: services of the cluster whose change replaces this one's tasks too
    """

    key: str
    name: str
    image: str
    body: Mapping[str, Any] = field(repr=False)
    restarts_with: tuple[str, ...] = ()


def wanted_service(
    project: Project, service: Service, image: PinnedImage, aliases: Mapping[str, Iterable[str]], api_socket: str
) -> WantedService:
    """The body of one service.

    aliases: {key of a network: further names that links give it there}
    """
    name = full_name(project, service.name)
    wanted = image_name(project, service)
    deploy = service.deploy.tree
    template: dict[str, Any] = {
        "ContainerSpec": container_spec(project, service, image.reference, api_socket),
        "Resources": resources_body(service),
        "RestartPolicy": restart_body(service),
        "Placement": placement_body(service, image.platforms),
        "Networks": networks_of(project, service, aliases),
        "LogDriver": _log_driver(service),
    }
    body: dict[str, Any] = {
        "Name": name,
        "Labels": {**service.deploy.labels, IMAGE: wanted, NAMESPACE: project.name, **_job_labels(service)},
        "TaskTemplate": {key: value for key, value in template.items() if value},
        "Mode": mode_body(service),
        "UpdateConfig": None if is_job(service) else update_body(deploy.get("update_config")),
        "RollbackConfig": None if is_job(service) else update_body(deploy.get("rollback_config")),
        "EndpointSpec": endpoint_body(service),
        "DependsOn": {
            full_name(project, one.service): {"Condition": str(one.condition)}
            for one in service.depends_on.values()
            if one.service in project.services
        },
        "Schedule": schedule_body(service.tree.get("triggers") or {}),
    }
    restarts = [one.service for one in service.depends_on.values() if one.restart and one.service in project.services]
    return WantedService(
        key=service.name,
        name=name,
        image=wanted,
        body={key: value for key, value in body.items() if value},
        restarts_with=tuple(full_name(project, other) for other in restarts),
    )


def full_name(project: Project, service: str) -> str:
    """The service's name in the cluster."""
    return f"{project.name}_{service}"


def image_name(project: Project, service: Service) -> str:
    """The image as the file names it, else the name of what is built, in small letters as images are named."""
    return service.image or project.image_of(service).lower()


def _job_labels(service: Service) -> dict[str, str]:
    triggers = service.tree.get("triggers")
    if triggers is None:
        return {}
    return {MANUAL: str(triggers.get("manual") is not False).lower()}


def _log_driver(service: Service) -> dict[str, Any]:
    fields = {"Name": service.logging.driver, "Options": dict(service.logging.options)}
    return {key: value for key, value in fields.items() if value}


def networks_of(project: Project, service: Service, aliases: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
    """`Networks`: by name in the cluster, highest priority first; host, none and bridge are the node's own."""
    if service.network_mode:
        mode = {"default": "bridge"}.get(service.network_mode, service.network_mode)
        return [{"Target": mode}]
    return [_attachment(project, service, one, aliases.get(one.network, ())) for one in service.networks]


def _attachment(project: Project, service: Service, one: Attachment, more: Iterable[str]) -> dict[str, Any]:
    own = [service.name] if one.use_service_name_alias else []
    named = [service.container_name] if service.container_name else []
    options = dict(one.driver_opts)
    if one.interface_name:
        options["com.docker.network.endpoint.ifname"] = one.interface_name
    body: dict[str, Any] = {"Target": project.networks[one.network].name}
    if names := list(dict.fromkeys((*one.aliases, *own, *named, *more))):
        body["Aliases"] = names
    return {**body, "DriverOpts": options} if options else body
