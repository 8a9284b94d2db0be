"""The noun `execs`: further programs in running containers."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from shoal.contracts.runtime import ExecProcess, ExecRequest, Runtime
from shoal.engine.containers.host.rootfs import read_text
from shoal.engine.events import Events
from shoal.errors import Conflict, DriverError, NotFound, ShoalError
from shoal.model.container import Container, ContainerStatus
from shoal.model.exec import Exec, ExecSpec
from shoal.oci.users import find_user

_KEEP_NS = 300 * 1_000_000_000
_SWEEP_FROM = 256

_log = logging.getLogger("shoal.execs")


class ContainerLookup(Protocol):
    """What execs and streams need of the containers."""

    def resolve(self, reference: str) -> Container:
        """The container. Raises: NotFound"""
        ...


class Execs:
    """Creates, starts and inspects execs. One that has ended is forgotten five minutes later."""

    def __init__(
        self,
        containers: ContainerLookup,
        runtime: Runtime,
        events: Events,
        *,
        capabilities: Sequence[str],
        now_ns: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        """capabilities: what a privileged exec gets"""
        self._containers = containers
        self._runtime = runtime
        self._events = events
        self._capabilities = capabilities
        self._now_ns = now_ns
        self._new_id = new_id
        self._execs: dict[str, Exec] = {}
        self._processes: dict[str, ExecProcess] = {}
        self._ends: dict[str, asyncio.Task[None]] = {}
        self._draining: set[asyncio.Task[None]] = set()
        self._next_sweep = _SWEEP_FROM

    def create(self, reference: str, spec: ExecSpec) -> Exec:
        """A new exec, not yet started. Raises: NotFound; Conflict when the container does not run"""
        container = self._running(reference)
        self._forget_old()
        exec = Exec(id=self._new_id(), container_id=container.id, spec=spec)
        self._execs[exec.id] = exec
        self._publish(container, exec, f"exec_create: {' '.join(spec.cmd)}")
        return exec

    def get(self, exec_id: str) -> Exec:
        """The exec as it is now. Raises: NotFound"""
        if exec_id not in self._execs:
            raise NotFound(f"No such exec instance: {exec_id}")
        return self._execs[exec_id]

    def of_container(self, container_id: str) -> Sequence[str]:
        """Ids of the execs that run in the container."""
        return [exec.id for exec in self._execs.values() if exec.container_id == container_id and exec.running]

    async def start(self, exec_id: str, *, detached: bool = False, size: tuple[int, int] | None = None) -> ExecProcess:
        """The exec's program, started; its stdio is the caller's until `leave`.

        size: of its terminal, (height, width)
        Raises: NotFound; Conflict when it was started before; InvalidArgument when its program can't be run
        """
        exec = self.get(exec_id)
        if exec.running:
            raise Conflict(f"Error: Exec command {exec_id} is already running")
        if exec.exit_code is not None:
            raise Conflict(f"Error: Exec command {exec_id} has already run")
        container = self._running(exec.container_id)
        self._execs[exec_id] = replace(exec, running=True)
        try:
            process = await self._runtime.exec(await self._request(container, exec.spec, detached, size))
        except BaseException as error:
            message = error.message if isinstance(error, ShoalError) else ""
            self._ended(exec_id, failure_exit_code(message))
            if isinstance(error, DriverError):
                self._check_still_there(container)
            raise
        self._execs[exec_id] = replace(exec, running=True, pid=process.pid)
        self._processes[exec_id] = process
        self._publish(container, exec, f"exec_start: {' '.join(exec.spec.cmd)}")
        watch = self._watch(container, exec_id, process)
        self._ends[exec_id] = asyncio.create_task(watch, name=f"exec {exec_id[:12]}")
        if detached:
            process.close()
        return process

    async def wait(self, exec_id: str) -> int:
        """The exit code of an exec that was started, noted down. Raises: NotFound"""
        if watch := self._ends.get(exec_id):
            await asyncio.wait([watch])
        return self.get(exec_id).exit_code or 0

    def leave(self, process: ExecProcess) -> None:
        """The caller is no longer interested in the stdio; the program goes on and its output is dropped."""
        task = asyncio.create_task(_drain(process))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    def resize(self, exec_id: str, height: int, width: int) -> None:
        """Set the size of its terminal. Raises: NotFound; Conflict when it does not run"""
        self.get(exec_id)
        if exec_id not in self._processes:
            raise Conflict(f"exec {exec_id} is not running")
        self._processes[exec_id].resize(height, width)

    async def close(self) -> None:
        """Watch no more; what runs detached goes on."""
        tasks = [*self._ends.values(), *self._draining]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _running(self, reference: str) -> Container:
        container = self._containers.resolve(reference)
        if container.status is ContainerStatus.PAUSED:
            raise Conflict(f"container {container.id} is paused, unpause the container before exec")
        if container.status is ContainerStatus.RESTARTING:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
        if not container.is_running:
            raise Conflict(f"container {container.id} is not running")
        return container

    def _check_still_there(self, container: Container) -> None:
        """Raises: Conflict, NotFound when the container has ended, or was frozen, while crun went in"""
        self._running(container.id)
        try:
            state = Path(f"/proc/{container.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            state = "X"
        if state in ("X", "Z"):  # nobody has told us yet
            raise Conflict(f"container {container.id} is not running")

    async def _request(
        self, container: Container, spec: ExecSpec, detached: bool, size: tuple[int, int] | None
    ) -> ExecRequest:
        env, user = list(spec.env), None
        if spec.user:
            root = Path(f"/proc/{container.pid}/root")
            passwd, group = await asyncio.to_thread(_read_both, root)
            found = find_user(spec.user, passwd, group)
            user = (found.uid, found.gid, found.additional_gids)
            if not any(item.startswith("HOME=") for item in (*container.spec.env, *env)):
                env.append(f"HOME={found.home}")
        return ExecRequest(
            container_id=container.id,
            args=spec.cmd,
            env=env,
            cwd=spec.workdir,
            user=user,
            terminal=spec.tty and not detached,
            stdin=spec.attach_stdin and not detached,
            capabilities=self._capabilities if spec.privileged else None,
            unconfined=spec.privileged,
            detached=detached,
            console_size=size or spec.console_size,
        )

    async def _watch(self, container: Container, exec_id: str, process: ExecProcess) -> None:
        """Notes the end of one exec down."""
        code = await process.wait()
        self._processes.pop(exec_id, None)
        self._ends.pop(exec_id, None)
        self._ended(exec_id, code)
        self._publish(container, self.get(exec_id), "exec_die", exitCode=str(code))

    def _ended(self, exec_id: str, code: int) -> None:
        now = self._now_ns()
        self._execs[exec_id] = replace(self._execs[exec_id], running=False, exit_code=code, ended_at=now)

    def _forget_old(self) -> None:
        limit = self._now_ns() - _KEEP_NS
        for exec in list(self._execs.values()):
            if exec.ended_at and exec.ended_at < limit:
                del self._execs[exec.id]
        if len(self._execs) > self._next_sweep:
            self._forget_orphans()

    def _forget_orphans(self) -> None:
        """Those that were never started go with their containers."""
        for exec in list(self._execs.values()):
            if not exec.running and not exec.ended_at:
                try:
                    self._containers.resolve(exec.container_id)
                except NotFound:
                    del self._execs[exec.id]
        self._next_sweep = 2 * len(self._execs) + _SWEEP_FROM

    def _publish(self, container: Container, exec: Exec, action: str, **attributes: str) -> None:
        everything = {**container.spec.labels, "image": container.spec.image, "name": container.name}
        self._events.publish("container", action, container.id, {**everything, "execID": exec.id, **attributes})


def _read_both(root: Path) -> tuple[str, str]:
    return read_text(root, "/etc/passwd"), read_text(root, "/etc/group")


async def _drain(process: ExecProcess) -> None:
    with suppress(OSError):
        async for _ in process.read():
            pass
    await process.wait()
    process.close()


def failure_exit_code(message: str) -> int:
    """What the exit code is of an exec that could not be started: 126 not executable, else 127."""
    not_allowed = (
        "permission denied",
        "is a directory",
        "exec format error",
        "unable to find user",
        "unable to find group",
    )
    return 126 if any(words in message for words in not_allowed) else 127
