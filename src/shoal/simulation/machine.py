"""A simulated machine: containers of tasks, what its kernel has of the overlay, its clock.

A machine outlives its engine: containers and overlay stay when the engine is killed, and go when the machine is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from shoal.errors import DriverError, InvalidArgument
from shoal.model.cluster.assignment import Attached, OverlayState
from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.task import Amounts, Task, TaskState, TaskStatus

#: images with these names behave badly
CRASHES = "crashes"  #: ends with 1 soon after its start
MISSING = "missing"  #: cannot be pulled
JOB = "job"  #: ends with 0 after a while
UNHEALTHY = "unhealthy"  #: its health check never succeeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How long things take, at most, in seconds."""

    prepare_s: float = 0.3
    start_s: float = 0.2
    stop_s: float = 0.5
    job_s: float = 5.0
    crash_s: float = 2.0


@dataclass(slots=True, kw_only=True)
class Box:
    """One container. files: ids of secrets and configs in it"""

    task: Task
    status: TaskStatus
    files: frozenset[str] = frozenset()
    end: asyncio.TimerHandle | None = field(default=None, repr=False)


class Machine:
    """One machine; `tell` says what happens, for the story."""

    def __init__(
        self,
        node_id: str,
        chance: Random,
        now_ns: Callable[[], int],
        tell: Callable[[str], None],
        *,
        speed: Speed | None = None,
    ) -> None:
        self.node_id = node_id
        self.chance = chance
        self.tell = tell
        self.speed = speed or Speed()
        self.skew_ns = 0
        self.is_slow = False
        self.boxes: dict[str, Box] = {}
        self.overlay: OverlayState | None = None
        self.overlay_at = 0.0  #: loop time of the last apply
        self._true_now_ns = now_ns
        self.listener: asyncio.Queue[tuple[str, TaskStatus]] | None = None
        self.disk = b""  #: what its agent has written
        self.attached: dict[tuple[str, str], Attached] = {}  #: containers outside services; no address = not yet one
        self.stop_witnesses: list[Callable[[str, str], None]] = []  #: called with (node id, task id) before a stop

    async def load(self) -> bytes:
        """See `swarm.agent.record.Record`."""
        return self.disk

    async def save(self, data: bytes) -> None:
        """See `swarm.agent.record.Record`."""
        await self.work(0.01)
        self.disk = data

    def now_ns(self) -> int:
        """What its clock says."""
        return self._true_now_ns() + self.skew_ns

    async def work(self, at_most_s: float) -> None:
        """Something that takes a while here."""
        factor = 10.0 if self.is_slow else 1.0
        await asyncio.sleep(self.chance.random() * at_most_s * factor)

    def set(self, task_id: str, state: TaskState, *, error: str = "", exit_code: int = 0) -> None:
        """A container is in another state; whoever observes is told."""
        box = self.boxes[task_id]
        box.status = replace(
            box.status, state=state, at=self.now_ns(), error=error, exit_code=exit_code, message=state.name.lower()
        )
        if state > TaskState.RUNNING and box.end is not None:
            box.end.cancel()
            box.end = None
        self.tell(f"{self.node_id}: {box.task.name} is {state.name.lower()}")
        if self.listener is not None:
            self.listener.put_nowait((task_id, box.status))

    def after(self, task_id: str, seconds: float, state: TaskState, *, error: str = "", exit_code: int = 0) -> None:
        """A running container will end by itself."""

        def end() -> None:
            box = self.boxes.get(task_id)
            if box is not None and box.status.state in (TaskState.STARTING, TaskState.RUNNING):
                self.set(task_id, state, error=error, exit_code=exit_code)

        self.boxes[task_id].end = asyncio.get_running_loop().call_later(seconds, end)

    def power_off(self) -> None:
        """All that ran is over; what is on the disk stays."""
        self.overlay = None
        self.listener = None
        self.attached.clear()
        for box in self.boxes.values():
            if box.end is not None:
                box.end.cancel()
                box.end = None
            if box.status.state <= TaskState.RUNNING:
                over = TaskState.FAILED if box.status.state >= TaskState.STARTING else box.status.state
                box.status = replace(box.status, state=over, error="the machine was off", exit_code=137)

    def told_to_stop(self, task_id: str) -> Box | None:
        """A container that its agent wants to end, None = there is none."""
        if task_id in self.running:
            for witness in self.stop_witnesses:
                witness(self.node_id, task_id)
        return self.boxes.get(task_id)

    @property
    def running(self) -> Mapping[str, Box]:
        """Containers with a process in them."""
        return {
            task_id: box
            for task_id, box in self.boxes.items()
            if box.status.state in (TaskState.STARTING, TaskState.RUNNING)
        }


