"""Notes of subnets: who chooses at a time, and whose notes count."""

import asyncio
from pathlib import Path

from shoal.drivers.network.namespace import inside
from shoal.drivers.network.subnets import HostSubnets
from tests.support.network import Hosts

NET = "198.51.100.0/25"  # for documents, so on no host


async def kept(subnets: HostSubnets, *cidrs: str) -> None:
    async with subnets.choosing() as host:
        await host.keep(cidrs)


async def seen(subnets: HostSubnets) -> bool:
    """Whether NET is taken for this one."""
    async with subnets.choosing() as host:
        return NET in await host.taken()


async def test_one_at_a_time(tmp_path: Path) -> None:
    first, second = HostSubnets(Path("/a"), tmp_path), HostSubnets(Path("/b"), tmp_path)
    async with first.choosing() as host:
        waiting = asyncio.create_task(seen(second))
        await host.taken()
        await host.keep([NET])
        assert not waiting.done()
    assert await waiting


async def test_what_is_kept_is_taken_for_others_alone_and_until_it_is_kept_no_more(tmp_path: Path) -> None:
    one, other = HostSubnets(Path("/a"), tmp_path), HostSubnets(Path("/b"), tmp_path)
    await kept(one, NET, "198.51.100.128/25")
    assert (await seen(one), await seen(other)) == (False, True)
    await kept(one, "198.51.100.128/25")
    assert not await seen(other)
    await kept(one)
    assert list(tmp_path.iterdir()) == []


async def test_who_was_stopped_while_it_chose_is_waited_for_a_while_only(tmp_path: Path) -> None:
    stopped, other = HostSubnets(Path("/a"), tmp_path), HostSubnets(Path("/b"), tmp_path, patience_s=0.05)
    async with stopped.choosing() as host:
        await host.keep([NET])
        assert await seen(other)


async def test_one_that_is_cancelled_holds_up_nobody(tmp_path: Path) -> None:
    holding, waiting, other = (HostSubnets(Path(f"/{name}"), tmp_path) for name in "abc")
    async with holding.choosing():
        cancelled = asyncio.create_task(kept(waiting, NET))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
    assert not await seen(other)


async def test_notes_of_the_dead_count_for_nothing_and_go(tmp_path: Path) -> None:
    one = HostSubnets(Path("/a"), tmp_path)
    await kept(one, NET)
    (note,) = tmp_path.iterdir()
    text = note.read_text()
    await kept(one)
    note.write_text(text)  # nobody holds it
    assert not await seen(HostSubnets(Path("/b"), tmp_path))
    assert list(tmp_path.iterdir()) == []


async def test_other_network_namespaces_have_their_own(hosts: Hosts, tmp_path: Path) -> None:
    here = HostSubnets(Path("/a"), tmp_path)
    with inside(hosts.outside, hosts.home):
        there = HostSubnets(Path("/b"), tmp_path)
    await kept(there, NET)
    assert not await seen(here)
    assert len(list(tmp_path.iterdir())) == 1, "its owner lives"


async def test_without_a_folder_routes_are_seen(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one = HostSubnets(Path("/a"), tmp_path / "file")
    await kept(one, NET)
    async with one.choosing() as host:
        assert any(subnet.startswith("10.77.") for subnet in await host.taken())
