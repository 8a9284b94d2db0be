"""The book of containers: who is there, by id and by name; locks; and who waits for what."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from shoal.contracts.store import NodeStore
from shoal.errors import Conflict, InvalidArgument, NotFound
from shoal.lifecycle.container import Event, step
from shoal.model.container import Container, UnderWay


class Book:
    """Looks containers up and writes them down. One lock a container: who changes it holds that lock."""

    def __init__(self, store: NodeStore) -> None:
        self._store = store
        self._names: dict[str, str] = {}
        self._writing = asyncio.Lock()  #: from the reading of a row to its being written: nobody comes in between
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._watchers: dict[str, set[asyncio.Future[None]]] = {}

    def open(self) -> None:
        """Learn the names. The store must be open."""
        self._names = {c.name: c.id for c in self._store.all(Container)}

    def all(self) -> Sequence[Container]:
        """Every container, oldest first."""
        return self._store.all(Container)

    def find(self, container_id: str) -> Container | None:
        """By its full id."""
        return self._store.get(Container, container_id)

    def get(self, container_id: str) -> Container:
        """By its full id. Raises: NotFound"""
        if (container := self.find(container_id)) is None:
            raise NotFound(f"No such container: {container_id}")
        return container

    def resolve(self, reference: str) -> Container:
        """By full id, name, or unique beginning of an id.

        Raises: NotFound; InvalidArgument for a beginning that several share
        """
        if found := self.find(reference):
            return found
        if owner := self._names.get(reference.removeprefix("/")):
            return self.get(owner)
        matches = [c for c in self.all() if c.id.startswith(reference)] if reference else []
        if len(matches) > 1:
            raise InvalidArgument(f"Multiple IDs found with provided prefix: {reference}")
        if not matches:
            raise NotFound(f"No such container: {reference}")
        return matches[0]

    def lock(self, container_id: str) -> asyncio.Lock:
        """Held by whoever changes this container; the same one for all who hold it or wait for it."""
        lock = self._locks.get(container_id)
        if lock is None:
            lock = self._locks[container_id] = asyncio.Lock()
        return lock

    @contextmanager
    def reserve(self, name: str, container_id: str) -> Iterator[None]:
        """The name belongs to this container from now on; given back when the block fails. Raises: Conflict"""
        owner = self._names.get(name)
        if owner is not None:
            raise Conflict(
                f'Conflict. The container name "/{name}" is already in use by container "{owner}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        self._names[name] = container_id
        try:
            yield
        except BaseException:
            self._names.pop(name, None)
            raise

    def is_free(self, name: str) -> bool:
        """Whether nobody has this name."""
        return name not in self._names

    async def add(self, container: Container) -> Container:
        """A new container, written down."""
        return await self._write(container.id, lambda _: container)

    async def save(self, container: Container, **changes: Any) -> Container:
        """The container with `changes`, written down; whoever watches it is woken.

        The changes go into what is written now: what others changed since `container` was read stays.
        Raises: NotFound when it is gone
        """
        return await self.edit(container.id, lambda current: replace(current, **changes))

    async def edit(self, container_id: str, change: Callable[[Container], Container]) -> Container:
        """What `change` makes of the container as it is written now. Raises: NotFound when it is gone"""

        def checked(current: Container | None) -> Container:
            if current is None:  # written again, it would come back from the dead
                raise NotFound(f"No such container: {container_id}")
            return change(current)

        return await self._write(container_id, checked)

    async def _write(self, container_id: str, change: Callable[[Container | None], Container]) -> Container:
        # Shielded: a caller that is cancelled must not let the next one in before its row is written.
        return await asyncio.shield(self._write_now(container_id, change))

    async def _write_now(self, container_id: str, change: Callable[[Container | None], Container]) -> Container:
        async with self._writing:
            current = self.find(container_id)
            changed = change(current)
            await self._store.commit(changed)
        if current is not None and changed.name != current.name and self._names.get(current.name) == current.id:
            del self._names[current.name]
        self._wake(container_id)
        return changed

    async def advance(self, container: Container, event: Event, **changes: Any) -> Container:
        """`save` with the status that follows `event`. Raises: InvalidTransition"""
        return await self.save(container, status=step(container.status, event), **changes)

    async def erase(self, container: Container) -> None:
        """Strike the container out."""
        await asyncio.shield(self._erase_now(container))

    async def _erase_now(self, container: Container) -> None:
        async with self._writing:
            await self._store.commit(deletes=[(Container, container.id)])
        if self._names.get(container.name) == container.id:
            del self._names[container.name]
        self._wake(container.id)

    @asynccontextmanager
    async def under_way(self, container_id: str, verb: UnderWay, **changes: Any) -> AsyncIterator[Container]:
        """The container with `changes`; while the block runs its row says that `verb` is under way.

        A verb that is a part of another one says nothing of its own. Raises: NotFound when it is gone
        """
        if (found := self.get(container_id)).under_way is not UnderWay.NOTHING:
            yield await self.save(found, **changes) if changes else found
            return
        container = await self.save(found, under_way=verb, **changes)
        try:
            yield container
        finally:
            await asyncio.shield(self.no_longer(container_id, verb))

    async def no_longer(self, container_id: str, verb: UnderWay) -> None:
        """This verb has come to its end, good or bad; another one that began meanwhile stays under way."""
        container = self.find(container_id)
        if container is not None and container.under_way is verb is not UnderWay.NOTHING:
            with suppress(NotFound):
                await self.save(container, under_way=UnderWay.NOTHING)

    def _wake(self, container_id: str) -> None:
        for watcher in self._watchers.pop(container_id, ()):
            if not watcher.done():
                watcher.set_result(None)

    async def wait_until(self, container_id: str, holds: Callable[[Container | None], bool]) -> Container | None:
        """The container as soon as `holds` is true of it; None stands for a container that is gone."""
        while not holds(container := self.find(container_id)):
            watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.setdefault(container_id, set()).add(watcher)
            try:
                await watcher
            finally:
                self._forget_watcher(container_id, watcher)
        return container

    def _forget_watcher(self, container_id: str, watcher: "asyncio.Future[None]") -> None:
        watchers = self._watchers.get(container_id, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(container_id, None)

    async def wait_gone(self, container: Container) -> Container:
        """The container as it was last, as soon as it is gone."""
        last = container

        def has_changed(now: Container | None) -> bool:
            return now is None or now != last

        while (now := await self.wait_until(container.id, has_changed)) is not None:
            last = now
        return last
