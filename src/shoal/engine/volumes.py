"""The volumes of one node."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shoal.contracts.store import NodeStore
from shoal.contracts.volumes import VolumeDriver
from shoal.engine.events import Events
from shoal.errors import Conflict, InvalidArgument, NotFound
from shoal.model.filters import check_filters, match_any, match_labels, parse_flag
from shoal.model.volume import ANONYMOUS_LABEL, Volume

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_LIST_FILTERS = ("name", "label", "label!", "driver", "dangling")
_PRUNE_FILTERS = ("label", "label!", "all")


class Volumes:
    """Creates, lists, mounts and removes volumes.

    users: the ids of the containers that use a volume, running or not
    new_id: 64 hex digits, never the same twice
    """

    def __init__(
        self,
        store: NodeStore,
        driver: VolumeDriver,
        events: Events,
        *,
        users: Callable[[str], Sequence[str]],
        now_ns: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._driver = driver
        self._events = events
        self._users = users
        self._now_ns = now_ns
        self._new_id = new_id
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._mounted_by: defaultdict[str, set[str]] = defaultdict(set)

    async def open(self, directories: Sequence[str]) -> None:
        """Repair what a crash left: remove directories without a record, make those that a record lacks.

        directories: names of the volumes that have one
        """
        known = {volume.name: volume for volume in self._store.all(Volume)}
        for name in directories:
            if name not in known:
                await self._driver.remove(name)
        for name in known.keys() - set(directories):
            await self._driver.create(name, known[name].options)

    def resolve(self, name: str) -> Volume:
        """Raises: NotFound"""
        volume = self._store.get(Volume, name)
        if volume is None:
            raise NotFound(f"get {name}: no such volume")
        return volume

    def path(self, name: str) -> Path:
        """The directory of a volume, whether it is mounted or not."""
        return self._driver.path(name)

    def users(self, name: str) -> Sequence[str]:
        """The ids of the containers that use it, running or not."""
        return self._users(name)

    async def usage(self, name: str) -> int:
        """Bytes that its files take on disk."""
        return await self._driver.usage(name)

    async def create(
        self,
        name: str = "",
        *,
        driver: str = "local",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        """A new volume, or the one of that name where it is there; without a name an anonymous one.

        Raises: InvalidArgument, NotFound for an unknown driver, Conflict when the name has another driver
        """
        labels = dict(labels or {})
        if not name:
            name = self._new_id()
            labels[ANONYMOUS_LABEL] = ""
        _check_name(name)
        if driver not in ("", "local"):
            raise NotFound(f'error looking up volume plugin {driver}: plugin "{driver}" not found')
        async with self._locks[name]:
            if found := self._store.get(Volume, name):
                return found
            volume = Volume(name=name, labels=labels, options=dict(options or {}), created_at=self._now_ns())
            await self._driver.create(name, volume.options)
            await self._store.commit(volume)
        self._events.publish("volume", "create", name, {"driver": volume.driver})
        return volume

    def list(self, filters: Mapping[str, Sequence[str]] | None = None) -> Sequence[Volume]:
        """Volumes that pass all filters, by name. Raises: InvalidArgument for an unknown filter"""
        filters = filters or {}
        check_filters(filters, _LIST_FILTERS)
        dangling = parse_flag("dangling", filters.get("dangling", ()))
        return sorted(
            (v for v in self._store.all(Volume) if self._passes(v, filters, dangling)), key=lambda volume: volume.name
        )

    def _passes(self, volume: Volume, filters: Mapping[str, Sequence[str]], dangling: bool | None) -> bool:
        unwanted = filters.get("label!", ())
        return (
            match_any(volume.name, filters.get("name", ()))
            and match_labels(volume.labels, filters.get("label", ()))
            and not (unwanted and match_labels(volume.labels, unwanted))
            and (not filters.get("driver") or volume.driver in filters["driver"])
            and (dangling is None or dangling is not bool(self._users(volume.name)))
        )

    async def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a volume and its content. Raises: NotFound (not with `force`), Conflict while a container uses it"""
        async with self._locks[name]:
            volume = self._store.get(Volume, name)
            if volume is None:
                if force:
                    return
                raise NotFound(f"get {name}: no such volume")
            if users := self._users(name):
                raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
            # The row goes first: a crash now leaves a directory that repair removes, never a volume without content.
            await self._store.commit(deletes=[(Volume, name)])
            await self._driver.remove(name)
        self._locks.pop(name, None)
        self._events.publish("volume", "destroy", name, {"driver": volume.driver})

    async def prune(self, filters: Mapping[str, Sequence[str]] | None = None) -> tuple[Sequence[str], int]:
        """Remove what no container uses: anonymous ones, with the filter all=true named ones too.

        Returns: the names removed, the bytes freed
        """
        filters = filters or {}
        check_filters(filters, _PRUNE_FILTERS)
        everything = parse_flag("all", filters.get("all", ()))
        chosen = {k: v for k, v in filters.items() if k != "all"}
        removed: list[str] = []
        freed = 0
        for volume in self.list(chosen):
            if self._users(volume.name) or not (everything or volume.is_anonymous):
                continue
            freed += await self._driver.usage(volume.name)
            await self.remove(volume.name, force=True)
            removed.append(volume.name)
        self._events.publish("volume", "prune", "", {"reclaimed": str(freed)})
        return removed, freed

    async def mount(self, name: str, container_id: str, *, read_only: bool = False) -> Path:
        """The directory to show to a container; what the volume's options name is mounted. Raises: NotFound"""
        async with self._locks[name]:
            volume = self.resolve(name)
            path = await self._driver.mount(name, volume.options)
            self._mounted_by[name].add(container_id)
        self._events.publish(
            "volume",
            "mount",
            name,
            {"container": container_id, "driver": volume.driver, "read/write": str(not read_only).lower()},
        )
        return path

    async def release(self, name: str, container_id: str) -> None:
        """The container has ended; the last one to go unmounts. Idempotent."""
        async with self._locks[name]:
            mounted_by = self._mounted_by[name]
            if container_id not in mounted_by:
                return
            mounted_by.discard(container_id)
            if not mounted_by:
                del self._mounted_by[name]
                await self._driver.unmount(name)
        self._events.publish("volume", "unmount", name, {"container": container_id, "driver": "local"})

    async def copy_up(self, name: str, source: Path) -> None:
        """Copy an image's content into the volume, exactly once: only while it is empty, one caller at a time."""
        async with self._locks[name]:
            await self._driver.fill(name, source)

    def adopt(self, name: str, container_id: str) -> None:
        """A container that ran on while the engine was away uses this volume."""
        self._mounted_by[name].add(container_id)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'
        )
