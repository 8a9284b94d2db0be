"""The drivers of one engine on a host of its own: a network namespace with another host behind its uplink."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import pytest

from shoal.contracts.networking import Firewall, Links
from shoal.drivers.network.links import HostLinks
from shoal.drivers.network.nftables import Nftables
from tests.support.leftovers import new_folder
from tests.support.network import fake_hosts

PREFIXES = ("vtest", "stest")


@dataclass
class Drivers:
    run: Path
    firewall: Firewall
    links: Links


@pytest.fixture
def run() -> Iterator[Path]:
    folder = new_folder("shc")
    yield folder
    rmtree(folder)


@pytest.fixture
async def drivers(run: Path) -> AsyncIterator[Drivers]:
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces")
    with fake_hosts():
        nftables = Nftables()
        links = HostLinks(run, PREFIXES, 77, nftables, Path("/etc"))
        yield Drivers(run, nftables, links)
        for name in await links.pinned():
            await links.destroy(name, ())
        await links.sweep(())
        await links.close()
