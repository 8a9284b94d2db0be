"""What info says to programs that look before they ask."""

import re

from shoal.model.settings import Settings
from shoal.model.system import HostFacts
from shoal.wire.system import Counts, encode_info


def _info(version: str) -> dict[str, object]:
    host = HostFacts(
        hostname="h",
        kernel="6.1",
        architecture="x86_64",
        operating_system="Debian",
        os_version="12",
        cpus=2,
        memory_bytes=1 << 30,
        cgroup_version=2,
    )
    counts = Counts(running=1, paused=2, stopped=3, images=4, listeners=5)
    return encode_info(Settings(), host, counts, engine_id="e", version=version, now="")


def test_the_server_version_is_one_that_cadvisor_can_read_and_accepts():
    """Source: cAdvisor, container/docker/docker.go: exactly one x.y.z, at least 1.0.0"""
    for version in ("0.1.0", "1.12.3", "2.0"):
        told = str(_info(version)["ServerVersion"])
        found = re.findall(r"(\d+)\.(\d+)\.(\d+)", told)
        assert len(found) == 1 and int(found[0][0]) >= 20, told
        assert told.endswith("+shoal." + ".".join(version.split(".")[:2]))


def test_containers_are_counted_in_all_and_by_state():
    info = _info("1.0.0")
    assert [info[f"Containers{state}"] for state in ("", "Running", "Paused", "Stopped")] == [6, 1, 2, 3]
