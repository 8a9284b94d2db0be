"""The store that several managers share, as far as one manager runs it.

Life of the first member: `begin`, `fill` with what the single manager's store had. Of a further one: a member `add`s it
and names those that there are, it `begin`s with that, and once it has caught up a member `promote`s it: only then it
has a vote. `resume` after a start of the engine or of the machine. The member outlives the engine (`release`), as
containers do; `stop` ends it, `erase` takes its data too. A survivor without a quorum goes on alone by `survive`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shoal.contracts.cluster.store import ClusterStore


@dataclass(frozen=True, slots=True, kw_only=True)
class QuorumSettings:
    """listen: host to listen on    advertise: host that other managers reach    port: for the other managers

    local_port: for this manager alone, on loopback
    """

    name: str
    cluster_id: str
    listen: str
    advertise: str
    port: int
    local_port: int


@dataclass(frozen=True, slots=True)
class QuorumMember:
    """name: "" until it has begun"""

    id: str
    name: str
    address: str
    has_vote: bool


class Quorum(Protocol):
    """This manager's member."""

    @property
    def address(self) -> str:
        """Where the other members reach this one."""
        ...

    @property
    def is_removed(self) -> bool:
        """Whether the others have removed this member: it has ended and never comes back, but by `begin`."""
        ...

    def store(self) -> ClusterStore:
        """The shared store, not opened yet."""
        ...

    async def trust(self, certificate: str, key: str, trusted: str) -> None:
        """Its certificate and root CAs (PEM); before anything else, and whenever they change."""
        ...

    async def begin(self, members: str = "") -> None:
        """It runs, with no data from before. members: as `add` says; "" = it is the first. Raises: DriverError"""
        ...

    async def resume(self) -> None:
        """It runs, with the data that it has. Idempotent. Raises: DriverError"""
        ...

    async def wait_ready(self) -> None:
        """It knows a leader. Raises: Unavailable"""
        ...

    async def fill(self, values: Mapping[str, bytes], epoch: int) -> None:
        """The empty store has these; its epochs are higher than `epoch`. Raises: Unavailable"""
        ...

    async def members(self) -> tuple[QuorumMember, ...]:
        """All of them. Raises: Unavailable"""
        ...

    async def add(self, name: str, address: str) -> tuple[str, str]:
        """(id of the new member, what it `begin`s with). Raises: Conflict while another one is coming; Unavailable"""
        ...

    async def promote(self, member_id: str) -> None:
        """It has a vote, as soon as it has caught up. Raises: Unavailable when it does not"""
        ...

    async def leader(self) -> str:
        """Id of the member that leads the store, "" = none as far as this one knows. Raises: Unavailable"""
        ...

    async def hand_over(self) -> None:
        """Another member leads the store, if this one did and there is another one. Raises: Unavailable"""
        ...

    async def remove(self, member_id: str) -> None:
        """It is none any more. Idempotent. One that leads hands over first, else nobody does for a while.

        Raises: Unavailable
        """
        ...

    async def survive(self) -> None:
        """It is the only member, with all that it knows. Raises: DriverError, Unavailable"""
        ...

    async def release(self) -> None:
        """Nobody looks after it here any more; it runs on."""
        ...

    async def erase(self) -> None:
        """It has ended, its data is gone. Idempotent."""
        ...
