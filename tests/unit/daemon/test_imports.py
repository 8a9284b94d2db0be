"""What a fresh engine loads."""

import subprocess
import sys

#: code of a cluster that a node outside one has no use for, and what that code needs
OF_A_CLUSTER = (
    "cryptography",
    "shoal.cluster",
    "shoal.drivers.cluster",
    "shoal.swarm.agent",
    "shoal.swarm.manager",
    "shoal.swarm.nodes",
    "shoal.swarm.pki",
    "shoal.swarm.sealing",
    "shoal.swarm.membership.membership",
)


def test_an_engine_outside_a_cluster_loads_nothing_of_one():
    code = "import sys, shoal.daemon.main; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "shoal.daemon.swarm" in out
    assert [name for name in out if name.startswith(OF_A_CLUSTER)] == []
