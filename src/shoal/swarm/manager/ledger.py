"""What the parts of a manager share: the view, and writing to the store."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from shoal.cluster.view import ClusterRecord, View
from shoal.contracts.cluster.store import ClusterStore, Commit
from shoal.swarm.manager import records
from shoal.swarm.manager.mirror import Mirror
from shoal.swarm.sealing import Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The records of the cluster, read from the mirror and written to the store.

    new_id: 25 characters [0-9a-z]    choose: a number below its argument
    """

    store: ClusterStore
    mirror: Mirror
    seal: Seal
    node_id: str
    now_ns: Callable[[], int]
    new_id: Callable[[], str]
    choose: Callable[[int], int]

    @property
    def view(self) -> View:
        """What the store holds, as far as it is known here."""
        return self.mirror.view

    async def write(
        self,
        puts: Iterable[ClusterRecord] = (),
        *,
        deletes: Sequence[str] = (),
        compares: Mapping[str, int] | None = None,
        names: Mapping[str, str] | None = None,
        epoch: int = 0,
    ) -> int:
        """The revision, when the view shows it. names: {key of a name: id}, each taken where it is free.

        Raises: VersionConflict, Fenced, Unavailable
        """
        given = names or {}
        values = {records.key_of(record): records.encode(record) for record in puts}
        values |= {key: identity.encode() for key, identity in given.items()}
        wanted = {**(compares or {}), **dict.fromkeys(given, 0)}
        commit = Commit(puts=values, deletes=tuple(deletes), compares=wanted, epoch=epoch)
        revision = await self.store.commit(commit)
        await self.mirror.reach(revision)
        return revision

    def seen(self, *record_keys: str) -> Mapping[str, int]:
        """{key: revision as it is known here}, to be compared; 0 for what is not there."""
        return {key: self.view.revisions.get(key, 0) for key in record_keys}
