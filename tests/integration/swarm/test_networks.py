"""Overlay networks that come and go on a cluster of one node."""

from pathlib import Path

import pytest

from tests.support.engine import wait_for
from tests.support.swarm import OneNode

STACK = """
services:
  a: {image: busybox, command: sleep 100, networks: [n], stop_grace_period: 1s}
networks:
  n:
"""


def bridges(node: OneNode) -> set[str]:
    """Links of this engine's networks."""
    return {link.name for link in Path("/sys/class/net").iterdir() if node.engine.tag in link.name}


def listed(node: OneNode, name: str) -> list[str]:
    """Ids of the networks of this name."""
    return [network["Id"] for network in node.call("GET", "/networks") if network["Name"] == name]


def make(node: OneNode) -> str:
    return str(node.call("POST", "/networks/create", {"Name": "back", "Driver": "overlay"})["Id"])


def test_a_network_is_gone_at_once_and_its_bridge_with_the_last_container(node: OneNode) -> None:
    ingress = wait_for("the mesh's network", lambda: listed(node, "ingress"))[0]  # a moment after `init` has returned
    wait_for("its bridge", lambda: any(ingress[:8] in name for name in bridges(node)))
    (ingress,) = listed(node, "ingress")
    before = wait_for("the ingress network", lambda: {n for n in bridges(node) if ingress[:8] in n} and bridges(node))
    first = make(node)
    # It takes no notice of SIGTERM: its container stays for the two seconds that it has.
    stubborn = {"Command": ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], "StopGracePeriod": 2_000_000_000}
    node.create("web", container=stubborn, task={"Networks": [{"Target": first}]})
    node.running("web", 1)
    assert bridges(node) > before
    node.remove("web")
    node.call("DELETE", f"/networks/{first}")
    assert listed(node, "back") == []
    assert node.engine.call("GET", "/networks/back")[0] == 404

    second = make(node)
    assert listed(node, "back") == [second]
    node.create(
        "api", container={"Command": ["sleep", "100"], "StopGracePeriod": 0}, task={"Networks": [{"Target": "back"}]}
    )
    (task,) = node.running("api", 1)
    assert task["NetworksAttachments"][0]["Network"]["ID"] == second
    wait_for("the first network's bridge goes", lambda: not any(first[:8] in name for name in bridges(node)))
    assert any(second[:8] in name for name in bridges(node))

    node.remove("api")
    node.call("DELETE", "/networks/back")
    wait_for("no bridge is left", lambda: bridges(node) <= before)


@pytest.mark.parametrize("tool", ["docker", "shoal"])
def test_a_stack_is_deployed_again_right_after_it_was_removed(node: OneNode, tmp_path: Path, tool: str) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text(STACK)
    run = getattr(node.engine, tool)
    for _ in range(3):
        run("stack", "deploy", "--detach", "--resolve-image", "never", "-c", str(file), "again")
        node.running("again_a", 1)
        run("stack", "rm", "again")


def test_a_container_starts_on_a_network_that_was_made_a_moment_ago(node: OneNode) -> None:
    for number in range(5):
        name = f"new{number}"
        spec = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": name, "AutoRemove": True}}
        container = node.call("POST", "/containers/create", spec)["Id"]
        node.call("POST", "/networks/create", {"Name": name, "Driver": "overlay", "Attachable": True})
        node.call("POST", f"/containers/{container}/start")
