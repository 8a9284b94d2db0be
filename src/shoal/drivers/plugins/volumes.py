"""`contracts.plugins.VolumePlugins`. Source: Docker, "Volume plugin protocol"."""

import asyncio
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from shoal.contracts.plugins import PluginVolume
from shoal.drivers.files.tree import copy_tree
from shoal.drivers.plugins.client import Refused, Unreachable
from shoal.drivers.plugins.discovery import Address
from shoal.drivers.plugins.plugins import ASK_S, LONG_S, PATIENCE_S, SHORT_S, LegacyPlugins
from shoal.errors import DriverError, ShoalError

_UNMOUNT_S = 30.0
_UNMOUNT_PATIENCE_S = 3.0  #: the end of a container must not wait long for a plugin that is dead


class PluginVolumes:
    """Volumes that plugins hold."""

    def __init__(self, plugins: LegacyPlugins) -> None:
        self._plugins = plugins

    async def names(self) -> Sequence[str]:
        """See the contract."""
        return await self._plugins.names("VolumeDriver")

    async def create(self, driver: str, name: str, options: Mapping[str, str]) -> None:
        """See the contract."""
        await self._call(driver, "Create", {"Name": name, "Opts": dict(options)}, LONG_S, PATIENCE_S)

    async def find(self, driver: str, name: str, *, patient: bool = False) -> PluginVolume | None:
        """See the contract."""
        limits = (SHORT_S, PATIENCE_S) if patient else (ASK_S, 0.0)
        try:
            found = (await self._call(driver, "Get", {"Name": name}, *limits)).get("Volume")
        except Refused:
            return None  # whatever it says: there is no word for "no such volume" in the protocol
        return _volume(found) if isinstance(found, dict) and found.get("Name") else None

    async def list(self, driver: str) -> Sequence[PluginVolume]:
        """See the contract."""
        told = (await self._call(driver, "List", {}, ASK_S)).get("Volumes") or ()
        return [_volume(item) for item in told if isinstance(item, dict) and item.get("Name")]

    async def scope(self, driver: str) -> str:
        """See the contract. A plugin that can't say is local."""
        told: Any = {}
        with suppress(Refused, Unreachable):
            told = (await self._call(driver, "Capabilities", {}, ASK_S)).get("Capabilities")
        scope = told.get("Scope") if isinstance(told, dict) else None
        return str(scope).lower() if str(scope).lower() in ("local", "global") else "local"

    async def mount(self, driver: str, name: str, user: str) -> Path:
        """See the contract."""
        told = await self._call(driver, "Mount", {"Name": name, "ID": user}, LONG_S, PATIENCE_S)
        path = str(told.get("Mountpoint") or "")
        try:
            address = await self._plugins.address(driver)
            await asyncio.to_thread(_check_mountpoint, path, address)
        except ShoalError:
            with suppress(ShoalError):
                await self.unmount(driver, name, user)
            raise
        return Path(path)

    async def unmount(self, driver: str, name: str, user: str) -> None:
        """See the contract."""
        await self._call(driver, "Unmount", {"Name": name, "ID": user}, _UNMOUNT_S, _UNMOUNT_PATIENCE_S)

    async def fill(self, path: Path, source: Path) -> bool:
        """See the contract."""

        def fill() -> bool:
            if any(entry != "lost+found" for entry in os.listdir(path)):
                return False
            copy_tree(source, path)
            return True

        return await asyncio.to_thread(fill)

    async def remove(self, driver: str, name: str) -> None:
        """See the contract."""
        await self._call(driver, "Remove", {"Name": name}, SHORT_S, _UNMOUNT_PATIENCE_S)

    async def _call(
        self, driver: str, method: str, body: Mapping[str, Any], timeout_s: float, patience_s: float = 0.0
    ) -> dict[str, Any]:
        return await self._plugins.call(
            driver,
            f"VolumeDriver.{method}",
            body,
            timeout_s=timeout_s,
            patience_s=patience_s,
            is_known=method in ("Mount", "Unmount"),
        )


def _volume(told: Mapping[str, Any]) -> PluginVolume:
    status = told.get("Status")
    return PluginVolume(
        name=str(told["Name"]),
        mountpoint=str(told.get("Mountpoint") or ""),
        created_at=str(told.get("CreatedAt") or ""),
        status=status if isinstance(status, dict) else {},
    )


def _check_mountpoint(path: str, address: Address) -> None:
    """Raises: DriverError where the container would not see what the plugin mounted"""
    if not path.startswith("/"):
        raise DriverError(f'VolumeDriver.Mount: expected an absolute path as mountpoint, got "{path}"')
    try:
        ours = os.stat(path)
    except OSError as error:
        raise DriverError(f'VolumeDriver.Mount: mountpoint "{path}": {error.strerror}') from error
    theirs = _seen_by_plugin(path, address)
    if theirs is not None and not os.path.samestat(ours, theirs):
        raise DriverError(
            f'VolumeDriver.Mount: what the plugin mounted on "{path}" does not reach the engine',
            hint="the folder must be on a shared mount before the engine starts: mount --make-rshared /",
        )


def _seen_by_plugin(path: str, address: Address) -> os.stat_result | None:
    """What the plugin has at `path`; None where that can't be known, or it lives in a root of its own."""
    if not address.path:
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(address.path)
            pid, _, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if not os.path.samestat(os.stat(f"/proc/{pid}/root"), os.stat("/")):
            return None
        return os.stat(f"/proc/{pid}/root{path}")
    except OSError:
        return None
