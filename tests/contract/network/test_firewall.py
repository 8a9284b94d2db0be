"""Transactions on the kernel's firewall."""

import asyncio

import pytest

from shoal.errors import DriverError
from tests.contract.network.conftest import Drivers

TABLE = "table ip shoaltest"


async def test_a_transaction_is_carried_out(drivers: Drivers) -> None:
    assert not await drivers.firewall.has_table("ip", "shoaltest")
    await drivers.firewall.apply(f"add {TABLE}\n")
    assert await drivers.firewall.has_table("ip", "shoaltest")
    assert not await drivers.firewall.has_table("ip6", "shoaltest")
    await drivers.firewall.apply(f"delete {TABLE}\n")
    assert not await drivers.firewall.has_table("ip", "shoaltest")


@pytest.mark.parametrize("line", ["delete table ip nowhere", "add rule ip shoaltest nochain accept", "nonsense"])
async def test_one_bad_line_undoes_the_whole(drivers: Drivers, line: str) -> None:
    with pytest.raises(DriverError, match="nftables"):
        await drivers.firewall.apply(f"add {TABLE}\n{line}\n")
    assert not await drivers.firewall.has_table("ip", "shoaltest")


async def test_transactions_side_by_side_all_count(drivers: Drivers) -> None:
    await drivers.firewall.apply(f"add {TABLE}\nadd set ip shoaltest s {{ type inet_service; }}\n")
    element = "add element ip shoaltest s"
    await asyncio.gather(*(drivers.firewall.apply(f"{element} {{ {port} }}\n") for port in range(1, 21)))
    for port in range(1, 21):  # what is there can be taken out once
        await drivers.firewall.apply(f"delete element ip shoaltest s {{ {port} }}\n")
    with pytest.raises(DriverError):
        await drivers.firewall.apply("delete element ip shoaltest s { 1 }\n")


async def test_a_deletion_is_noticed_whoever_did_it(drivers: Drivers) -> None:
    await drivers.firewall.apply(f"add {TABLE}\nadd table ip other\n")
    waiting = asyncio.ensure_future(drivers.firewall.wait_deleted("shoaltest"))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    await drivers.firewall.apply("delete table ip other\n")
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    await drivers.firewall.apply("flush ruleset\n")
    await asyncio.wait_for(waiting, 5)


async def test_flows_of_ports_that_nobody_uses_are_forgotten_too(drivers: Drivers) -> None:
    await drivers.firewall.forget_udp([5000, 5001])
    await drivers.firewall.forget_udp([])
