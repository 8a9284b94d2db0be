"""The firewall kept in step: what is sent for which change."""

from collections.abc import Collection

import pytest

from shoal.engine.networks.gate import Gate
from shoal.errors import DriverError
from shoal.lifecycle.network.firewall import Bridge, Forward

BRIDGE = Bridge(interface="br0", subnets=("10.1.0.0/16",))
PORT = Forward(protocol="tcp", host_ip="0.0.0.0", host_port=80, target_ip="10.1.0.2", target_port=80)
MOVED = Forward(protocol="tcp", host_ip="0.0.0.0", host_port=80, target_ip="10.1.0.3", target_port=80)


class Kernel:
    """Takes transactions; refuses the next `failures` ones."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.forgotten: list[set[int]] = []
        self.failures = 0

    async def has_table(self, family: str, table: str) -> bool:
        return True

    async def wait_deleted(self, table: str) -> None:
        raise NotImplementedError

    async def forget_udp(self, ports: Collection[int]) -> None:
        self.forgotten.append(set(ports))

    async def apply(self, text: str) -> None:
        if self.failures:
            self.failures -= 1
            raise DriverError("nftables: no such table")
        self.texts.append(text)


async def test_only_differences_are_sent() -> None:
    kernel = Kernel()
    gate = Gate(kernel, "t")
    gate.set_bridge("n", BRIDGE)
    await gate.rebuild()
    gate.set_forwards("c", (PORT,))
    await gate.settle()
    await gate.settle()
    gate.set_forwards("c", ())
    gate.set_forwards("d", (MOVED,))
    await gate.settle()
    assert kernel.texts[1:] == [
        "add element ip t ports { tcp . 80 : 10.1.0.2 . 80 }\n",
        "delete element ip t ports { tcp . 80 }\nadd element ip t ports { tcp . 80 : 10.1.0.3 . 80 }\n",
    ]


async def test_tables_that_somebody_flushed_are_put_back_whole() -> None:
    kernel = Kernel()
    gate = Gate(kernel, "t")
    gate.set_bridge("n", BRIDGE)
    await gate.rebuild()
    kernel.failures = 1
    gate.set_forwards("c", (PORT,))
    await gate.settle()
    assert kernel.texts[-1].startswith("table ip t\ndelete table ip t\n")
    assert "tcp . 80 : 10.1.0.2 . 80" in kernel.texts[-1] and '"br0"' in kernel.texts[-1]


async def test_what_the_kernel_refused_twice_is_tried_again_with_the_next_change() -> None:
    kernel = Kernel()
    gate = Gate(kernel, "t")
    await gate.rebuild()
    kernel.failures = 2
    gate.set_forwards("c", (PORT,))
    with pytest.raises(DriverError):
        await gate.settle()
    await gate.settle()
    assert "10.1.0.2" in kernel.texts[-1]


async def test_udp_flows_are_forgotten_when_their_port_changes() -> None:
    kernel = Kernel()
    gate = Gate(kernel, "t")
    await gate.rebuild()
    dns = Forward(protocol="udp", host_ip="127.0.0.1", host_port=53, target_ip="10.1.0.2", target_port=5353)
    gate.set_forwards("c", (PORT, dns))
    await gate.settle()
    gate.set_forwards("c", (PORT,))
    await gate.settle()
    gate.set_forwards("c", ())
    await gate.settle()
    assert kernel.forgotten == [{53}, {53}]
