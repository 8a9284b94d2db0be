"""What a node was last told, kept for an engine that starts while no manager can be reached."""

import asyncio
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec

from shoal.model.cluster.assignment import Assignment

log = logging.getLogger("shoal.cluster.agent")

SAVE_S = 0.05  #: changes of so much time are written together


class Record(Protocol):
    """Bytes that outlive the engine."""

    async def load(self) -> bytes:
        """What was saved last, b"" = nothing."""
        ...

    async def save(self, data: bytes) -> None: ...


class FileRecord:
    """`Record` in one file that nobody else reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self) -> bytes:
        """See `Record`."""
        return await asyncio.to_thread(self._read)

    async def save(self, data: bytes) -> None:
        """See `Record`; the old content or the new one, whenever the engine stops. (A power loss ends all tasks.)"""
        await asyncio.shield(asyncio.to_thread(self._write, data))

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""

    def _write(self, data: bytes) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
        new.rename(self._path)


class NoRecord:
    """`Record` that keeps nothing."""

    async def load(self) -> bytes:
        """Nothing."""
        return b""

    async def save(self, data: bytes) -> None:
        """Nothing is kept."""


class Recorder:
    """Writes the newest assignment, never the values of secrets and configs."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._newest: Assignment | None = None
        self._dirty = asyncio.Event()

    def note(self, assignment: Assignment) -> None:
        """To be written soon."""
        self._newest = assignment
        self._dirty.set()

    async def last(self) -> Assignment | None:
        """What was written last, None = nothing that can be read."""
        try:
            data = await self._record.load()
            return msgspec.json.decode(data, type=Assignment) if data else None
        except (OSError, msgspec.MsgspecError) as error:
            log.error("cannot read what this node was last told: %s", error)
            return None

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self.flush()
            await asyncio.sleep(SAVE_S)

    async def flush(self) -> None:
        """What was noted is written."""
        if self._newest is None:
            return
        data = msgspec.json.encode(replace(self._newest, files={}))
        try:
            await self._record.save(data)
        except OSError as error:
            log.error("cannot write down what this node was told: %s", error)

    async def erase(self) -> None:
        """Nothing is known any more."""
        self._newest = None
        await self._record.save(b"")
