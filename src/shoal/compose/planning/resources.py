"""Networks and volumes of a project: made where they are missing, made anew where their configuration changed."""

from collections.abc import Iterable
from typing import Any

from shoal.compose import labels as names
from shoal.compose.bodies.label_sets import network_labels, volume_labels
from shoal.compose.observed import ObservedContainer, ObservedState
from shoal.compose.operations import Call, Question, QuestionKind
from shoal.compose.planning.draft import Draft, call
from shoal.compose.planning.steps import GONE, remove, remove_object, stop
from shoal.compose.project import IpamPool, Network, Project, Service, Volume
from shoal.errors import NotFound

IN_USE = (403, 409)


class Resources:
    """Ids of the operations that make networks and volumes ready, and what they do to containers.

    networks, volumes: {key: id of the operation that makes it}; a resource that is there has none
    remade: names in the engine of the networks and volumes that are made anew: containers on them must be too
    cleared: names of containers that are removed to free a volume
    """

    def __init__(self, draft: Draft, project: Project, observed: ObservedState, stop_timeout_s: int | None) -> None:
        self._draft = draft
        self._project = project
        self._observed = observed
        self._timeout_s = stop_timeout_s
        self._remake = True
        self.networks: dict[str, str] = {}
        self.volumes: dict[str, str] = {}
        self.remade: set[str] = set()
        self.stopped: set[str] = set()
        self.cleared: set[str] = set()

    def plan(self, services: Iterable[Service], confirmed: frozenset[str], *, remake: bool = True) -> None:
        """Plan all that `services` use.

        remake: False leaves networks and volumes alone whose configuration changed
        """
        self._remake = remake
        everything = self._project.all_resources
        networks: dict[str, Network] = dict(self._project.networks) if everything else {}
        volumes: dict[str, Volume] = dict(self._project.volumes) if everything else {}
        for service in services:
            for one in (service, *service.pre_start):
                for attachment in one.networks:
                    networks[attachment.network] = self._project.networks[attachment.network]
                for mount in one.volumes:
                    if mount.type == "volume" and mount.source in self._project.volumes:
                        volumes[mount.source] = self._project.volumes[mount.source]
        for network in networks.values():
            self._network(network)
        for volume in volumes.values():
            self._volume(volume, confirmed)

    def _network(self, network: Network) -> None:
        found = self._observed.networks.get(network.name)
        if network.external:
            if found is None:
                raise NotFound(
                    f"network {network.name} declared as external, but could not be found",
                    hint=f"make it with: shoal network create {network.name}",
                )
            return
        if found is None:
            self.networks[network.key] = self._draft.add(self._create_network(network, "no such network"))
            return
        owner = found.labels.get(names.PROJECT)
        if owner != self._project.name:
            whose = f'was not created for project "{self._project.name}"' if owner else "was not created by compose"
            text = f"a network with name {network.name} exists but {whose}"
            self._draft.warnings[f"{text}. Set `external: true` to use an existing network"] = None
            return
        wanted = network_labels(self._project, network)[names.CONFIG_HASH]
        if self._remake and found.labels.get(names.CONFIG_HASH, wanted) != wanted:
            self._remake_network(network)

    def _remake_network(self, network: Network) -> None:
        """Stop and disconnect who is on it, remove it, make it again."""
        freed = []
        for container in self._observed.containers.values():
            if network.name in container.networks:
                freed.append(self._disconnect(network, container))
                self.stopped.add(container.name)
        removal = remove_object(self._draft, "network", network.name, "configuration changed", freed)
        creation = self._create_network(network, "configuration changed", (removal,))
        self.networks[network.key] = self._draft.add(creation)
        self.remade.add(network.name)

    def _disconnect(self, network: Network, container: ObservedContainer) -> str:
        service = self._project.services.get(container.service)
        cause = f"network {network.name} is made anew"
        stopped = stop(self._draft, container, service, cause, timeout_s=self._timeout_s) if container.running else ""
        return self._draft.add(
            Call(
                id=f"disconnect {container.name} {network.name}",
                subject=f"Container {container.name}",
                doing="Disconnecting",
                done="Disconnected",
                cause=cause,
                depends_on=(stopped,) if stopped else (),
                service=container.service,
                request=call(
                    "POST",
                    f"/networks/{network.name}/disconnect",
                    body={"Container": container.name, "Force": True},
                ),
                accept=(GONE,),
            )
        )

    def _create_network(self, network: Network, cause: str, after: tuple[str, ...] = ()) -> Call:
        return Call(
            id=f"create network {network.name}",
            subject=f"Network {network.name}",
            doing="Creating",
            done="Created",
            cause=cause,
            depends_on=after,
            request=call("POST", "/networks/create", body=network_body(self._project, network)),
        )

    def _volume(self, volume: Volume, confirmed: frozenset[str]) -> None:
        found = self._observed.volumes.get(volume.name)
        if volume.external:
            if found is None:
                raise NotFound(
                    f'external volume "{volume.name}" not found',
                    hint=f"make it with: shoal volume create {volume.name}",
                )
            return
        if found is None:
            self.volumes[volume.key] = self._draft.add(self._create_volume(volume, "no such volume"))
            return
        owner = found.labels.get(names.PROJECT)
        if owner != self._project.name:
            text = f'volume "{volume.name}" already exists but was not created by Docker Compose'
            if owner:
                text = f'volume "{volume.name}" already exists but was created for project "{owner}"'
                text += f' (expected "{self._project.name}")'
            self._draft.warnings[f"{text}. Use `external: true` to use an existing volume"] = None
            return
        wanted = volume_labels(self._project, volume)[names.CONFIG_HASH]
        if self._remake and found.labels.get(names.CONFIG_HASH, wanted) != wanted:
            self._changed_volume(volume, confirmed)

    def _changed_volume(self, volume: Volume, confirmed: frozenset[str]) -> None:
        """A volume whose configuration changed is made anew only where the user says so: its data goes."""
        question = f"recreate volume {volume.name}"
        if question not in confirmed:
            text = f'Volume "{volume.name}" exists but doesn\'t match configuration in compose file. '
            text += "Recreate (data will be lost)?"
            self._draft.questions.append(Question(id=question, kind=QuestionKind.RECREATE_VOLUME, text=text))
            return
        freed = []
        for container in self._observed.containers.values():
            if any(mount.name == volume.name for mount in container.mounts):
                service = self._project.services.get(container.service)
                cause = f"volume {volume.name} is made anew"
                last = ""
                if container.running:
                    last = stop(self._draft, container, service, cause, timeout_s=self._timeout_s)
                freed.append(remove(self._draft, container, cause, volumes=False, after=(last,) if last else ()))
                self.cleared.add(container.name)
        removal = remove_object(self._draft, "volume", volume.name, "configuration changed", freed)
        creation = self._create_volume(volume, "configuration changed", (removal,))
        self.volumes[volume.key] = self._draft.add(creation)
        self.remade.add(volume.name)

    def _create_volume(self, volume: Volume, cause: str, after: tuple[str, ...] = ()) -> Call:
        body: dict[str, Any] = {"Name": volume.name, "Labels": volume_labels(self._project, volume)}
        if volume.driver:
            body["Driver"] = volume.driver
        if volume.driver_opts:
            body["DriverOpts"] = dict(volume.driver_opts)
        return Call(
            id=f"create volume {volume.name}",
            subject=f"Volume {volume.name}",
            doing="Creating",
            done="Created",
            cause=cause,
            depends_on=after,
            request=call("POST", "/volumes/create", body=body),
        )


