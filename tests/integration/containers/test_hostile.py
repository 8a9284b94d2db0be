"""What images, containers and their clients would like to do to the engine and the host, and can't."""

import os
import subprocess
import sys
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import EngineProcess, wait_for
from tests.support.running import Node

SOON_S = 10.0
#: prints those of its arguments that user nobody can open
AS_NOBODY = """
import os, sys
os.setgid(65534)
os.setuid(65534)
for path in sys.argv[1:]:
    try:
        open(path)
    except OSError:
        continue
    print(path)
"""
#: exchanges the names "x" and "link" again and again, as a process in a container can
EXCHANGE = """
import ctypes, os, sys, time
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None)
while libc.renameat2(-100, b"x", -100, b"link", 2) == 0:
    time.sleep(0.003)
"""


@pytest.fixture
def node(engine: EngineProcess) -> Node:
    return Node(engine)


def execute(node: Node, container: str, *cmd: str, **config: Any) -> tuple[int, str]:
    """(exit code, output) of an exec, that ends soon."""
    status, made = node.engine.call(
        "POST", f"/containers/{container}/exec", {"Cmd": cmd, "AttachStdout": True, "Tty": True, **config}
    )
    assert status == 201, made
    _, out = node.engine.call("POST", f"/exec/{made['Id']}/start", {}, timeout_s=SOON_S)
    code = node.engine.call("GET", f"/exec/{made['Id']}/json")[1]["ExitCode"]
    return code, str(out.decode() if isinstance(out, bytes) else out or "").strip()