class SimulatedExecutor:
    """`contracts.cluster.executor.Executor` on a simulated machine; one for each life of its engine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def describe(self) -> NodeDescription:
        """A small machine."""
        return NodeDescription(
            hostname=self._machine.node_id,
            resources=Amounts(nano_cpus=4_000_000_000, memory_bytes=8 << 30),
            engine_version="simulated",
        )

    async def prepare(self, task: Task, files: Mapping[str, bytes]) -> None:
        """See the contract."""
        machine = self._machine
        await machine.work(machine.speed.prepare_s)
        image = task.spec.container.image
        if image.startswith(MISSING):
            raise DriverError(f"No such image: {image}")
        missing = [file.name for file in task.spec.files if file.id not in files]
        if missing:
            raise InvalidArgument(f"secret or config not found: {missing[0]}")
        if task.id not in machine.boxes:
            wanted = frozenset(file.id for file in task.spec.files)
            status = TaskStatus(state=TaskState.READY, at=machine.now_ns(), container_id=f"c-{task.id}")
            machine.boxes[task.id] = Box(task=task, status=status, files=wanted)

    async def start(self, task: Task) -> None:
        """See the contract."""
        machine = self._machine
        await machine.work(machine.speed.start_s)
        box = machine.boxes.get(task.id)
        if box is None:
            raise DriverError(f"No such container: {task.name}")
        if box.status.state >= TaskState.STARTING:
            return
        image = task.spec.container.image
        chance, speed = machine.chance, machine.speed
        if image.startswith(UNHEALTHY):
            machine.set(task.id, TaskState.STARTING)
            machine.after(task.id, 1 + chance.random(), TaskState.FAILED, error="task: unhealthy container")
            return
        machine.set(task.id, TaskState.RUNNING)
        if image.startswith(CRASHES):
            seconds = chance.random() * speed.crash_s
            machine.after(task.id, seconds, TaskState.FAILED, error="task: non-zero exit (1)", exit_code=1)
        elif image.startswith(JOB):
            machine.after(task.id, chance.random() * speed.job_s, TaskState.COMPLETE)

    async def stop(self, task: Task) -> None:
        """See the contract."""
        machine = self._machine
        await machine.work(machine.speed.stop_s)
        box = machine.told_to_stop(task.id)
        if box is not None and box.status.state <= TaskState.RUNNING:
            machine.set(task.id, TaskState.SHUTDOWN)

    async def remove(self, task_id: str) -> None:
        """See the contract."""
        box = self._machine.told_to_stop(task_id)
        if box is None:
            return
        del self._machine.boxes[task_id]
        if box.end is not None:
            box.end.cancel()

    async def known(self) -> Mapping[str, TaskStatus]:
        """See the contract."""
        return {task_id: box.status for task_id, box in self._machine.boxes.items()}

    async def observe(self) -> AsyncIterator[tuple[str, TaskStatus]]:
        """See the contract."""
        queue: asyncio.Queue[tuple[str, TaskStatus]] = asyncio.Queue()
        self._machine.listener = queue
        try:
            while True:
                yield await queue.get()
        finally:
            if self._machine.listener is queue:
                self._machine.listener = None


class SimulatedOverlay:
    """`contracts.cluster.overlay.Overlay` that remembers what the kernel would have."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def apply(self, state: OverlayState) -> None:
        """See the contract."""
        await self._machine.work(0.01)
        self._machine.overlay = state
        self._machine.overlay_at = asyncio.get_running_loop().time()

    def attached(self) -> tuple[Attached, ...]:
        """See the contract."""
        return tuple(self._machine.attached.values())

    async def drained(self, task_id: str, deadline_s: float) -> bool:
        """See the contract. Connections end after a while."""
        await asyncio.sleep(min(deadline_s, self._machine.chance.random() * 0.2))
        return True

    async def leave(self) -> None:
        """See the contract."""
        self._machine.overlay = None
