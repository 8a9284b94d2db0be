"""The noun `volumes` of the engine."""

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shoal.contracts.plugins import VolumePlugins
from shoal.contracts.store import NodeStore
from shoal.contracts.volumes import VolumeDriver
from shoal.engine.events import Events
from shoal.engine.volumes.backing import Backing, LocalBacking, PluginBacking, is_local
from shoal.errors import Conflict, DriverError, InvalidArgument, NotFound, ShoalError
from shoal.model.filters import check_filters, match_any, match_labels, parse_flag
from shoal.model.volume import ANONYMOUS_LABEL, LOCAL_DRIVER, Volume

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_LIST_FILTERS = ("name", "label", "label!", "driver", "dangling")
_PRUNE_FILTERS = ("label", "label!", "all")

log = logging.getLogger("shoal.volumes")


class Volumes:
    """Creates, lists, mounts and removes volumes.

    users: the ids of the containers that use a volume, running or not
    new_id: 64 hex digits, never the same twice
    """

    def __init__(
        self,
        store: NodeStore,
        driver: VolumeDriver,
        plugins: VolumePlugins,
        events: Events,
        *,
        users: Callable[[str], Sequence[str]],
        now_ns: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._driver = driver
        self._local = LocalBacking(driver)
        self._plugins = PluginBacking(plugins)
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
        known = {volume.name: volume for volume in self._store.all(Volume) if not volume.is_plugins}
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

    def _backing(self, volume: Volume) -> Backing:
        return self._plugins if volume.is_plugins else self._local

    def path(self, volume: Volume) -> str:
        """The directory of a volume, whether it is mounted or not; "" where its plugin did not say."""
        return self._backing(volume).path(volume)

    async def plugins(self) -> Sequence[str]:
        """Names of the plugins that hold volumes."""
        return await self._plugins.names()

    async def inspect(self, name: str) -> tuple[Volume, Mapping[str, Any]]:
        """(the volume as it is now, what its plugin tells of it). Raises: NotFound, DriverError"""
        volume = self._store.get(Volume, name) or await self._plugins.search(name)
        if volume is None:
            raise NotFound(f"get {name}: no such volume")
        return await self._plugins.now(volume) if volume.is_plugins else (volume, {})

    def users(self, name: str) -> Sequence[str]:
        """The ids of the containers that use it, running or not."""
        return self._users(name)

    async def usage(self, name: str) -> int:
        """Bytes that its files take on disk; only of the engine's own volumes."""
        return await self._driver.usage(name)

    async def create(
        self,
        name: str = "",
        *,
        driver: str = "",
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        """A new volume, or the one of that name where it is there; without a name an anonymous one.

        driver: "" = whichever has the name already, else the engine's own
        Raises: InvalidArgument, NotFound for an unknown driver, Conflict when the name has another driver, DriverError
        """
        labels = dict(labels or {})
        if not name:
            name = self._new_id()
            labels[ANONYMOUS_LABEL] = ""
        if is_local(driver):
            _check_name(name)
        async with self._locks[name]:
            if found := self._store.get(Volume, name):
                _check_driver(found, driver)
                return found
            volume = await self._make(
                Volume(name=name, driver=driver, labels=labels, options=dict(options or {}), created_at=self._now_ns())
            )
            await self._store.commit(volume)
        self._events.publish("volume", "create", name, {"driver": volume.driver})
        return volume

    async def _make(self, wanted: Volume) -> Volume:
        if not wanted.driver:
            found = None if wanted.is_anonymous else await self._plugins.search(wanted.name)
            if found is not None:
                return replace(found, labels=wanted.labels, created_at=wanted.created_at)
            wanted = replace(wanted, driver=LOCAL_DRIVER)
        try:
            return await self._backing(wanted).create(wanted)
        except ShoalError as error:
            if wanted.is_plugins:
                error.message = f"create {wanted.name}: {error.message}"
            raise

    def list(self, filters: Mapping[str, Sequence[str]] | None = None) -> Sequence[Volume]:
        """Volumes that pass all filters, by name. Raises: InvalidArgument for an unknown filter"""
        return self._select(self._store.all(Volume), filters or {})

    async def list_all(self, filters: Mapping[str, Sequence[str]]) -> tuple[Sequence[Volume], Sequence[str]]:
        """(as `list`, with what plugins have that nobody used here yet, plugins that could not be asked)."""
        chosen = self.list(filters)
        theirs, warnings = await self._plugins.all()
        known = {volume.name for volume in self._store.all(Volume)}
        unknown = {volume.name: volume for volume in theirs if volume.name not in known}
        return self._select([*chosen, *unknown.values()], filters), warnings

    def _select(self, volumes: Iterable[Volume], filters: Mapping[str, Sequence[str]]) -> Sequence[Volume]:
        check_filters(filters, _LIST_FILTERS)
        dangling = parse_flag("dangling", filters.get("dangling", ()))
        return sorted((v for v in volumes if self._passes(v, filters, dangling)), key=lambda volume: volume.name)

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
        """Remove a volume and its content.

        force: no error where there is none; what a plugin has is forgotten even if the plugin does not remove it
        Raises: NotFound, Conflict while a container uses it, DriverError
        """
        async with self._locks[name]:
            volume = self._store.get(Volume, name) or await self._plugins.search(name)
            if volume is None:
                if force:
                    return
                raise NotFound(f"get {name}: no such volume")
            if users := self._users(name):
                raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
            if volume.is_plugins:
                await self._remove_from_plugin(volume, force)
            # The row goes first: a crash now leaves a directory that repair removes, never a volume without content.
            await self._store.commit(deletes=[(Volume, name)])
            if not volume.is_plugins:
                await self._local.remove(volume)
        self._locks.pop(name, None)
        self._events.publish("volume", "destroy", name, {"driver": volume.driver})

    async def _remove_from_plugin(self, volume: Volume, force: bool) -> None:
        try:
            await self._plugins.remove(volume)
        except ShoalError as error:
            if not force:
                raise DriverError(f"remove {volume.name}: {error.message}") from error
            log.warning("volume is forgotten only: %s", error.message, extra={"volume": volume.name})

    async def prune(self, filters: Mapping[str, Sequence[str]] | None = None) -> tuple[Sequence[str], int]:
        """Remove what no container uses: anonymous ones, with the filter all=true named ones too; none of a plugin.

        Returns: the names removed, the bytes freed
        """
        filters = filters or {}
        check_filters(filters, _PRUNE_FILTERS)
        everything = parse_flag("all", filters.get("all", ()))
        chosen = {k: v for k, v in filters.items() if k != "all"}
        removed: list[str] = []
        freed = 0
        for volume in self.list(chosen):
            if volume.is_plugins or self._users(volume.name) or not (everything or volume.is_anonymous):
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
            path = await self._mount(volume, container_id)
        self._events.publish(
            "volume",
            "mount",
            name,
            {"container": container_id, "driver": volume.driver, "read/write": str(not read_only).lower()},
        )
        return path

    async def _mount(self, volume: Volume, container_id: str) -> Path:
        """Once for each container, wherever it shows the volume."""
        mounted_by = self._mounted_by[volume.name]
        if volume.is_plugins and container_id in mounted_by and volume.mountpoint:
            return Path(volume.mountpoint)
        path = await self._backing(volume).mount(volume, container_id)
        mounted_by.add(container_id)
        if volume.is_plugins and volume.mountpoint != str(path):
            await self._store.commit(replace(volume, mountpoint=str(path)))
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
            volume = self._store.get(Volume, name) or Volume(name=name)
            await self._backing(volume).unmount(volume, container_id, is_last=not mounted_by)
        self._events.publish("volume", "unmount", name, {"container": container_id, "driver": volume.driver})

    async def copy_up(self, name: str, source: Path) -> None:
        """Copy an image's content into the volume, exactly once: only while it is empty, one caller at a time."""
        async with self._locks[name]:
            volume = self.resolve(name)
            await self._backing(volume).fill(volume, Path(self.path(volume)), source)

    def adopt(self, name: str, container_id: str) -> None:
        """A container that ran on while the engine was away uses this volume."""
        self._mounted_by[name].add(container_id)


def _check_driver(found: Volume, driver: str) -> None:
    if driver and found.driver != driver:
        raise Conflict(
            f"create {found.name}: driver '{found.driver}' already has volume '{found.name}': "
            "volume name must be unique"
        )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'
        )
