"""What services and tasks get before a node is looked for: ports, virtual addresses, addresses."""

from collections.abc import Iterable, Mapping

from shoal.cluster.allocate.addresses import Addresses
from shoal.cluster.allocate.ports import allocated, taken_ports
from shoal.cluster.draft import Draft
from shoal.cluster.replacing import replace
from shoal.cluster.schedule.explain import PENDING_MESSAGE
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.service import Service, VirtualAddress
from shoal.model.cluster.task import Address, Attachment, Task, TaskStatus
from shoal.model.cluster.task import TaskState as S
from shoal.model.network import PREDEFINED

#: Source: Docker, libnetwork's ipamapi.ErrIPAlreadyAllocated
IN_USE = "Address already in use"


class Allocation:
    """One decision's giving out of addresses and ports."""

    def __init__(self, draft: Draft, addresses: Addresses) -> None:
        self._draft = draft
        self.addresses = addresses
        self._networks = draft.view.networks
        self._ids = {network.spec.name: network.id for network in self._networks.values()}
        self._ingress = next((n.id for n in self._networks.values() if n.spec.ingress), "")
        self._taken: dict[tuple[str, int], Service] | None = None

    def service(self, service: Service) -> tuple[Service, str]:
        """The service with its ports and virtual addresses, and why that can't be yet ("" = it can)."""
        ports, problem = service.ports, ""
        if service.spec.endpoint.ports or service.ports:
            found = allocated(service, self._taken_ports())
            if isinstance(found, str):
                return service, found
            ports = found
        vips, problem = self._vips(service, ports != () and any(port.mode == "ingress" for port in ports))
        if ports != service.ports or vips != service.vips:
            service = self._draft.put_service(replace(service, ports=ports, vips=vips), "allocated")
            self._note_ports(service)
        return service, problem

    def tasks(self, service: Service, tasks: Iterable[Task], problem: str) -> bool:
        """Whether every new one of these tasks has its addresses now."""
        is_published = any(port.mode == "ingress" for port in service.spec.endpoint.ports)
        done = True
        for task in tasks:
            if task.status.state == S.NEW:
                done &= self.task(task, problem, is_published=is_published)
        return done

    def task(self, task: Task, problem: str = "", *, is_published: bool = False) -> bool:
        """Whether this new task has its addresses now; then it is PENDING."""
        addresses: list[Address] = []
        if not problem:
            wanted = [*self._wanted(task.spec.networks)]
            if is_published and self._ingress:
                wanted.append((self._ingress, Attachment(target=self._ingress)))
            for network_id, attachment in wanted:
                given = self._given(network_id, attachment)
                if isinstance(given, str):
                    problem = given
                    break
                addresses.append(
                    Address(network_id=network_id, ipv4=given[0], ipv6=given[1], aliases=attachment.aliases)
                )
        if problem:
            self._draft.waiting[task.id] = problem
            if task.status.error != problem:
                status = replace(task.status, error=problem, message="pending allocation", at=self._draft.now)
                self._draft.put_task(replace(task, status=status), "not allocated")
            return False
        status = TaskStatus(state=S.PENDING, at=self._draft.now, message=PENDING_MESSAGE)
        self._draft.put_task(
            replace(task, status=status, addresses=tuple(addresses), updated_at=self._draft.now), "allocated"
        )
        return True

    def _given(self, network_id: str, attachment: Attachment) -> tuple[str, str] | str:
        """(IPv4, IPv6), or why there are none."""
        if network_id not in self._networks:
            return self._why_none(network_id)
        if attachment.ipv4 or attachment.ipv6:
            return self.addresses.take_these(network_id, attachment.ipv4, attachment.ipv6) or IN_USE
        return self.addresses.take(network_id) or self._why_none(network_id)

    def _wanted(self, attachments: Iterable[Attachment]) -> Iterable[tuple[str, Attachment]]:
        """(network id, attachment) of overlay networks; those that every node has of its own need nothing."""
        for attachment in attachments:
            target = attachment.target
            network_id = target if target in self._networks else self._ids.get(target, target)
            if network_id in self._networks or target not in PREDEFINED:
                yield network_id, attachment

    def _vips(self, service: Service, is_published: bool) -> tuple[tuple[VirtualAddress, ...], str]:
        if service.spec.endpoint.mode != "vip":
            return (), ""
        wanted = [network_id for network_id, _ in self._wanted(service.spec.task.networks)]
        if is_published and self._ingress:
            wanted.append(self._ingress)
        has: Mapping[str, VirtualAddress] = {vip.network_id: vip for vip in service.vips}
        vips: list[VirtualAddress] = []
        for network_id in dict.fromkeys(wanted):
            if network_id in has:
                vips.append(has[network_id])
                continue
            given = self.addresses.take(network_id) if network_id in self._networks else None
            if given is None:
                return service.vips, self._why_none(network_id)
            prefix = self.addresses.prefix(network_id)
            vips.append(VirtualAddress(network_id=network_id, ipv4=given[0], ipv6=given[1], prefix=prefix))
        return tuple(vips), ""

    def _why_none(self, network_id: str) -> str:
        network: ClusterNetwork | None = self._networks.get(network_id)
        if network is None:
            return f"network {network_id} not found"
        return f"no available addresses on network {network.spec.name}"

    def _taken_ports(self) -> dict[tuple[str, int], Service]:
        if self._taken is None:
            services = (self._draft.service(service_id) for service_id in self._draft.view.services)
            self._taken = taken_ports(service for service in services if service)
        return self._taken

    def _note_ports(self, service: Service) -> None:
        if self._taken is not None:
            self._taken = {key: owner for key, owner in self._taken.items() if owner.id != service.id}
            self._taken |= taken_ports([service])
