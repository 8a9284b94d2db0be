"""When, and on which thread, the cluster's part of an engine is loaded."""

import threading
from pathlib import Path
from typing import Any, cast

from shoal.contracts.cluster.control import SwarmJoin
from shoal.daemon.swarm import LaterMembership
from shoal.swarm.membership.membership import Membership


class Loads:
    """A membership, and the threads that loaded it."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def __call__(self) -> Membership:
        self.threads.append(threading.current_thread())
        return cast(Membership, self)

    async def open(self) -> None: ...

    async def join(self, request: SwarmJoin) -> None: ...

    def control(self) -> Any: ...


async def test_a_member_loads_it_as_it_starts_on_the_thread_that_goes_ahead_of_others(tmp_path: Path):
    (tmp_path / "state.json").touch()
    loads = Loads()
    await LaterMembership(tmp_path, loads).open()
    assert loads.threads == [threading.main_thread()]


async def test_who_joins_loads_it_once_while_others_are_served(tmp_path: Path):
    loads = Loads()
    membership = LaterMembership(tmp_path, loads)
    await membership.open()
    assert loads.threads == []
    for _ in range(2):
        await membership.join(SwarmJoin(remotes=("10.0.0.1",), token=""))
    assert len(loads.threads) == 1 and loads.threads[0] is not threading.main_thread()
