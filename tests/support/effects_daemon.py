"""A shoald that kills itself with SIGKILL at the n-th effect after it was told to.

python -m tests.support.effects_daemon --root …   reads n from the file of SHOAL_TEST_CRASH_FILE, once it is there.
Effects are the calls of drivers and store that change something outside the process; the call is not made any more.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from shoal.daemon.main import main
from shoal.drivers.layers.snapshots import OverlaySnapshots
from shoal.drivers.local_volumes import LocalVolumes
from shoal.drivers.runtime.runtime import CrunRuntime
from shoal.drivers.sqlite_store import SqliteStore
from shoal.engine.networks import Networks

EFFECTS: dict[type, tuple[str, ...]] = {
    SqliteStore: ("commit",),
    OverlaySnapshots: ("prepare", "mount", "unmount", "remove"),
    LocalVolumes: ("create", "fill", "remove"),
    CrunRuntime: ("create", "start", "kill", "delete"),
    Networks: ("join", "leave"),
}
_ORDER = Path(os.environ.get("SHOAL_TEST_CRASH_FILE", "/nonexistent"))
_seen = 0


def _count(name: str) -> None:
    global _seen
    if not _ORDER.exists():
        return
    _seen += 1
    if _seen >= int(_ORDER.read_text()):
        _ORDER.with_suffix(".done").write_text(name)
        os.kill(os.getpid(), signal.SIGKILL)


def _counted(kind: type, name: str) -> Callable[..., Awaitable[Any]]:
    real = getattr(kind, name)

    async def call(self: Any, *args: Any, **options: Any) -> Any:
        _count(f"{kind.__name__}.{name}")
        return await real(self, *args, **options)

    return call


if __name__ == "__main__":
    for kind, names in EFFECTS.items():
        for name in names:
            setattr(kind, name, _counted(kind, name))
    sys.exit(main())