def test_other_users_of_the_host_read_nothing(node: Node) -> None:
    node.run("sh", "-c", "echo secret > /data/file; sleep 1000", name="vault", host={"Binds": ["vault:/data"]})
    root = node.engine.root
    wait_for("the file", lambda: (root / "volumes/vault/_data/file").exists())
    layer = next(path for path in root.glob("layers/*/diff/bin/busybox"))
    targets = [root / "volumes/vault/_data/file", root / "shoal.db", layer, *root.glob("containers/*/output.log")]
    argv = [sys.executable, "-S", "-c", AS_NOBODY, *map(str, targets)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == ""


def test_a_fifo_for_a_passwd_file_holds_nobody_up(node: Node) -> None:
    trick = "rm /etc/passwd; mkfifo /etc/passwd; sleep 1000"
    container = node.run("sh", "-c", trick, name="fifo")
    node.wait_program(container, "sleep")
    code, words = execute(node, container, "true", User="nobody")
    assert (code, words) == (126, "unable to find user nobody: no matching entries in passwd file")
    assert execute(node, container, "echo", "hi", User="65534") == (0, "hi")
    node.post(container, "stop", t=0)
    status, _ = node.engine.call("POST", f"/containers/{container}/start", timeout_s=SOON_S)
    assert status == 204


def test_links_in_a_volume_lead_nowhere(node: Node) -> None:
    """A sub-path of a volume is looked up by the engine, in what containers left there."""
    node.output(
        "sh", "-c", "ln -s /etc /v/out; mkdir /v/in; ln -s /in /v/down; ln -s .. /v/up", host={"Binds": ["tricky:/v"]}
    )

    def mounted(subpath: str, cmd: str) -> str:
        mount = {"Type": "volume", "Source": "tricky", "Target": "/m", "VolumeOptions": {"Subpath": subpath}}
        return node.output("sh", "-c", cmd, host={"Mounts": [mount]})

    assert mounted("down", "touch /m/x; ls /m") == "x"
    assert mounted("up", "ls /m").split() == ["down", "in", "out", "up"]
    container = node.create(
        "true",
        host={"Mounts": [{"Type": "volume", "Source": "tricky", "Target": "/m", "VolumeOptions": {"Subpath": "out"}}]},
    )
    assert "cannot access path" in node.post(container, "start", expect=400)["message"]


def test_a_link_swapped_into_a_volume_meanwhile_leads_nowhere(node: Node) -> None:
    """What is looked up at a sub-path is what is mounted, by a start as by a copy."""
    (node.engine.root / "secrets").mkdir()
    (node.engine.root / "secrets/outside").touch()
    node.output("sh", "-c", "mkdir /v/x; touch /v/x/inside", host={"Binds": ["swapped:/v"]})
    data = node.engine.root / "volumes/swapped/_data"
    (data / "link").symlink_to(node.engine.root / "secrets")
    mount = {"Type": "volume", "Source": "swapped", "Target": "/m", "VolumeOptions": {"Subpath": "x"}}
    seen = set()
    swapping = subprocess.Popen([sys.executable, "-S", "-c", EXCHANGE, str(data)])
    try:
        for _ in range(20):
            container = node.create("ls", "/m", host={"Mounts": [mount]})
            _, tar = node.engine.call("GET", f"/containers/{container}/archive?path=/m")
            seen |= {name for name in (b"inside", b"outside") if name in tar}
            status, _ = node.engine.call("POST", f"/containers/{container}/start")
            if status == 204:
                node.engine.call("POST", f"/containers/{container}/wait")
                seen.add(node.engine.call("GET", f"/containers/{container}/logs?stdout=1")[1][8:].strip())
            node.delete(container)
    finally:
        swapping.kill()
        swapping.wait()
    assert seen == {b"inside"}
    assert not list((node.engine.run / "views").iterdir())


def test_a_cgroup_parent_of_dots_stays_in_the_hierarchy(node: Node) -> None:
    name = f"{node.engine.tag}-dots"
    host = {"CgroupParent": f"../../../{name}", "CgroupnsMode": "host"}
    lines = node.output("cat", "/proc/self/cgroup", host=host).splitlines()
    assert f"/{name}/" in lines[0] and ".." not in lines[0]
    top = Path("/sys/fs/cgroup")
    for folder in [*top.glob(name), *top.glob(f"*/{name}")]:  # cgroup v2, v1
        os.rmdir(folder)


def test_the_primary_group_can_t_be_left(node: Node) -> None:
    """Otherwise a file that refuses a group could be read without it (CVE-2022-36109)."""
    assert node.output("grep", "^Groups", "/proc/self/status", User="1:33").split() == ["Groups:", "33"]
    container = node.run("sleep", "1000")
    code, words = execute(node, container, "grep", "^Groups", "/proc/self/status", User="1:33")
    assert (code, words.split()) == (0, ["Groups:", "33"])


def test_the_hosts_ipc_without_a_mount_of_its_queues(node: Node) -> None:
    wanted = os.readlink("/proc/self/ns/ipc")
    assert node.output("sh", "-c", "ls -d /dev/mqueue; readlink /proc/self/ns/ipc", host={"IpcMode": "host"}) == (
        f"/dev/mqueue\n{wanted}"
    )


@pytest.mark.parametrize("device", ["/dev/nosuch", "/dev/null"])
def test_a_limit_of_what_is_no_block_device_is_told(node: Node, device: str) -> None:
    container = node.create("true", host={"BlkioDeviceReadBps": [{"Path": device, "Rate": 1000}]})
    assert device in node.post(container, "start", expect=400)["message"]


def test_an_exec_in_what_ends_meanwhile_is_a_conflict(node: Node) -> None:
    container = node.run("sleep", "1000")
    _, made = node.engine.call("POST", f"/containers/{container}/exec", {"Cmd": ["true"]})
    os.kill(node.state(container)["Pid"], 9)
    status, answer = node.engine.call("POST", f"/exec/{made['Id']}/start", {"Detach": True})
    assert status == 409, answer


#: makes folders in folders, deeper than any path is long
NEST = """
import os, sys
for top in sys.argv[1:]:
    os.makedirs(top, exist_ok=True)
    os.chdir(top)
    for _ in range(1500):
        os.mkdir("folder")
        os.chdir("folder")
"""


def test_folders_without_end_can_be_measured_and_removed(node: Node) -> None:
    """Else one container would end `system df`, stay for ever, and keep the next engine from starting."""
    python = [f"{path}:{path}:ro" for path in ("/usr", "/lib", "/lib64") if Path(path).exists()]
    container = node.run("python3", "-c", NEST, "/deep", "/v", host={"Binds": ["deep:/v", *python]})
    assert node.engine.call("POST", f"/containers/{container}/wait")[1]["StatusCode"] == 0
    for path in ("/system/df", f"/containers/{container}/changes", "/containers/json?all=1&size=1"):
        assert node.engine.call("GET", path)[0] == 200
    with pytest.raises((IncompleteRead, ConnectionError)):  # broken off, not a second reply within the first
        node.engine.call("GET", f"/containers/{container}/archive?path=/deep")
    assert node.engine.call("GET", "/_ping")[0] == 200
    status, answer = node.engine.call("POST", f"/commit?container={container}&repo=deep")
    assert status == 400 and "4096 bytes or more" in answer["message"]
    node.delete(container)
    assert node.engine.call("DELETE", "/volumes/deep")[0] == 204
    assert not (node.engine.root / "volumes/deep").exists()
