from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.disk import Disk


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    found = Disk(tmp_path / "root")
    yield found
    for key in found.snapshots.keys():  # noqa: SIM118
        await found.snapshots.unmount(key)
    found.close()
