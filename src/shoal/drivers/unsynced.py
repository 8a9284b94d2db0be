"""What was written and may not be on the disk yet: after a loss of power it can't be trusted.

A file that was renamed into its place is seen by everyone at once, but its content reaches the disk when the kernel
gets to it. To wait for that would make each pull as slow as the disk. So each such thing leaves a mark before it is
renamed; marks go when a later sync has covered them. What a former boot of the machine has left marks of is suspect.

    <folder>/<boot id>/<kind>-<name>       one mark, an empty file

Source: syncfs(2); rename and journal order of ext4 and xfs: a mark made before a rename is there if the rename is.
"""

import contextlib
import ctypes
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger("shoal.images")

#: The kernel writes back by itself what is 30 s old (vm.dirty_expire_centisecs): a sync after that has little to do.
SYNC_AFTER_S = 35.0
_PATIENCE_S = 1.0

_libc = ctypes.CDLL(None, use_errno=True)


class Unsynced:
    """The marks of one engine. Thread-safe."""

    def __init__(self, folder: Path, boot_id: str, *, sync_after_s: float = SYNC_AFTER_S) -> None:
        self._folder = folder
        self._marks = folder / boot_id
        self._sync_after_s = sync_after_s
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._syncer: threading.Thread | None = None

    def open(self) -> None:
        """Make the folder; take over the marks of an earlier engine of this boot."""
        self._marks.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._closed.clear()
        if os.listdir(self._marks):
            self._start()

    def add(self, kind: str, name: str) -> None:
        """Mark what is about to be renamed into its place. kind: a word without "-". Raises: OSError"""
        os.close(os.open(self._marks / f"{kind}-{name}", os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._start()

    def suspects(self, kind: str) -> Sequence[str]:
        """Names of this kind that former boots have marked and that no sync has covered."""
        marks = {mark.name.partition("-") for boot in self._former() for mark in boot.iterdir()}
        return sorted(name for marked, _, name in marks if marked == kind)

    def forget(self, kind: str, name: str) -> None:
        """What was suspect is found good, or is gone."""
        for boot in self._former():
            (boot / f"{kind}-{name}").unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # there are more marks in it
                boot.rmdir()

    def _former(self) -> list[Path]:
        return [boot for boot in self._folder.iterdir() if boot != self._marks]

    def _start(self) -> None:
        with self._lock:
            if self._syncer is None and not self._closed.is_set():
                self._syncer = threading.Thread(target=self._sync_later, name="sync", daemon=True)
                self._syncer.start()

    def _sync_later(self) -> None:
        while not self._closed.wait(self._sync_after_s):
            try:
                self.sync()
            except OSError as error:
                log.warning("what was written is not known to be on the disk: %s", error)
            with self._lock:
                if not self._marks.is_dir() or not os.listdir(self._marks):  # nothing is left, maybe of the engine
                    self._syncer = None
                    return

    def sync(self) -> None:
        """Everything that is marked now is on the disk; the marks go. Raises: OSError"""
        marks = os.listdir(self._marks)
        fd = os.open(self._marks, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if _libc.syncfs(fd) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(fd)
        for mark in marks:
            (self._marks / mark).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go. Marks stay: the next engine of this boot goes on with them."""
        self._closed.set()
        if self._syncer is not None:
            self._syncer.join(_PATIENCE_S)  # a sync under way may take as long as the disk wants
            self._syncer = None


def boot_id() -> str:
    """What tells this boot of the machine from all others."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
