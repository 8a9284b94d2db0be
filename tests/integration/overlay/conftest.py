"""Three hosts for a whole module; what a test made is cleared after it."""

from collections.abc import Iterator

import pytest

from tests.support.overlay import Plan, overlay_farm


@pytest.fixture(scope="module")
def three() -> Iterator[Plan]:
    with overlay_farm(3, images="stand-ins") as plan:
        # With br_netfilter the bridge translates, without it the host's IP layer: both must work.
        plan.hosts[2].exec("sysctl", "-w", "net.bridge.bridge-nf-call-iptables=0", check=False)
        plan.hosts[2].exec("sysctl", "-w", "net.bridge.bridge-nf-call-ip6tables=0", check=False)
        plan.network("ingress", "10.0.0.0/16", "fd10::/64", ingress=True)
        plan.tell()
        yield plan


@pytest.fixture
def plan(three: Plan) -> Iterator[Plan]:
    yield three
    three.clear()
