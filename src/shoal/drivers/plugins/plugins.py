"""All plugins of the host, known by name and by what they implement."""

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoal.drivers.plugins.client import Refused, Unreachable, call
from shoal.drivers.plugins.discovery import Address, find_plugin, plugin_names
from shoal.errors import DriverError, InvalidArgument, NotFound

SHORT_S = 60.0
LONG_S = 120.0
ASK_S = 10.0  #: for who only wants to know what a plugin has
LOOK_S = 2.0  #: for who only wants to list plugins
PATIENCE_S = 15.0  #: for a plugin that is being restarted
_FIRST_WAIT_S = 1.0

log = logging.getLogger(__name__)


class LegacyPlugins:
    """Finds plugins, asks each once what it implements, and calls them."""

    def __init__(self, folders: Sequence[Path], *, limit_s: float = LONG_S, patience_s: float = PATIENCE_S) -> None:
        """limit_s: no call takes longer; patience_s: nor is waited longer for a plugin to listen"""
        self._folders = tuple(folders)
        self._limit_s = limit_s
        self._patience_s = patience_s
        self._active: dict[str, tuple[Address, tuple[str, ...]]] = {}  #: {name: (address, what it implements)}

    async def names(self, kind: str) -> list[str]:
        """Plugins that implement `kind`, sorted; those that don't answer at once are left out."""
        names = await asyncio.to_thread(plugin_names, self._folders)
        kinds = await asyncio.gather(*(self._look(name) for name in names))
        return [name for name, implemented in zip(names, kinds, strict=True) if kind in implemented]

    async def _look(self, name: str) -> tuple[str, ...]:
        try:
            if name in self._active and not await asyncio.to_thread(_listens, self._active[name][0]):
                del self._active[name]
            return (await self._activate(name, timeout_s=LOOK_S, patience_s=0.0))[1]
        except (DriverError, NotFound) as error:
            log.warning("plugin does not answer: %s", error.message, extra={"plugin": name})
            return ()

    async def call(
        self,
        name: str,
        method: str,
        body: Mapping[str, Any],
        *,
        timeout_s: float = SHORT_S,
        patience_s: float = 0.0,
        is_known: bool = False,
    ) -> dict[str, Any]:
        """The answer of a plugin that implements the interface that `method` ("VolumeDriver.Get") belongs to.

        patience_s: how long to wait for one that does not listen
        is_known: there was such a plugin, so one that is not found is waited for as well
        Raises: NotFound, InvalidArgument, Unreachable, Refused
        """
        kind = method.partition(".")[0]
        timeout_s, patience_s = min(timeout_s, self._limit_s), min(patience_s, self._patience_s)
        if name not in self._active and is_known:
            await self._wait_found(name, patience_s)
        address, implemented = await self._activate(name, timeout_s=timeout_s, patience_s=patience_s)
        if kind not in implemented:
            raise InvalidArgument(
                "legacy plugin: plugin does not implement the requested driver: "
                f'plugin="{name}", requested implementation="{kind}"'
            )
        try:
            return await call(address, method, body, timeout_s=timeout_s, patience_s=patience_s)
        except Unreachable:
            self._active.pop(name, None)  # another may come in its place
            raise

    async def address(self, name: str) -> Address:
        """Where a plugin that answered listens."""
        return (await self._activate(name, timeout_s=SHORT_S, patience_s=0.0))[0]

    async def _activate(self, name: str, *, timeout_s: float, patience_s: float) -> tuple[Address, tuple[str, ...]]:
        if name not in self._active:
            address = await asyncio.to_thread(find_plugin, self._folders, name)
            if address is None:
                raise NotFound(f'plugin "{name}" not found')
            try:
                told = await call(address, "Plugin.Activate", {}, timeout_s=timeout_s, patience_s=patience_s)
            except Refused as error:
                raise DriverError(f'plugin "{name}" is not activated: {error.message}') from error
            self._active[name] = address, tuple(map(str, told.get("Implements") or ()))
        return self._active[name]

    async def _wait_found(self, name: str, patience_s: float) -> None:
        """Returns when there is a plugin of this name, or nobody has the patience to wait for it."""
        waited, wait = 0.0, _FIRST_WAIT_S
        while name not in await asyncio.to_thread(plugin_names, self._folders) and waited + wait <= patience_s:
            await asyncio.sleep(wait)
            waited, wait = waited + wait, 2 * wait


def _listens(address: Address) -> bool:
    """Whether somebody is behind a UNIX socket; of another address True. Blocking."""
    if not address.path:
        return True
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(LOOK_S)
            line.connect(address.path)
    except OSError:
        return False
    return True
