"""Machines, network, store and the real managers and agents on them."""

import asyncio
import hashlib
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from shoal.cluster.view import View
from shoal.contracts.cluster.attachments import Attachments
from shoal.contracts.cluster.store import Commit
from shoal.errors import ShoalError
from shoal.model.cluster.cluster import Cluster, ClusterSpec
from shoal.model.cluster.node import ManagerStatus, Node, NodeSpec, Role
from shoal.simulation.line import Line
from shoal.simulation.links import Links
from shoal.simulation.machine import Machine, SimulatedExecutor, SimulatedOverlay, Speed
from shoal.simulation.store import SimulatedCluster, SimulatedStore, Weather
from shoal.swarm.agent import Agent
from shoal.swarm.manager import Manager, records

EPOCH_NS = 1_700_000_000 * 10**9  #: when the simulated clock begins
_LETTERS = string.digits + string.ascii_lowercase


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the simulated cluster is."""

    managers: int = 3
    workers: int = 4

    @classmethod
    def of(cls, seed: int) -> "Size":
        """The size that a seed has where nobody says another one."""
        chance = Random(f"{seed}/size")
        return cls(managers=chance.choice([1, 3, 3]), workers=chance.randrange(1, 6))


@dataclass(slots=True, kw_only=True)
class Host:
    """A machine and what runs on it now; None = its engine does not run."""

    machine: Machine
    is_manager: bool
    store: SimulatedStore | None = None
    opening: "asyncio.Task[None] | None" = None  #: of the manager, until it has a quorum
    manager: Manager | None = None
    agent: "asyncio.Task[None] | None" = None
    connected: Callable[[], bool] | None = None  #: whether its agent has a session
    attachments: Attachments | None = None  #: who asks the managers for containers outside services


class PlainSeal:
    """Values are told apart from what is stored, but not hidden: nobody looks at a simulated disk."""

    def seal(self, data: bytes) -> bytes:
        """`data`, sealed."""
        return b"sealed:" + data

    def unseal(self, data: bytes) -> bytes:
        """What was sealed."""
        return data.removeprefix(b"sealed:")


@dataclass(slots=True)
class Story:
    """What has happened, line by line, and a digest of it."""

    now_s: Callable[[], float]
    lines: list[str] = field(default_factory=list)
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def tell(self, text: str) -> None:
        """One more line."""
        line = f"{self.now_s():12.6f}  {text}"
        self.lines.append(line)
        self._digest.update(line.encode() + b"\n")

    @property
    def digest(self) -> str:
        """The same for the same story."""
        return self._digest.hexdigest()


class World:
    """A cluster of `size`. What is by chance comes from `seed`; what happens goes into `story`."""

    def __init__(self, seed: int, size: Size, story: Story) -> None:
        self._seed = seed
        self.story = story
        self.links = Links(self.chance("links"))
        self.cluster = SimulatedCluster()
        self.hosts: dict[str, Host] = {}
        self._ids = self.chance("ids")
        for number in range(size.managers + size.workers):
            is_manager = number < size.managers
            node_id = f"m{number + 1}" if is_manager else f"w{number - size.managers + 1}"
            machine = Machine(node_id, self.chance(node_id), self.now_ns, self.story.tell, speed=Speed())
            self.hosts[node_id] = Host(machine=machine, is_manager=is_manager)

    def chance(self, name: str) -> Random:
        """A source of chance of its own: what one part draws changes nothing for the others."""
        return Random(f"{self._seed}/{name}")

    def now_ns(self) -> int:
        """The true time."""
        return EPOCH_NS + int(asyncio.get_running_loop().time() * 1e9)

    def new_id(self) -> str:
        """25 characters [0-9a-z]."""
        return "".join(self._ids.choices(_LETTERS, k=25))

    # -- life ----------------------------------------------------------------------

    async def open(self) -> None:
        """The cluster is there: its records and every engine."""
        self.cluster.commit(Commit(puts=dict(map(_row, self._first_records()))))
        for node_id in self.hosts:
            await self.boot(node_id)

    def _first_records(self) -> list[Cluster | Node]:
        now = self.now_ns()
        found: list[Cluster | Node] = [
            Cluster(
                id="simulated",
                spec=ClusterSpec(),
                created_at=now,
                updated_at=now,
                ca_certificate="",
                next_node_number=99,
            )
        ]
        for number, (node_id, host) in enumerate(self.hosts.items(), 1):
            role = Role.MANAGER if host.is_manager else Role.WORKER
            status = ManagerStatus(address=f"{node_id}:2377") if host.is_manager else None
            found.append(
                Node(
                    id=node_id,
                    spec=NodeSpec(role=role),
                    created_at=now,
                    updated_at=now,
                    number=number,
                    address=node_id,
                    manager=status,
                )
            )
        return found

    async def boot(self, node_id: str) -> None:
        """Its engine runs (again)."""
        host = self.hosts[node_id]
        if host.agent is not None:
            return
        self.story.tell(f"{node_id}: the engine starts")
        if host.is_manager:
            host.store = SimulatedStore(self.cluster, self._weather(node_id))
            await host.store.open()
            host.opening = asyncio.create_task(self._open_manager(host, host.store), name=f"manager {node_id}")
        agent = Agent(
            node_id,
            SimulatedExecutor(host.machine),
            SimulatedOverlay(host.machine),
            Line(node_id, self.links, lambda: self.managers),
            now_ns=host.machine.now_ns,
            record=host.machine,
        )
        host.connected = lambda: agent.is_connected
        host.attachments = agent
        host.agent = asyncio.create_task(agent.run(), name=f"agent {node_id}")

    async def _open_manager(self, host: Host, store: SimulatedStore) -> None:
        node_id = host.machine.node_id
        manager = Manager(
            store,
            node_id=node_id,
            seal=PlainSeal(),
            now_ns=host.machine.now_ns,
            new_id=self.new_id,
            choose=self.chance(f"choose {node_id}").randrange,
        )
        while True:
            try:
                await manager.open()
                break
            except ShoalError:
                await asyncio.sleep(0.5)
        host.manager = manager

    def _weather(self, node_id: str) -> Weather:
        chance = self.chance(f"store {node_id}")
        machine = self.hosts[node_id].machine

        def latency_s(_operation: str) -> float:
            return chance.random() * (0.5 if machine.is_slow else 0.005)

        def loses_answer() -> bool:
            return self.links.loss > 0 and chance.random() < self.links.loss / 4

        return Weather(latency_s=latency_s, has_quorum=lambda: self.has_quorum(node_id), loses_answer=loses_answer)

    def has_quorum(self, node_id: str) -> bool:
        """Whether this manager reaches most managers, itself among them."""
        managers = [name for name, host in self.hosts.items() if host.is_manager]
        up = [n for n in managers if self.hosts[n].store is not None and self.links.reaches(node_id, n)]
        return len(up) > len(managers) // 2

    async def crash(self, node_id: str, *, power: bool = False) -> None:
        """Its engine is killed; with `power` everything on the machine."""
        host = self.hosts[node_id]
        if host.agent is None:
            return
        self.story.tell(f"{node_id}: {'the machine loses power' if power else 'the engine is killed'}")
        agent, manager, store, opening = host.agent, host.manager, host.store, host.opening
        host.agent = host.manager = host.store = host.opening = host.connected = host.attachments = None
        if store is not None:
            await store.close()  # first: a killed manager says nothing to the others any more
        running = [task for task in (opening, agent) if task is not None]
        for task in running:
            task.cancel()
        if manager is not None:
            await manager.close()
        await asyncio.gather(*running, return_exceptions=True)
        if power:
            host.machine.power_off()

    async def close(self) -> None:
        """Nothing runs any more."""
        for node_id in self.hosts:
            await self.crash(node_id)

    # -- looking ---------------------------------------------------------------------

    @property
    def managers(self) -> dict[str, Manager]:
        """Those that run."""
        return {name: host.manager for name, host in self.hosts.items() if host.manager is not None}

    def truth(self) -> View:
        """What the store holds, whatever any manager has seen of it."""
        found = self.cluster.table.range("")
        puts = []
        for key, value in found.values.items():
            if (place := records.split_key(key)) is not None:
                puts.append((records.decode(place[0], value.data), value.revision))
        return View().changed(found.revision, puts)


def _row(record: Cluster | Node) -> tuple[str, bytes]:
    return records.key_of(record), records.encode(record)
