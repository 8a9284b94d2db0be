"""Services on one node: as many tasks run as are wanted, whatever happens to their containers."""

import itertools
import time
from contextlib import suppress
from urllib.request import urlopen

import pytest

from tests.support.deadlines import patient
from tests.support.engine import wait_for
from tests.support.ports import free_port
from tests.support.swarm import OneNode, container_id


def test_a_service_runs_soon_and_its_containers_say_whose_they_are(node: OneNode) -> None:
    began = time.monotonic()
    service = node.create("web", replicas=2)
    tasks = node.running("web", 2)
    assert time.monotonic() - began < patient(3)
    names = {f"/web.{task['Slot']}.{task['ID']}" for task in tasks}
    assert {name for item in node.containers(all=False) for name in item["Names"]} == names
    for task in tasks:
        labels = node.container(task)["Config"]["Labels"]
        assert labels["com.docker.swarm.service.id"] == service
        assert labels["com.docker.swarm.service.name"] == "web"
        assert labels["com.docker.swarm.task.id"] == task["ID"]
        assert labels["com.docker.swarm.node.id"] == task["NodeID"]


def test_scaling_keeps_the_tasks_that_stay(node: OneNode) -> None:
    node.create("web", replicas=2)
    first = {task["ID"] for task in node.running("web", 2)}
    node.scale("web", 5)
    more = {task["ID"] for task in node.running("web", 5)}
    assert first < more
    node.scale("web", 1)
    left = node.running("web", 1)
    assert {task["ID"] for task in left} < more
    wait_for("the others are gone", lambda: len(node.containers()) == 1)


def test_a_removed_service_leaves_nothing(node: OneNode) -> None:
    node.create("web", replicas=3)
    node.running("web", 3)
    node.remove("web")
    wait_for("no container is left", lambda: not node.containers())
    wait_for("no task is left", lambda: not node.tasks())


def test_a_container_that_is_killed_or_removed_comes_back_in_its_slot(node: OneNode) -> None:
    node.create("web", replicas=3)
    killed, removed, stopped = node.running("web", 3)
    node.call("POST", f"/containers/{container_id(killed)}/kill")
    node.call("DELETE", f"/containers/{container_id(removed)}?force=1")
    node.call("POST", f"/containers/{container_id(stopped)}/stop")
    gone = {task["ID"] for task in (killed, removed, stopped)}
    wait_for("three others run", lambda: not gone & {task["ID"] for task in node.tasks("web", "running")})
    after = node.running("web", 3)
    assert sorted(task["Slot"] for task in after) == [1, 2, 3]
    old = {task["ID"]: task for task in node.tasks("web")}
    assert old[killed["ID"]]["Status"]["State"] == "failed"
    assert old[killed["ID"]]["Status"]["Err"] == "task: non-zero exit (137)"
    assert old[removed["ID"]]["Status"]["State"] == "failed"
    assert old[stopped["ID"]]["Status"]["State"] == "complete"


def test_an_end_with_an_error_is_told_with_its_code(node: OneNode) -> None:
    node.create("job", "sh", "-c", "exit 3", task={"RestartPolicy": {"Condition": "none"}})
    task = node.ended("job", "failed")
    assert task["Status"]["Err"] == "task: non-zero exit (3)"
    assert task["Status"]["ContainerStatus"]["ExitCode"] == 3
    assert len(node.tasks("job")) == 1


def test_an_image_that_is_not_there_is_named(node: OneNode) -> None:
    node.create("web", container={"Image": "localhost:1/nothing:here"}, task={"RestartPolicy": {"Condition": "none"}})
    assert "localhost:1/nothing:here" in node.ended("web", "rejected")["Status"]["Err"]


def test_a_command_that_is_not_there_has_failed(node: OneNode) -> None:
    node.create("web", "/no/such/program", task={"RestartPolicy": {"Condition": "none"}})
    assert "no such file" in node.ended("web", "failed")["Status"]["Err"]


def test_a_crash_loop_waits_longer_each_time(node: OneNode) -> None:
    node.create("web", "false")
    wait_for("it was tried four times", lambda: len(node.tasks("web", "failed")) >= 4, 20)
    ends = [task["CreatedAt"] for task in node.tasks("web", "failed")]
    assert ends == sorted(ends)
    began = [_seconds(text) for text in ends]
    waits = [later - sooner for sooner, later in itertools.pairwise(began)]
    assert waits[-1] > waits[0]


def _seconds(text: str) -> float:
    hours, minutes, seconds = text[11:].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_the_policy_of_the_container_itself_is_not_followed(node: OneNode) -> None:
    node.create("web")
    assert node.container(node.running("web", 1)[0])["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")


def test_templates_say_which_task_it_is(node: OneNode) -> None:
    node.create(
        "web", replicas=2, container={"Env": ["SLOT={{.Task.Slot}}"], "Hostname": "{{.Service.Name}}-{{.Task.Slot}}"}
    )
    for task in node.running("web", 2):
        assert node.output(task, "sh", "-c", "echo $SLOT $(hostname)") == f"{task['Slot']} web-{task['Slot']}"


def test_ten_tasks_that_share_a_new_volume_find_the_images_files_in_it(node: OneNode) -> None:
    mount = {"Type": "volume", "Source": "shared", "Target": "/bin"}
    node.create("web", replicas=10, container={"Mounts": [mount]})
    tasks = node.running("web", 10, 30)
    counts = {node.output(task, "sh", "-c", "ls /bin | wc -l") for task in tasks}
    assert len(counts) == 1
    assert int(counts.pop()) > 10


def test_a_port_of_mode_host_is_bound_on_the_node(node: OneNode) -> None:
    ports = [{"TargetPort": 80, "Protocol": "tcp", "PublishMode": "host"}]
    node.create("web", EndpointSpec={"Ports": ports})
    task = node.running("web", 1)[0]
    bound = node.container(task)["NetworkSettings"]["Ports"]["80/tcp"]
    assert task["Status"]["PortStatus"]["Ports"][0]["PublishedPort"] == int(bound[0]["HostPort"])


@pytest.mark.parametrize(("address", "written"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_port_of_the_mesh_may_be_bound_to_one_address_of_each_node(node: OneNode, address: str, written: str) -> None:
    number = free_port()
    port = {"TargetPort": 80, "PublishedPort": number, "Protocol": "tcp", "HostIP": address}
    serve = {"Command": ["sh", "-c", "echo hello > /tmp/index.html; httpd -f -p 80 -h /tmp"], "StopGracePeriod": 0}
    node.create("web", container=serve, EndpointSpec={"Ports": [port]})
    node.running("web", 1)
    assert node.call("GET", "/services/web")["Endpoint"]["Ports"][0]["HostIP"] == address
    assert f"*:{number}->80/tcp" in node.engine.docker("service", "ls", "--format", "{{.Ports}}").stdout

    def answer(address: str) -> bytes:
        with suppress(OSError), urlopen(f"http://{address}:{number}/", timeout=2) as reply:
            return bytes(reply.read())
        return b""

    wait_for("the mesh answers", lambda: answer(written) == b"hello\n")
    assert answer("[::1]" if address == "127.0.0.1" else "127.0.0.1") == b""
    (gateway,) = [
        pool["Gateway"] for pool in node.call("GET", "/networks/bridge")["IPAM"]["Config"] if "." in pool["Gateway"]
    ]
    assert answer(gateway) == b""
