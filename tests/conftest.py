"""Fixtures that several kinds of tests share."""

import os
from collections.abc import Iterator

import pytest

from tests.support.engine import EngineProcess, engine_with_busybox


@pytest.fixture(scope="module")
def module_engine() -> Iterator[EngineProcess]:
    """One engine for all tests of a module, with busybox."""
    if os.geteuid() != 0:
        pytest.skip("needs root: real namespaces, mounts and networks")
    with engine_with_busybox() as engine:
        yield engine


@pytest.fixture
def engine(module_engine: EngineProcess) -> Iterator[EngineProcess]:
    """The module's engine; what a test made is removed after it."""
    yield module_engine
    if module_engine.process is not None and module_engine.process.poll() is not None:
        module_engine.start()
    module_engine.remove_everything()


@pytest.fixture
def fresh_engine() -> Iterator[EngineProcess]:
    """An engine for one test alone, with busybox."""
    if os.geteuid() != 0:
        pytest.skip("needs root: real namespaces, mounts and networks")
    with engine_with_busybox() as engine:
        yield engine
