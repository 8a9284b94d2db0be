"""Services and their tasks."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from shoal.cluster.services import created, rebalanced, rolled_back, updated
from shoal.cluster.view import View
from shoal.contracts.cluster.control import Filters, Versioned
from shoal.errors import Conflict, InvalidArgument, NotSupported, Unavailable, VersionConflict
from shoal.lifecycle.made_names import make_name
from shoal.model.cluster.service import Service, ServiceSpec
from shoal.model.cluster.task import Task
from shoal.swarm.manager import records
from shoal.swarm.manager.control import listing
from shoal.swarm.manager.control.find import resolve
from shoal.swarm.manager.control.references import complete
from shoal.swarm.manager.ledger import Ledger


class TaskLogs(Protocol):
    """Logs of tasks' containers, wherever they are."""

    def logs(self, task: Task, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """As `contracts.cluster.control.Services.logs`."""
        ...


class ServiceControl:
    """See contracts.cluster.control.Services. task_logs: set by who knows the nodes"""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.task_logs: TaskLogs | None = None

    # -- changing --------------------------------------------------------------

    async def create(self, spec: ServiceSpec, *, registry_auth: str = "") -> tuple[str, Sequence[str]]:
        """(id, warnings). Raises: InvalidArgument, Conflict, NotFound"""
        ledger = self._ledger
        if not spec.name:
            taken = {service.spec.name for service in ledger.view.services.values()}
            spec = replace(spec, name=make_name(ledger.choose, lambda name: name not in taken))
        spec, warnings = complete(await self._judged_by(spec), spec)
        identity = ledger.new_id()
        service = created(identity, spec, ledger.now_ns(), registry_auth=self._sealed(registry_auth))
        try:
            await ledger.write([service], names={records.name_key("services", spec.name): identity})
        except VersionConflict:
            raise Conflict(
                "rpc error: code = AlreadyExists desc = name conflicts with an existing object: "
                f"service {spec.name} already exists"
            ) from None
        return identity, warnings

    async def _judged_by(self, spec: ServiceSpec) -> View:
        """The view that a spec is checked against: for ports with all that other managers have just written."""
        mirror = self._ledger.mirror
        return await mirror.catch_up() if spec.endpoint.ports else mirror.view

    def _sealed(self, registry_auth: str) -> bytes:
        return self._ledger.seal.seal(registry_auth.encode()) if registry_auth else b""

    async def update(
        self,
        reference: str,
        version: int,
        spec: ServiceSpec,
        *,
        rollback: bool = False,
        registry_auth: str = "",
        auth_from: str = "",
    ) -> Sequence[str]:
        """Warnings. Raises: NotFound, VersionConflict, InvalidArgument"""
        service = (await self.resolve(reference)).record
        ledger = self._ledger
        if rollback:
            await ledger.write([self._rolled_back(service)], compares={records.key_of(service): version})
            return ()
        _check_same(service.spec, spec)
        spec, warnings = complete(await self._judged_by(spec), spec, service)
        auth = self._sealed(registry_auth) or _kept_auth(service, auth_from)
        changed = updated(service, spec, ledger.now_ns(), registry_auth=auth)
        await ledger.write([changed], compares={records.key_of(service): version})
        return warnings

    def _rolled_back(self, service: Service) -> Service:
        try:
            return rolled_back(service, self._ledger.now_ns())
        except InvalidArgument as error:
            raise InvalidArgument(f"rpc error: code = FailedPrecondition desc = {error.message}") from None

    async def rebalance(self, reference: str) -> None:
        """Raises: NotFound"""
        ledger = self._ledger
        while True:
            service = (await self.resolve(reference)).record
            key = records.key_of(service)
            try:
                await ledger.write([rebalanced(service, ledger.now_ns())], compares=ledger.seen(key))
                return
            except VersionConflict:
                await ledger.mirror.catch_up()

    async def remove(self, reference: str) -> None:
        """Raises: NotFound"""
        ledger = self._ledger
        while True:
            service = (await self.resolve(reference)).record
            key = records.key_of(service)
            name = records.name_key("services", service.spec.name)
            try:
                await ledger.write(deletes=[key, name], compares=ledger.seen(key))
                return
            except VersionConflict:
                await ledger.mirror.catch_up()

    # -- looking ---------------------------------------------------------------

    def _versioned(self, service: Service) -> Versioned[Service]:
        return Versioned(service, self._ledger.view.revisions.get(records.key_of(service), 0))

    def _versioned_task(self, task: Task) -> Versioned[Task]:
        return Versioned(task, self._ledger.view.revisions.get(records.key_of(task), 0))

    async def resolve(self, reference: str) -> Versioned[Service]:
        """Raises: NotFound "service x not found\""""
        view = self._ledger.view
        return self._versioned(resolve("service", reference, view.services, lambda service: service.spec.name))

    async def list(self, filters: Filters) -> Sequence[Versioned[Service]]:
        """Oldest first. Raises: InvalidArgument"""
        return [self._versioned(service) for service in listing.services(self._ledger.view, filters)]

    async def tasks(self, filters: Filters) -> Sequence[Versioned[Task]]:
        """Oldest first. Raises: InvalidArgument; NotFound for a service or node that there is not"""
        chosen = listing.tasks(self._ledger.view, filters, self._ledger.node_id)
        return [self._versioned_task(task) for task in chosen]

    async def task(self, reference: str) -> Versioned[Task]:
        """Raises: NotFound "task x not found\""""
        return self._versioned_task(resolve("task", reference, self._ledger.view.tasks, lambda task: task.name))

    async def counts(self, services: Sequence[Service]) -> Mapping[str, tuple[int, int, int]]:
        """See the contract."""
        view = self._ledger.view
        return {service.id: listing.count(view, service) for service in services}

    def logs(self, task: Task, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """See the contract. Raises: Unavailable where nobody can fetch logs"""
        if self.task_logs is None:
            raise Unavailable("logs of tasks cannot be fetched on this node")
        return self.task_logs.logs(task, query)


def _kept_auth(service: Service, auth_from: str) -> bytes | None:
    """What an update without a login pulls with, sealed; None = as before. Raises: InvalidArgument"""
    if auth_from != "previous-spec":
        return None
    if service.previous is None:
        raise InvalidArgument("service does not have a previous spec")
    return service.previous_auth


def _check_same(before: ServiceSpec, after: ServiceSpec) -> None:
    said = "rpc error: code = Unimplemented desc ="
    if after.name != before.name:
        raise NotSupported(f"{said} renaming services is not supported")
    if after.mode is not before.mode:
        raise NotSupported(f"{said} service mode change is not allowed")
