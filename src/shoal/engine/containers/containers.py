"""The noun `containers` of the engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from shoal.contracts.store import NodeStore
from shoal.engine.containers.adopt import Adoption
from shoal.engine.containers.book import Book
from shoal.engine.containers.create import Creator
from shoal.engine.containers.ending import Ender
from shoal.engine.containers.health import HealthChecks
from shoal.engine.containers.host.files import ContainerFiles
from shoal.engine.containers.host.memory import Memory
from shoal.engine.containers.lists.listing import Lookups, choose
from shoal.engine.containers.lists.prune import prune_chooser
from shoal.engine.containers.names import check_name
from shoal.engine.containers.parts import Machine, Neighbours, Parts
from shoal.engine.containers.remove import Remover
from shoal.engine.containers.start import Starter
from shoal.engine.containers.stop import Stopper, run_is_over
from shoal.engine.containers.supervise import Supervisor
from shoal.engine.containers.update import Updater
from shoal.engine.containers.view import Views
from shoal.errors import Conflict, InvalidArgument, NotFound, NotModified, ShoalError
from shoal.model.container import Container, ContainerSpec, ContainerStatus, RestartPolicy, UnderWay
from shoal.model.resources import Resources

Filters = Mapping[str, Sequence[str]]


class Containers:
    """Containers of one node: every verb of their life. References are ids, names, or beginnings of ids.

    views: reads what is shown to users and to the other nouns
    """

    def __init__(self, store: NodeStore, near: Neighbours, machine: Machine, *, root: Path) -> None:
        """`root`: the engine's root directory. `open` must be called before any verb."""
        self._parts = Parts(
            near=near,
            machine=machine,
            book=Book(store),
            files=ContainerFiles(root),
            memory=Memory(near.memory_files, near.networks),
        )
        parts = self._parts
        self._book = parts.book
        self._health = HealthChecks(parts)
        self._creator = Creator(parts)
        ender = Ender(parts)
        self._starter = Starter(parts, self._creator, ender)
        self._supervisor = Supervisor(parts, self._starter, ender, self._health)
        self._stopper = Stopper(parts, self._supervisor)
        self._remover = Remover(parts, self._stopper, self._supervisor)
        self._supervisor.remove = lambda container_id: self._remover.remove(container_id, volumes=True)
        self._updater = Updater(parts)
        finishers: dict[UnderWay, Callable[[str], Awaitable[None]]] = {
            UnderWay.STOP: self._stopper.stop,
            UnderWay.KILL: self._stopper.kill,
            UnderWay.RESTART: self.restart,
            UnderWay.REMOVE: self._remover.remove_again,
            UnderWay.UPDATE: self._updater.apply,
            UnderWay.STILL: self._stopper.unpause,
        }
        self._adoption = Adoption(parts, ender, self._supervisor, self._health, self._remover, finishers)
        self._watch: asyncio.Task[None] | None = None
        self.views = Views(parts, self._health)

    # -- the engine's own life -----------------------------------------------

    async def adopt(self) -> Mapping[str, int]:
        """{id: pid of the init} of the containers that run on from an earlier engine. Before networks open."""
        self._book.open()
        return await self._adoption.adopt()

    async def open(self) -> None:
        """Repair what an earlier engine left half done, follow restart policies, watch exits. Last step of a start."""
        await self._parts.memory.open([c.id for c in self._book.all()])
        await self._adoption.settle()
        self._watch = asyncio.create_task(self._supervisor.watch(), name="container exits")
        await self._adoption.finish()

    async def close(self) -> None:
        """Let go; containers run on."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._health.close()
        self._adoption.leave()
        await self._supervisor.close()

    async def stop_all(self) -> None:
        """Every running container stopped, side by side; their policies bring them back with the engine."""
        running = [c for c in self._book.all() if c.is_running]
        await asyncio.gather(*(self._stopper.stop(c.id) for c in running), return_exceptions=True)
        for container in running:
            with suppress(NotFound):  # it had --rm
                await self._book.save(container, manually_stopped=container.manually_stopped)

    def lock(self, container_id: str) -> asyncio.Lock:
        """Held by whoever changes this container, or must not see it change."""
        return self._book.lock(container_id)

    # -- looking ---------------------------------------------------------------

    def resolve(self, reference: str) -> Container:
        """The container as it is now. Raises: NotFound, InvalidArgument when several have this beginning"""
        return self.views.live(self._book.resolve(reference))

    def all(self) -> Sequence[Container]:
        """Every container, oldest first."""
        return [self.views.live(container) for container in self._book.all()]

    def list(self, filters: Filters | None = None, *, all: bool = False, limit: int = 0) -> Sequence[Container]:
        """Those that pass the filters, newest first; without `all` only running ones. Raises: InvalidArgument"""
        lookups = Lookups(created_at=lambda ref: self._book.resolve(ref).created_at, is_ancestor=self._is_ancestor)
        return choose(self.all(), filters or {}, lookups, all=all, limit=limit)

    def _is_ancestor(self, reference: str, container: Container) -> bool:
        if container.spec.image == reference:
            return True
        images = self._parts.near.images
        try:
            wanted, image = images.resolve(reference), images.resolve(container.image_id)
        except ShoalError:
            return False
        return image.id == wanted.id or (bool(wanted.diff_ids) and _starts_with(image.diff_ids, wanted.diff_ids))

    # -- verbs -----------------------------------------------------------------

    async def create(
        self, spec: ContainerSpec, name: str = "", *, platform: str = ""
    ) -> tuple[Container, Sequence[str]]:
        """(the new container, warnings). Raises: InvalidArgument, NotFound, Conflict when the name is taken"""
        return await self._creator.create(spec, name, platform)

    async def give_files(self, reference: str, contents: Mapping[str, bytes]) -> None:
        """Its declared files in memory have these contents from the next start on.

        contents: {target: content}, one for each declared file
        Raises: NotFound, InvalidArgument
        """
        container = self._book.resolve(reference)
        async with self._book.lock(container.id):
            await self._parts.memory.give(self._book.get(container.id), contents)

    async def start(self, reference: str) -> None:
        """Running. Raises: NotModified, Conflict; InvalidArgument or DriverError where it can't be started"""
        container = self._book.resolve(reference)
        async with self._book.lock(container.id):
            container = self._book.get(container.id)
            self._starter.check(container)
            self._supervisor.forget(container.id)
            try:
                self._health.start(await self._starter.start(container))
                return
            except ShoalError as error:
                failure = error
        if container.spec.host.auto_remove:
            await self._remover.remove(container.id, volumes=True)
        raise failure

    async def stop(self, reference: str, timeout_s: int | None = None, signal: str = "") -> None:
        """Ended: asked with its stop signal, killed after `timeout_s` (None = as it says itself; -1 = never).

        Raises: NotModified, InvalidArgument for a signal that is none
        """
        await self._stopper.stop(self._book.resolve(reference).id, timeout_s, signal)

    async def restart(self, reference: str, timeout_s: int | None = None, signal: str = "") -> None:
        """Stopped where it ran, and running again."""
        container = self._book.resolve(reference)
        async with self._book.under_way(container.id, UnderWay.RESTART):
            with suppress(NotModified):
                await self._stopper.stop(container.id, timeout_s, signal)
            with suppress(NotModified):  # somebody else has started it meanwhile
                await self.start(container.id)
        self._parts.publish(self._book.get(container.id), "restart")

    async def kill(self, reference: str, signal: str = "") -> None:
        """Sent a signal, SIGKILL where none is named. Raises: Conflict where it does not run"""
        try:
            await self._stopper.kill(self._book.resolve(reference).id, signal)
        except (NotFound, Conflict) as error:  # Docker's router says who was meant, as it was said
            raise type(error)(f"cannot kill container: {reference}: {error.message}") from None

    async def pause(self, reference: str) -> None:
        """Frozen. Raises: Conflict"""
        await self._stopper.pause(self._book.resolve(reference).id)

    async def unpause(self, reference: str) -> None:
        """Thawed. Raises: Conflict"""
        await self._stopper.unpause(self._book.resolve(reference).id)

    @asynccontextmanager
    async def still(self, reference: str) -> AsyncIterator[None]:
        """One that runs writes nothing while the block runs."""
        container = self._book.resolve(reference)
        if container.status is not ContainerStatus.RUNNING:
            yield
            return
        async with self._book.under_way(container.id, UnderWay.STILL):
            await self._stopper.pause(container.id)
            try:
                yield
            finally:
                await self._stopper.unpause(container.id)

    async def wait(self, reference: str, condition: str = "") -> tuple[int, str]:
        """(exit code, error of a start that failed) as soon as `condition` holds.

        condition: "" and "not-running": it does not run; "next-exit": its next run has ended; "removed": it is gone
        Raises: NotFound, InvalidArgument
        """
        self.check_condition(condition)
        container = self._book.resolve(reference)
        if condition in ("", "not-running"):
            return _result(await self._book.wait_until(container.id, lambda c: c is None or not _lives(c)), container)
        if condition == "next-exit":
            ended = await self._book.wait_until(container.id, _next_exit(container)) or container
            return ended.exit_code, ""
        # Without the error: clients that wait for a removal have it from start's answer already.
        return (await self._book.wait_gone(container)).exit_code, ""

    @staticmethod
    def check_condition(condition: str) -> None:
        """Raises: InvalidArgument for a condition that `wait` does not know"""
        if condition not in ("", "not-running", "next-exit", "removed"):
            raise InvalidArgument(f'invalid condition: "{condition}"')

    async def remove(self, reference: str, *, force: bool = False, volumes: bool = False, link: bool = False) -> None:
        """Gone, killed first where `force` says so; `volumes`: its anonymous volumes too.

        link: `reference` is "container/alias" and only that legacy link goes
        Raises: NotFound, Conflict
        """
        if link:
            await self._remove_link(reference)
            return
        await self._remover.remove(self._book.resolve(reference).id, force=force, volumes=volumes)

    async def _remove_link(self, reference: str) -> None:
        owner, _, alias = reference.strip("/").rpartition("/")
        if not owner:
            raise Conflict("Conflict, cannot remove the default link name of the container")
        container = self._book.resolve(owner)
        async with self._book.lock(container.id):
            container = self._book.get(container.id)
            kept = tuple(link for link in container.spec.host.links if link.rpartition(":")[2] != alias)
            if kept == container.spec.host.links:
                raise NotFound(f"Could not get parent link {alias} of container {owner}")

            def change(now: Container) -> Container:
                return replace(now, spec=replace(now.spec, host=replace(now.spec.host, links=kept)))

            await self._book.edit(container.id, change)

    async def rename(self, reference: str, name: str) -> None:
        """It has the new name, also where others look it up. Raises: InvalidArgument, Conflict when it is taken"""
        if not name or not reference:
            raise InvalidArgument("Neither old nor new names may be empty")
        container = self._book.resolve(reference)
        wanted = check_name(name)
        async with self._book.lock(container.id):
            container = self._book.get(container.id)
            if container.name == wanted:
                raise InvalidArgument("Renaming a container with the same name as its current name")
            with self._book.reserve(wanted, container.id):
                renamed = await self._book.save(container, name=wanted)
            if renamed.is_running:
                await self._parts.near.networks.rename(container.id, wanted)
            self._parts.publish(renamed, "rename", oldName=f"/{container.name}")

    async def update(self, reference: str, resources: Resources, restart: RestartPolicy | None = None) -> None:
        """It has the limits that `resources` names and the policy, at once where it runs. Raises: InvalidArgument …"""
        await self._updater.update(self._book.resolve(reference).id, resources, restart)

    async def prune(self, filters: Filters | None = None) -> tuple[Sequence[str], int]:
        """(ids removed, bytes freed): those that do not run and pass the filters. Raises: InvalidArgument"""
        is_chosen = prune_chooser(filters or {}, self._parts.machine.now_ns())
        removed: list[str] = []
        freed = 0
        for container in self._book.all():
            if container.is_running or container.status is ContainerStatus.RESTARTING or not is_chosen(container):
                continue
            try:
                usage = await self._parts.near.snapshots.usage(container.id)
                await self._remover.remove(container.id)
            except (Conflict, NotFound):  # somebody else removes it, or has started it
                continue
            freed += usage
            removed.append(container.id)
        self._parts.near.events.publish("container", "prune", "", {"reclaimed": str(freed)})
        return removed, freed


def _lives(container: Container) -> bool:
    return container.is_running or container.status is ContainerStatus.RESTARTING


def _next_exit(before: Container) -> Callable[[Container | None], bool]:
    """True when a run that began after `before` was seen, or the one that it shows, has ended."""
    if before.is_running:
        return run_is_over(before)
    return lambda now: (
        now is None or (now.started_at != before.started_at and not now.is_running) or _failed(before, now)
    )


def _failed(before: Container, now: Container) -> bool:
    return now.error != before.error or (bool(now.error) and now.exit_code != before.exit_code)


def _result(container: Container | None, before: Container) -> tuple[int, str]:
    return (container or before).exit_code, (container or before).error


def _starts_with(longer: Sequence[str], shorter: Sequence[str]) -> bool:
    return tuple(longer[: len(shorter)]) == tuple(shorter)
