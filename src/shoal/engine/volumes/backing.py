"""What stands behind a volume: a directory of the engine's own, or a plugin."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from shoal.contracts.plugins import PluginVolume, VolumePlugins
from shoal.contracts.volumes import VolumeDriver
from shoal.errors import DriverError, InvalidArgument, NotFound, ShoalError
from shoal.model.volume import LOCAL_DRIVER, Volume
from shoal.wire.times import parse_time

log = logging.getLogger("shoal.volumes")


class Backing(Protocol):
    """The life of a volume where its content is."""

    def path(self, volume: Volume) -> str:
        """Where it is, or was when last asked; "" where that is not known."""
        ...

    async def create(self, volume: Volume) -> Volume:
        """The volume, there."""
        ...

    async def mount(self, volume: Volume, user: str) -> Path:
        """The directory for one more user."""
        ...

    async def unmount(self, volume: Volume, user: str, *, is_last: bool) -> None:
        """A user has ended."""
        ...

    async def fill(self, volume: Volume, path: Path, source: Path) -> bool:
        """Copy the content of `source`; False when the volume was not empty. path: of `mount`"""
        ...

    async def remove(self, volume: Volume) -> None:
        """It is gone, with its content."""
        ...


class LocalBacking:
    """Directories of the engine's own; what the options of a volume name is mounted for the first user."""

    def __init__(self, driver: VolumeDriver) -> None:
        self._driver = driver

    def path(self, volume: Volume) -> str:
        """See Backing."""
        return str(self._driver.path(volume.name))

    async def create(self, volume: Volume) -> Volume:
        """See Backing."""
        await self._driver.create(volume.name, volume.options)
        return volume

    async def mount(self, volume: Volume, user: str) -> Path:
        """See Backing."""
        return await self._driver.mount(volume.name, volume.options)

    async def unmount(self, volume: Volume, user: str, *, is_last: bool) -> None:
        """See Backing."""
        if is_last:
            await self._driver.unmount(volume.name)

    async def fill(self, volume: Volume, path: Path, source: Path) -> bool:
        """See Backing."""
        return await self._driver.fill(volume.name, source)

    async def remove(self, volume: Volume) -> None:
        """See Backing."""
        await self._driver.remove(volume.name)


class PluginBacking:
    """What plugins have. A user is a container; the plugin counts them by their ids."""

    def __init__(self, plugins: VolumePlugins) -> None:
        self._plugins = plugins

    def path(self, volume: Volume) -> str:
        """See Backing."""
        return volume.mountpoint

    async def create(self, volume: Volume) -> Volume:
        """The volume as the plugin has it, made there only where it is missing."""
        try:
            found = await self._plugins.find(volume.driver, volume.name, patient=True)
            if found is None:
                await self._plugins.create(volume.driver, volume.name, volume.options)
                found = await self._plugins.find(volume.driver, volume.name)
            scope = await self._plugins.scope(volume.driver)
        except (NotFound, InvalidArgument) as error:
            raise type(error)(f"error looking up volume plugin {volume.driver}: {error.message}") from error
        return replace(volume, scope=scope, mountpoint=found.mountpoint if found is not None else "")

    async def mount(self, volume: Volume, user: str) -> Path:
        """See Backing."""
        try:
            return await self._plugins.mount(volume.driver, volume.name, user)
        except ShoalError as error:
            words = f"error while mounting volume '{volume.mountpoint}': {error.message}"
            raise DriverError(words, hint=error.hint) from error

    async def unmount(self, volume: Volume, user: str, *, is_last: bool) -> None:
        """See Backing."""
        await self._plugins.unmount(volume.driver, volume.name, user)

    async def fill(self, volume: Volume, path: Path, source: Path) -> bool:
        """See Backing."""
        return await self._plugins.fill(path, source)

    async def remove(self, volume: Volume) -> None:
        """See Backing."""
        await self._plugins.remove(volume.driver, volume.name)

    async def names(self) -> Sequence[str]:
        """The plugins that hold volumes."""
        return await self._plugins.names()

    async def now(self, volume: Volume) -> tuple[Volume, Mapping[str, Any]]:
        """(the volume as its plugin tells of it now, its status). Raises: DriverError"""
        try:
            found = await self._plugins.find(volume.driver, volume.name)
        except ShoalError as error:
            raise DriverError(
                f"get {volume.name}: error while checking if volume "
                f'"{volume.name}" exists in driver "{volume.driver}": {error.message}'
            ) from error
        if found is None:
            return volume, {}
        return replace(volume, mountpoint=found.mountpoint or volume.mountpoint), found.status

    async def search(self, name: str) -> Volume | None:
        """The volume of this name that some plugin has. A plugin that does not answer has none."""
        for driver in await self.names():
            try:
                found = await self._plugins.find(driver, name)
                if found is not None:
                    return _known(driver, found, await self._plugins.scope(driver))
            except ShoalError as error:
                log.warning("volume plugin: %s", error.message, extra={"plugin": driver})
        return None

    async def all(self) -> tuple[list[Volume], list[str]]:
        """(every volume of every plugin, what could not be asked)."""
        volumes: list[Volume] = []
        warnings: list[str] = []
        for driver in await self.names():
            try:
                scope = await self._plugins.scope(driver)
                volumes += [_known(driver, found, scope) for found in await self._plugins.list(driver)]
            except ShoalError as error:
                warnings.append(f"list {driver}: {error.message}")
        return volumes, warnings


def _known(driver: str, found: PluginVolume, scope: str) -> Volume:
    try:
        created_at = parse_time("CreatedAt", found.created_at)
    except InvalidArgument:
        created_at = 0
    return Volume(name=found.name, driver=driver, scope=scope, mountpoint=found.mountpoint, created_at=created_at)


def is_local(driver: str) -> bool:
    """Whether a driver is the engine's own."""
    return driver in ("", LOCAL_DRIVER)
