"""Logs of a service whose tasks run on several machines."""

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.support import clusters
from tests.support.engine import wait_for
from tests.support.hosts import Farm, hosts

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed here")

SAY = "trap 'exit 0' TERM; for i in 0 1 2 3 4; do echo line $i; sleep 0.1; done; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(2) as farm:
        clusters.found(farm[0], workers=[farm[1]])
        yield farm
        clusters.remove_services(farm[0])


def test_lines_come_from_every_node_in_order_of_time_and_one_that_is_cut_off_is_named(farm: Farm) -> None:
    manager, worker = farm
    container = {"Image": "busybox", "Args": ["sh", "-c", SAY], "StopGracePeriod": 10**9}
    body = {"Name": "talk", "TaskTemplate": {"ContainerSpec": container}, "Mode": {"Global": {}}}
    assert manager.engine.call("POST", "/services/create", body)[0] == 201
    clusters.wait_running(manager, "talk", 2)

    def told(*flags: str) -> list[str]:
        return manager.docker("service", "logs", *flags, "talk").stdout.splitlines()

    wait_for("all is said", lambda: len(told()) == 10)
    lines = told("--timestamps")
    assert [line.split(" ")[0] for line in lines] == sorted(line.split(" ")[0] for line in lines)
    for host in farm:
        own = [line for line in lines if re.search(rf"@{host.name} ", line)]
        assert [line.rpartition("| ")[2] for line in own] == [f"line {i}" for i in range(5)]

    [task] = [t for t in clusters.running(manager, "talk") if t["NodeID"] == clusters.swarm_info(worker)["NodeID"]]
    farm.cut(worker)
    status, stream = manager.engine.call("GET", f"/tasks/{task['ID']}/logs?stdout=1")
    assert status == 200 and b"some logs could not be retrieved" in stream
    farm.heal(worker)
