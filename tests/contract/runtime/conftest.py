import shutil
from collections.abc import AsyncIterator

import pytest

from tests.support.leftovers import new_folder
from tests.support.runtime import Box, cgroups_left, new_runtime


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    base = new_folder("rt")
    runtime = new_runtime(base)
    box = Box(runtime, base)
    yield box
    await box.runtime.delete(box.id)
    await box.runtime.close()
    left = cgroups_left(box.runtime)
    shutil.rmtree(base)
    assert not left
