"""`contracts.networking.Subnets`, by files that all engines of a host see.

Whoever has subnets keeps a note of them below /run/shoal-subnets, in a file named by the inode of its network namespace
and by its owner. It holds a lock on the file as long as it lives: what nobody holds counts for nothing, however its
engine ended. A lock on the folder lets one at a time choose; it is held for as long as it takes to read the notes and
to write one, not until a bridge is there.
"""

import asyncio
import fcntl
import json
import logging
import os
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path

from shoal.contracts.networking import Choosing
from shoal.drivers.files.locks import try_lock
from shoal.drivers.network import netlink as nl
from shoal.drivers.threads import in_thread

FOLDER = Path("/run/shoal-subnets")
PATIENCE_S = 5.0  #: with an engine that is choosing; one that was stopped (SIGSTOP) meanwhile must not stop the others
_AGAIN_S = 0.002

log = logging.getLogger("shoal.subnets")


class HostSubnets:
    """The subnets of one owner: an engine, or the part of a cluster that it is. owner: a path that no other one has"""

    def __init__(self, owner: Path, folder: Path = FOLDER, patience_s: float = PATIENCE_S) -> None:
        self._folder = folder
        self._patience_s = patience_s
        self._owner = str(owner)
        self._network = f"{os.stat('/proc/thread-self/ns/net').st_ino}-"
        self._name = self._network + sha256(self._owner.encode()).hexdigest()[:12]
        self._note = -1

    @asynccontextmanager
    async def choosing(self) -> AsyncIterator[Choosing]:
        """See the contract. Where there can be no notes, others are seen by their routes alone."""
        turn = await self._turn()
        try:
            yield self
        finally:
            if turn >= 0:
                os.close(turn)

    async def _turn(self) -> int:
        """A descriptor of the folder with its lock; -1 where there is no folder."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            log.warning("no notes of subnets: %s", error, extra={"folder": str(self._folder)})
            return -1
        try:
            async with asyncio.timeout(self._patience_s):
                while not try_lock(folder):  # noqa: ASYNC110 - a lock of the kernel's, which tells nobody
                    await asyncio.sleep(_AGAIN_S)
        except TimeoutError:
            log.warning("an engine of this host keeps choosing a subnet, and is not waited for any longer")
        except BaseException:
            os.close(folder)
            raise
        return folder

    async def taken(self) -> tuple[str, ...]:
        """See the contract."""
        return await in_thread(self._taken)

    def _taken(self) -> tuple[str, ...]:
        with nl.Netlink() as netlink:
            routes = [destination for destination, _, _ in netlink.routes() if not destination.endswith("/0")]
        return tuple(dict.fromkeys([*routes, *self._of_others()]))

    def _of_others(self) -> Iterator[str]:
        """What the living ones of this network namespace have; notes of the dead are taken away."""
        for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            if path.name == self._name:
                continue  # ours, or of an engine before us
            try:
                yield from _read(path) if path.name.startswith(self._network) else _prune(path)
            except (OSError, ValueError, KeyError) as error:
                log.warning("a note of subnets is not read: %s", error, extra={"note": str(path)})

    async def keep(self, subnets: Collection[str]) -> None:
        """The note says these; none where there are none."""
        try:
            await in_thread(self._write, list(dict.fromkeys(subnets)))
        except OSError as error:
            log.warning("no note of this engine's subnets: %s", error, extra={"folder": str(self._folder)})

    def _write(self, subnets: list[str]) -> None:
        path = self._folder / self._name
        if self._note >= 0 and (not subnets or not path.exists()):
            path.unlink(missing_ok=True)
            os.close(self._note)
            self._note = -1
        if subnets:
            if self._note < 0:
                self._note = _open(path)
            text = json.dumps({"owner": self._owner, "subnets": subnets}).encode()
            os.pwrite(self._note, text, 0)
            os.ftruncate(self._note, len(text))


def _open(path: Path) -> int:
    """A new note, locked for as long as the process lives. Raises: OSError where another process holds it"""
    note = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if not try_lock(note):
        os.close(note)
        raise BlockingIOError(f"{path} is another engine's")
    return note


def _read(path: Path) -> list[str]:
    note = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if try_lock(note, fcntl.LOCK_SH):
            path.unlink(missing_ok=True)
            return []
        found = json.loads(os.pread(note, os.fstat(note).st_size, 0))
        return [str(subnet) for subnet in found["subnets"]]
    finally:
        os.close(note)


def _prune(path: Path) -> list[str]:
    """Nothing: of another network namespace. Many of these don't live long."""
    with suppress(FileNotFoundError):
        _read(path)
    return []
