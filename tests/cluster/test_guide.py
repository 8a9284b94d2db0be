"""What docs/cluster.md tells people to type, on three machines."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clusters
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, hosts

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TOKEN = re.compile(r"SWMTKN-1-\S+")


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3, images="stand-ins") as farm:
        yield farm


def typed(host: Host, start: str, changes: dict[str, str] | None = None) -> str:
    """What the one block of the page that begins with `start` prints; the first command that fails ends it."""
    [block] = [block for block in BLOCKS if block.startswith(start)]
    for old, new in (changes or {}).items():
        assert old in block
        block = block.replace(old, new)
    lines = [line.split() for line in block.splitlines()]
    assert all(words[0] == "shoal" for words in lines)
    return "".join(host.shoal(*words[1:]).stdout for words in lines)


def page(farm: Farm, host: Host) -> bool:
    """Whether the published port of a host shows the page."""
    done = farm.outside.exec("curl", "-s", "-m", "5", f"http://{host.address}:8080/", check=False)
    return "nginx" in done.stdout


def test_from_one_machine_to_three_and_back(farm: Farm) -> None:
    one, two, three = farm
    address = {"192.168.1.108": one.address}
    token = TOKEN.search(typed(one, "shoal swarm init", address))
    assert token
    for host in (two, three):
        said = typed(host, "shoal swarm join", {"SWMTKN-1-…": token[0], **address})
        assert said == "This node joined a swarm as a worker.\n"
    wait_for("all nodes are ready", lambda: one.shoal("node", "ls").stdout.count(" Ready ") == 3)

    said = typed(one, "shoal node ls\nshoal service create")
    assert "overall progress: 3 out of 3 tasks\nverify: Service converged\n" in said
    assert all(re.search(rf"web\.\d +nginx:latest +{host.name} +Running", said) for host in farm)
    for host in farm:
        wait_for(f"the page of {host.name}", lambda host=host: page(farm, host))  # type: ignore[misc]

    refused = two.shoal("node", "ls", check=False)
    assert refused.returncode == 1
    assert refused.stderr.endswith(f"hint: this node is a worker; managers are on {one.address}\n")

    typed(one, "shoal node promote")

    def managers() -> list[str]:
        listed = two.shoal("node", "ls", "--format", "{{.ManagerStatus}}", check=False).stdout
        return sorted(listed.split())

    wait_for("three managers", lambda: managers() == ["Leader", "Reachable", "Reachable"], 60)
    assert typed(three, "shoal node update --availability drain") == "host3\nhost3\n"

    farm.kill(two)
    farm.kill(three)
    said = typed(one, "shoal swarm recover")
    assert said.startswith("Swarm recovered: current node (")
    wait_for("the others are down", lambda: clusters.node_state(one, two) == "down", 30)
    assert one.shoal("node", "rm", "--force", "host2", "host3").stdout == "host2\nhost3\n"
    wait_for(
        "three tasks run here", lambda: set(clusters.hostnames(one, clusters.running(one, "web"))) == {"host1"}, 30
    )
    assert one.shoal("swarm", "join-token", "-q", "worker").stdout.strip() == token[0]
    for host in (two, three):
        host.engine.start()
        assert host.shoal("swarm", "leave", "--force").stdout == "Node left the swarm.\n"
