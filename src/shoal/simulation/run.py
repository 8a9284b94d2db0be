"""One run: a seed in, a story out."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec

from shoal.errors import ShoalError
from shoal.simulation.connected import Connected
from shoal.simulation.convergence import differences
from shoal.simulation.faults import Faults
from shoal.simulation.invariants import Broken, Witness
from shoal.simulation.loop import Stuck, VirtualLoop
from shoal.simulation.workload import Workload
from shoal.simulation.world import Size, Story, World

P = ParamSpec("P")

#: within so many seconds after the last fault all is as it has to be; crash loops wait up to 60 s
LIVENESS_S = 120.0
_LOOK_S = 0.5
_QUIET_S = 2.0  #: it has to stay so


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a seed.

    problem: "" = every property held
    digest: of the story; the same for each run of a seed
    virtual_s: how long it took on the simulated clock
    converged_s: after the last fault
    """

    seed: int
    problem: str
    digest: str
    story: Sequence[str]
    virtual_s: float
    converged_s: float
    writes: int


class _Ears(logging.Handler):
    """Hears errors of the code that runs: a traceback in a log is a bug."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and not isinstance(record.exc_info[1], ShoalError | asyncio.CancelledError):
            self.heard.append(self.format(record))


def run(seed: int, *, size: Size, chaos_s: float = 60.0) -> Outcome:
    """One seed, from the first boot to convergence, on a clock of its own."""
    loop = VirtualLoop()
    story = Story(loop.time)
    ears = _Ears()
    root = logging.getLogger("shoal")
    asyncio_log = logging.getLogger("asyncio")
    level, propagates = root.level, root.propagate
    root.addHandler(ears)
    asyncio_log.addHandler(ears)
    root.setLevel(logging.ERROR)
    root.propagate = asyncio_log.propagate = False
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            problem, converged_s, writes = runner.run(_run(World(seed, size, story), chaos_s, ears))
    except Stuck as error:
        problem, converged_s, writes = str(error), 0.0, 0
    finally:
        root.removeHandler(ears)
        asyncio_log.removeHandler(ears)
        root.setLevel(level)
        root.propagate = asyncio_log.propagate = propagates
    if problem:
        story.tell(f"FAILED: {problem}")
    return Outcome(
        seed=seed,
        problem=problem,
        digest=story.digest,
        story=story.lines,
        virtual_s=loop.time(),
        converged_s=converged_s,
        writes=writes,
    )


async def _run(world: World, chaos_s: float, ears: _Ears) -> tuple[str, float, int]:
    """(problem, seconds until convergence, writes)"""
    witness = Witness()
    broken: list[str] = []

    def noting(check: Callable[P, None]) -> Callable[P, None]:
        def noted(*args: P.args, **others: P.kwargs) -> None:
            try:
                check(*args, **others)
            except Broken as error:
                broken.append(str(error))
                world.story.tell(f"BROKEN: {error}")

        return noted

    world.cluster.witnesses.append(noting(witness.note))
    for host in world.hosts.values():
        host.machine.stop_witnesses.append(noting(witness.stopped))
    problem, converged_s = "", 0.0
    try:
        await world.open()
        await _chaos(world, witness, chaos_s, broken)
        converged_s = await _settle(world, broken)
    except Broken as error:
        problem = str(error)
    finally:
        await world.close()
    if not problem and ears.heard:
        problem = ears.heard[0]
    return problem, converged_s, witness.writes


async def _chaos(world: World, witness: Witness, seconds: float, broken: list[str]) -> None:
    faults, workload, connected = Faults(world), Workload(world), Connected(world)
    running = [asyncio.create_task(workload.run()), asyncio.create_task(faults.run())]
    end_s = asyncio.get_running_loop().time() + seconds
    try:
        while asyncio.get_running_loop().time() < end_s:
            await asyncio.sleep(_LOOK_S)
            _look(world, broken)
            connected.look(witness.view, asyncio.get_running_loop().time())
            for task in running:
                if task.done():
                    task.result()
    finally:
        for task in running:
            task.cancel()
        ended, left = await asyncio.wait(running, timeout=LIVENESS_S)
        await asyncio.gather(*ended, return_exceptions=True)
    if left:
        raise Broken("a call that was cancelled goes on")
    await faults.mend()


def _look(world: World, broken: list[str]) -> None:
    if broken:
        raise Broken(broken[0])
    for node_id, host in world.hosts.items():
        if host.agent is not None and host.agent.done() and not host.agent.cancelled():
            raise Broken(f"{node_id}: its agent has ended: {host.agent.exception()!r}")


async def _settle(world: World, broken: list[str]) -> float:
    """Seconds until everything is as it has to be. Raises: Broken when it does not come to that"""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    since_s: float | None = None
    while loop.time() - start_s < LIVENESS_S:
        await asyncio.sleep(_LOOK_S)
        _look(world, broken)
        if differences(world):
            since_s = None
        elif since_s is None:
            since_s = loop.time()
        elif loop.time() - since_s >= _QUIET_S:
            return since_s - start_s
    left = differences(world)
    raise Broken(f"not within {LIVENESS_S:.0f} s: {'; '.join(left) or 'it does not stay so'}")
