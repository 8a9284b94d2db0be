"""Running the health checks of containers."""

import asyncio
import contextlib
import logging

from shoal.contracts.runtime import ExecProcess, ExecRequest
from shoal.engine.containers.parts import Parts
from shoal.errors import NotFound, ShoalError
from shoal.lifecycle.health import OUTPUT_BYTES, Schedule, probe_argv, schedule_of, step, wait_ns
from shoal.model.container import Container, ContainerStatus
from shoal.model.health import Health, Healthcheck, Probe

log = logging.getLogger("shoal.health")

_SIGKILL = 9
_NS = 1_000_000_000


class HealthChecks:
    """One loop for each running container that has a check."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._latest: dict[str, Health] = {}

    def start(self, container: Container) -> None:
        """Check it from now on, where it has a check."""
        self.stop(container.id)
        check = container.spec.healthcheck
        argv = probe_argv(check, container.spec.shell)
        if check is None or argv is None:
            return
        loop = self._run(container, argv, check)
        self._loops[container.id] = asyncio.create_task(loop, name=f"health {container.id[:12]}")

    def stop(self, container_id: str) -> None:
        """Check it no more."""
        if loop := self._loops.pop(container_id, None):
            loop.cancel()
        self._latest.pop(container_id, None)

    def latest(self, container: Container) -> Health | None:
        """The health with the newest results; the store has them only when the status changes."""
        return self._latest.get(container.id, container.health)

    async def _run(self, container: Container, argv: tuple[str, ...], check: Healthcheck) -> None:
        schedule = schedule_of(check)
        health = container.health or Health()
        while True:
            await asyncio.sleep(wait_ns(schedule, health, container.started_at, self._parts.machine.now_ns()) / _NS)
            current = self._parts.book.find(container.id)
            if current is None or current.started_at != container.started_at:
                return
            if current.status is ContainerStatus.PAUSED:
                continue
            probe = await self._probe(current, argv, schedule)
            if probe is None:
                continue
            changed = step(schedule, health, probe, container.started_at)
            if changed.status is not health.status:
                await self._note(container, changed)
            health = self._latest[container.id] = changed

    async def _note(self, container: Container, health: Health) -> None:
        book = self._parts.book
        async with book.lock(container.id):
            current = book.find(container.id)
            if current is None or not current.is_running or current.started_at != container.started_at:
                return
            current = await book.save(current, health=health)
        self._parts.publish(current, f"health_status: {health.status.value}")

    async def _probe(self, container: Container, argv: tuple[str, ...], schedule: Schedule) -> Probe | None:
        """The result, None where the container has ended: that says nothing about its health."""
        now_ns = self._parts.machine.now_ns
        start_at = now_ns()
        timeout_s = schedule.timeout_ns / _NS
        process: ExecProcess | None = None
        output = bytearray()
        try:
            async with asyncio.timeout(timeout_s):
                process = await self._parts.near.runtime.exec(ExecRequest(container_id=container.id, args=argv))
                async for _, piece in process.read():
                    output += piece[: OUTPUT_BYTES - len(output)]
                exit_code = await process.wait()
        except TimeoutError:
            exit_code, output = -1, bytearray(f"Health check exceeded timeout ({timeout_s:g}s)".encode())
        except NotFound:
            return None
        except ShoalError as error:
            exit_code, output = -1, bytearray(error.message.encode())
        finally:
            if process is not None:
                await self._end(process)
        return Probe(start_at=start_at, end_at=now_ns(), exit_code=exit_code, output=output.decode(errors="replace"))

    async def _end(self, process: ExecProcess) -> None:
        with contextlib.suppress(ShoalError):
            process.kill(_SIGKILL)
            process.close()

    async def close(self) -> None:
        """End every loop."""
        loops = list(self._loops.values())
        self._loops.clear()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
