"""An engine that dies when it is told to, one for a module."""

import os
from collections.abc import Iterator

import pytest

from tests.support.crashing import CrashingEngine, crashing_engine


@pytest.fixture(scope="module")
def crashing() -> Iterator[CrashingEngine]:
    if os.geteuid() != 0:
        pytest.skip("needs root: real namespaces, mounts and networks")
    with crashing_engine() as engine:
        yield engine


@pytest.fixture(autouse=True)
def no_containers_left(crashing: CrashingEngine) -> Iterator[None]:
    """A test that fails leaves nothing to the next one."""
    yield
    crashing.remove_containers()
