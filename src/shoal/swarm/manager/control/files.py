"""Secrets and configs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from shoal.contracts.cluster.control import Filters, Versioned
from shoal.errors import Conflict, InvalidArgument, VersionConflict
from shoal.model.cluster.cluster import Sealed
from shoal.model.filters import check_filters, match_any, match_labels
from shoal.swarm.manager import records
from shoal.swarm.manager.control.find import begins, oldest_first, resolve
from shoal.swarm.manager.ledger import Ledger

#: Source: SwarmKit, limits of secrets and configs
LIMITS = {"secrets": 500 * 1024, "configs": 1000 * 1024}
_NAME = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?")
_FILTERS = ("id", "label", "name", "names")


class FileControl:
    """Secrets, or configs. See contracts.cluster.control.Files."""

    def __init__(self, ledger: Ledger, kind: str) -> None:
        """`kind`: "secrets" or "configs" """
        self._ledger = ledger
        self._kind = kind
        self._noun = kind.removesuffix("s")

    @property
    def _all(self) -> Mapping[str, Sealed]:
        view = self._ledger.view
        return view.secrets if self._kind == "secrets" else view.configs

    def _versioned(self, record: Sealed) -> Versioned[Sealed]:
        return Versioned(record, self._ledger.view.revisions.get(records.key_of(record), 0))

    async def create(self, name: str, data: bytes, labels: Mapping[str, str], template: str = "") -> str:
        """Its id. Raises: InvalidArgument, Conflict where the name is taken"""
        self._check(name, data, template)
        ledger = self._ledger
        identity, now = ledger.new_id(), ledger.now_ns()
        record = Sealed(
            kind=self._kind,
            id=identity,
            name=name,
            value=ledger.seal.seal(data),
            size_bytes=len(data),
            created_at=now,
            updated_at=now,
            labels=dict(labels),
            template=template,
        )
        key = records.name_key(self._kind, name)
        try:
            await ledger.write([record], names={key: identity}, compares=ledger.seen(records.key_of(record)))
        except VersionConflict:
            raise Conflict(f"rpc error: code = AlreadyExists desc = {self._noun} {name} already exists") from None
        return identity

    def _check(self, name: str, data: bytes, template: str) -> None:
        said = "rpc error: code = InvalidArgument desc ="
        if not name:
            raise InvalidArgument(f"{said} name must be provided")
        if len(name) > 64 or not _NAME.fullmatch(name):
            allowed = "only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]"
            raise InvalidArgument(f"{said} invalid name, {allowed}")
        limit = LIMITS[self._kind]
        if len(data) >= limit or (not data and self._kind == "secrets"):
            unit = f"{limit // 1024}KB" if self._kind == "configs" else f"{limit} bytes"
            least = 1 if self._kind == "secrets" else 0
            raise InvalidArgument(f"{said} {self._noun} data must be larger than {least - 1} and less than {unit}")
        if template not in ("", "golang"):
            raise InvalidArgument(f'{said} unknown template driver "{template}": "golang" is the one there is')

    async def list(self, filters: Filters) -> Sequence[Versioned[Sealed]]:
        """Oldest first. Raises: InvalidArgument for a filter that there is not"""
        check_filters(filters, _FILTERS)
        found = [
            record
            for record in self._all.values()
            if begins(record.id, filters.get("id", ()))
            and match_any(record.name, filters.get("name", ()))
            and (not filters.get("names") or record.name in filters["names"])
            and match_labels(record.labels, filters.get("label", ()))
        ]
        return [self._versioned(record) for record in oldest_first(found, lambda record: record.created_at)]

    async def resolve(self, reference: str) -> Versioned[Sealed]:
        """Raises: NotFound"""
        return self._versioned(resolve(self._noun, reference, self._all, lambda record: record.name))

    async def data(self, reference: str) -> bytes:
        """Its value. Raises: NotFound"""
        record = (await self.resolve(reference)).record
        return self._ledger.seal.unseal(record.value)

    async def update(self, reference: str, version: int, labels: Mapping[str, str]) -> None:
        """Only labels may change. Raises: NotFound, VersionConflict"""
        record = (await self.resolve(reference)).record
        changed = replace(record, labels=dict(labels), updated_at=self._ledger.now_ns())
        await self._ledger.write([changed], compares={records.key_of(record): version})

    async def remove(self, reference: str) -> None:
        """Raises: NotFound; InvalidArgument while a service uses it"""
        ledger = self._ledger
        while True:
            record = (await self.resolve(reference)).record
            users = self._users(record.id)
            if users:
                services = "service" if len(users) == 1 else "services"
                raise InvalidArgument(
                    f"rpc error: code = InvalidArgument desc = {self._noun} '{record.name}' is in use by the following "
                    f"{services}: {', '.join(users)}"
                )
            key = records.key_of(record)
            try:
                await ledger.write(deletes=[key, records.name_key(self._kind, record.name)], compares=ledger.seen(key))
                return
            except VersionConflict:
                await ledger.mirror.catch_up()

    def _users(self, identity: str) -> Sequence[str]:
        return sorted(
            service.spec.name
            for service in self._ledger.view.services.values()
            if any(file.kind == self._kind and file.id == identity for file in service.spec.task.files)
        )
