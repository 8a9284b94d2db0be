"""A fake host for each test: its own network namespace, with another host behind its uplink."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from tests.support.leftovers import new_folder, processes
from tests.support.network import Engine, Hosts, engine, fake_hosts


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces")
    with fake_hosts() as made:
        yield made


@pytest.fixture
def root() -> Iterator[Path]:
    """Short: UNIX sockets end at 108 bytes."""
    path = new_folder("shn")
    yield path
    left = processes([path])
    for process in left:
        os.kill(int(process.split()[1].rstrip(":")), signal.SIGKILL)
    rmtree(path)
    assert not left


@pytest.fixture
async def shoal(hosts: Hosts, root: Path) -> AsyncIterator[Engine]:
    """Networks of one engine on the fake host."""
    async with engine(root) as made:
        yield made
