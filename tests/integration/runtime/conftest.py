import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.runtime import Box, cgroups_left, new_runtime


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    base = Path(tempfile.mkdtemp(prefix="rt", dir="/tmp"))
    runtime = new_runtime(base)
    box = Box(runtime, base)
    yield box
    await box.runtime.delete(box.id)
    await box.runtime.close()
    left = cgroups_left(box.runtime)
    shutil.rmtree(base)
    assert not left