def network_body(project: Project, network: Network) -> dict[str, Any]:
    """Body of `POST /networks/create`."""
    body: dict[str, Any] = {
        "Name": network.name,
        "CheckDuplicate": True,
        "Labels": network_labels(project, network),
        "Driver": network.driver or "bridge",
    }
    optional: dict[str, Any] = {
        "Options": dict(network.driver_opts),
        "Internal": network.internal,
        "Attachable": network.attachable,
        "IPAM": _ipam(network),
    }
    body |= {key: value for key, value in optional.items() if value}
    if network.enable_ipv4 is not None:
        body["EnableIPv4"] = network.enable_ipv4
    if network.enable_ipv6 is not None:
        body["EnableIPv6"] = network.enable_ipv6
    return body


def _ipam(network: Network) -> dict[str, Any]:
    fields = {
        "Driver": network.ipam_driver,
        "Config": [_pool(pool) for pool in network.ipam_pools],
        "Options": dict(network.ipam_options),
    }
    return {key: value for key, value in fields.items() if value}


def _pool(pool: IpamPool) -> dict[str, Any]:
    fields = {
        "Subnet": pool.subnet,
        "IPRange": pool.ip_range,
        "Gateway": pool.gateway,
        "AuxiliaryAddresses": dict(pool.aux_addresses),
    }
    return {key: value for key, value in fields.items() if value}
