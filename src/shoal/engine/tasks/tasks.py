"""The noun `tasks` of the engine: containers of a cluster's tasks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress

from shoal.contracts.registry import Source
from shoal.engine.containers import Containers
from shoal.engine.events import Events
from shoal.engine.images import Images
from shoal.engine.tasks.images import TaskImages
from shoal.engine.tasks.specs import TASK_ID, task_id_of, wanted_container
from shoal.engine.tasks.statuses import ended, removed, status_of
from shoal.errors import Conflict, InvalidArgument, NotFound, NotModified
from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.task import Task, TaskStatus
from shoal.model.container import Container, ContainerStatus
from shoal.model.event import Event
from shoal.wire.registry_auth import decode_auth_header

AT_ONCE = 8  #: containers that are made or started side by side: more only wait for each other


class Tasks:
    """Implements contracts.cluster.executor.Executor."""

    def __init__(
        self,
        containers: Containers,
        images: Images,
        events: Events,
        *,
        describe: Callable[[], Awaitable[NodeDescription]],
        now_ns: Callable[[], int],
    ) -> None:
        """describe: this node as it is now"""
        self._containers = containers
        self._images = TaskImages(images)
        self._events = events
        self._describe = describe
        self._now_ns = now_ns
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._removing: set[str] = set()  #: tasks whose containers this object takes away

    def set_peers(self, peers: Source) -> None:
        """Where images come from that no registry has: other nodes of the cluster."""
        self._images.peers = peers

    async def describe(self) -> NodeDescription:
        """This node as it is now."""
        return await self._describe()

    # -- a task's life -----------------------------------------------------------

    async def prepare(self, task: Task, files: Mapping[str, bytes]) -> None:
        """See the contract."""
        if (found := self._find(task)) is not None and found.status is not ContainerStatus.CREATED:
            return
        wanted = wanted_container(task, task.spec.container, files)
        auth = files.get(f"auth/{task.service_id}")
        await self._images.ensure(wanted.spec.image, decode_auth_header(auth.decode()) if auth else None)
        async with self._turns:
            if found is None:
                found, _ = await self._containers.create(wanted.spec, task.name)
            if wanted.contents:
                await self._containers.give_files(found.id, wanted.contents)

    async def start(self, task: Task) -> None:
        """See the contract."""
        container = self._get(task)
        if container.status is not ContainerStatus.CREATED:  # it has run: a second run would be another task's
            return
        async with self._turns:
            with suppress(NotModified):
                await self._containers.start(container.id)

    async def stop(self, task: Task) -> None:
        """See the contract."""
        if (container := self._find(task)) is None:
            return
        with suppress(NotModified, NotFound):
            await self._containers.stop(container.id)

    async def remove(self, task_id: str) -> None:
        """See the contract."""
        self._removing.add(task_id)
        try:
            for container in self._of(task_id):
                with suppress(NotFound, Conflict):  # somebody else removes it
                    await self._containers.remove(container.id, force=True, volumes=True)
        finally:
            self._removing.discard(task_id)

    # -- looking -----------------------------------------------------------------

    def _find(self, task: Task) -> Container | None:
        """The container of this task, by its name, or by its labels where somebody has renamed it."""
        with suppress(NotFound, InvalidArgument):
            found = self._containers.resolve(task.name)
            if task_id_of(found) == task.id:
                return found
        return next(iter(self._of(task.id)), None)

    def _get(self, task: Task) -> Container:
        if (found := self._find(task)) is None:
            raise NotFound(f"No such container: {task.name}")
        return found

    def _of(self, task_id: str) -> list[Container]:
        return [container for container in self._containers.all() if task_id_of(container) == task_id]

    def container_of(self, task: Task) -> str:
        """The id of its container. Raises: NotFound"""
        return self._get(task).id

    async def known(self) -> Mapping[str, TaskStatus]:
        """See the contract."""
        now = self._now_ns()
        return {
            task_id: status_of(container, now)
            for container in self._containers.all()
            if (task_id := task_id_of(container))
        }

    async def observe(self) -> AsyncIterator[tuple[str, TaskStatus]]:
        """See the contract. Ends when the reader was too slow: `known` tells what is then."""
        with self._events.subscribe() as events:
            async for event in events:
                task_id = event.attributes.get(TASK_ID, "") if event.type == "container" else ""
                if not task_id:
                    continue
                if (status := self._seen(task_id, event)) is not None:
                    yield task_id, status

    def _seen(self, task_id: str, event: Event) -> TaskStatus | None:
        """What an event says of its task, None for nothing."""
        try:
            container = self._containers.resolve(event.actor)
        except NotFound:
            return self._gone(task_id, event)
        if event.action == "die":
            return ended(container, self._now_ns(), int(event.attributes.get("exitCode", "0") or 0))
        if event.action == "start" or event.action.startswith("health_status"):
            return status_of(container, self._now_ns()) if container.is_running else None
        return None

    def _gone(self, task_id: str, event: Event) -> TaskStatus | None:
        if event.action not in ("die", "destroy") or task_id in self._removing:
            return None
        code = int(event.attributes.get("exitCode", "0") or 0)
        return removed(event.actor, self._now_ns(), code)

    async def close(self) -> None:
        """End what is under way; containers run on."""
        await self._images.close()
