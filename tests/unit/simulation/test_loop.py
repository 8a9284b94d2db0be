"""The clock that jumps."""

import asyncio
import contextlib

import pytest

from shoal.simulation.loop import Stuck, VirtualLoop


def test_hours_take_no_time() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asyncio.sleep(7200))
        assert runner.get_loop().time() == pytest.approx(7200)


async def _until(moment_s: float) -> None:
    loop = asyncio.get_running_loop()
    while (left_s := moment_s - loop.time()) > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), left_s)


@pytest.mark.parametrize("moment_s", [3.0016501046304542 + 4.5e-16, 3.0 + 9e-7, 1e5 + 1e-11])
def test_what_is_due_in_next_to_no_time_comes(moment_s: float) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asyncio.sleep(float(int(moment_s * 1e6)) / 1e6))
        runner.run(_until(moment_s))


def test_a_wait_for_nothing_is_noticed() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="no timer is set"), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(forever())
