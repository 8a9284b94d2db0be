"""Fixtures that several kinds of tests share."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support import leftovers
from tests.support.engine import EngineProcess, engine_with_busybox

# `quick` tries the same cases every time, so that a change alone turns a test red; `thorough` looks for new ones.
UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "quick", max_examples=30, derandomize=True, database=None, deadline=None, suppress_health_check=UNHURRIED
)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=UNHURRIED)
settings.load_profile(os.environ.get("SHOAL_TEST_PROFILE", "quick"))

# A shell that starts a job behind its back lets it ignore Ctrl-C, and so all programs that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def nothing_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The machine is as it was, as far as this session goes, when its last test has ended."""
    mark = leftovers.mark_session()
    yield
    left = leftovers.once_settled(mark, tmp_path_factory.getbasetemp())
    if left:
        pytest.fail("left behind by this session, not by its last test alone:\n  " + "\n  ".join(left), pytrace=False)


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
