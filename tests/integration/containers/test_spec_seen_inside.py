"""What was asked for, seen from inside the container."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.drivers.permits import find_init
from tests.support.engine import EngineProcess
from tests.support.running import Node

V1 = not Path("/sys/fs/cgroup/cgroup.controllers").exists()


@pytest.fixture
def node(engine: EngineProcess) -> Node:
    return Node(engine)


def test_identity(node: Node) -> None:
    text = node.output(
        "sh",
        "-c",
        "hostname; cat /etc/hostname; pwd; id; echo $HOME $A $PATH; env | grep -c B=",
        Hostname="box",
        WorkingDir="/made/here",
        User="nobody",
        Env=["A=1"],
        host={"GroupAdd": ["www-data", "77"]},
        status=1,
    )
    assert text.splitlines() == [
        "box",
        "box",
        "/made/here",
        "uid=65534(nobody) gid=65534(nogroup) groups=33(www-data),77,65534(nogroup)",
        "/home 1 /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "0",
    ]


def capabilities(node: Node, **host: object) -> int:
    return int(node.output("grep", "CapEff", "/proc/self/status", host=host).split()[1], 16)


def test_capabilities(node: Node) -> None:
    assert capabilities(node) == 0xA80425FB
    assert capabilities(node, CapDrop=["ALL"]) == 0
    assert capabilities(node, CapDrop=["ALL"], CapAdd=["NET_ADMIN"]) == 1 << 12
    engine_has = int(Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0], 16)
    assert capabilities(node, Privileged=True) == engine_has


def test_seccomp(node: Node) -> None:
    script = "grep Seccomp: /proc/self/status; unshare -U true; mount -t tmpfs x /tmp"
    text = node.output("sh", "-c", script, host={"CapAdd": ["SYS_PTRACE"]}, status=1)
    assert text.splitlines()[0].split() == ["Seccomp:", "2"]
    assert "Operation not permitted" in text and "mount: permission denied" in text
    unconfined = {"SecurityOpt": ["seccomp=unconfined"]}
    assert node.output("grep", "Seccomp:", "/proc/self/status", host=unconfined).split()[1] == "0"
    own = '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}'
    assert "Operation not permitted" in node.output("mkdir", "/x", host={"SecurityOpt": [f"seccomp={own}"]}, status=1)


def test_an_exec_has_the_same_profile(node: Node) -> None:
    container = node.run("sleep", "1000")
    text = node.engine.docker("exec", container, "grep", "Seccomp:", "/proc/self/status").stdout
    assert text.split() == ["Seccomp:", "2"]


def test_no_new_privileges_and_read_only(node: Node) -> None:
    host = {"SecurityOpt": ["no-new-privileges"], "ReadonlyRootfs": True, "Tmpfs": {"/run": "size=1m"}}
    text = node.output("sh", "-c", "grep NoNewPrivs /proc/self/status; touch /run/ok && touch /x", host=host, status=1)
    assert text.splitlines()[0].split() == ["NoNewPrivs:", "1"]
    assert "Read-only file system" in text


def test_masked_and_read_only_paths(node: Node) -> None:
    script = "wc -c < /proc/keys; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/panic"
    lines = node.output("sh", "-c", script, status=1).splitlines()
    assert lines[:2] == ["0", "0"] and "Read-only file system" in lines[2]
    open_ones = {"MaskedPaths": [], "ReadonlyPaths": []}
    text = node.output("sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward", host=open_ones, status=1)
    assert "Operation not permitted" in text  # not "Read-only": what is missing is the capability


def test_privileged(node: Node) -> None:
    script = "mount -t tmpfs x /tmp && ls -1 /dev/loop-control /dev/null && echo 0 > /proc/sys/net/ipv4/ip_forward"
    assert node.output("sh", "-c", script, host={"Privileged": True}).splitlines() == ["/dev/loop-control", "/dev/null"]


def test_devices(node: Node) -> None:
    mapping = {"PathOnHost": "/dev/zero", "PathInContainer": "/dev/my-zero", "CgroupPermissions": "r"}
    text = node.output(
        "sh", "-c", "head -c 3 /dev/my-zero | wc -c; ls /dev/loop-control", host={"Devices": [mapping]}, status=1
    )
    assert text.splitlines()[0] == "3" and "No such file" in text
    container = node.create("true", host={"Devices": [mapping | {"PathOnHost": "/dev/nope"}]})
    words = node.post(container, "start", expect=500)["message"]
    assert words == (
        'error gathering device information while adding custom device "/dev/nope": no such file or directory'
    )


def test_limits_on_the_process(node: Node) -> None:
    ulimits = [{"Name": "nofile", "Soft": 100, "Hard": 200}]
    text = node.output(
        "sh", "-c", "ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj", host={"Ulimits": ulimits, "OomScoreAdj": 500}
    )
    assert text.splitlines() == ["100", "200", "500"]


def test_sysctls_and_domain(node: Node) -> None:
    host = {"Sysctls": {"net.core.somaxconn": "333"}}
    text = node.output(
        "sh", "-c", "cat /proc/sys/net/core/somaxconn; hostname -f", host=host, Hostname="a", Domainname="b.org"
    )
    assert text.splitlines() == ["333", "a.b.org"]


def test_limits_of_the_cgroup(node: Node) -> None:
    host = {
        "NanoCpus": 500_000_000,
        "CpusetCpus": "0",
        "CpuShares": 512,
        "Memory": 64 << 20,
        "MemoryReservation": 32 << 20,
        "PidsLimit": 20,
    }
    v1 = "cpu/cpu.cfs_quota_us cpu/cpu.shares cpuset/cpuset.cpus memory/memory.limit_in_bytes pids/pids.max"
    v2 = "cpu.max cpu.weight cpuset.cpus memory.max memory.swap.max memory.low pids.max"
    text = node.output("sh", "-c", f"cd /sys/fs/cgroup; cat {v1 if V1 else v2}; nproc", host=host)
    wanted = (
        ["50000", "512", "0", str(64 << 20), "20"]
        if V1
        else ["50000 100000", "20", "0", str(64 << 20), str(64 << 20), str(32 << 20), "20"]
    )
    assert text.splitlines() == [*wanted, "1"]


@pytest.mark.skipif(V1, reason="cgroup v1 here")
def test_limits_that_cgroup_v2_spells_differently(node: Node) -> None:
    host = {"BlkioWeight": 500, "Memory": 64 << 20, "MemorySwap": -1}
    text = node.output("sh", "-c", "cd /sys/fs/cgroup; cat memory.swap.max io.weight", host=host)
    assert text.split() == ["max", "default", "4950"]
    host = {"Memory": 64 << 20, "MemorySwap": 64 << 20}
    text = node.output("sh", "-c", "cd /sys/fs/cgroup; cat memory.swap.max pids.max", host=host)
    assert text.split() == ["0", "max"]


@pytest.mark.skipif(V1, reason="cgroup v1 here")
def test_limits_that_cgroup_v2_does_not_have_are_left_out_and_told(node: Node) -> None:
    host = {"MemorySwappiness": 10, "OomKillDisable": True}
    status, made = node.engine.call(
        "POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"], "HostConfig": host}
    )
    assert status == 201 and [warning.split()[-2] for warning in made["Warnings"]] == ["swappiness", "OomKillDisable"]
    node.post(made["Id"], "start", expect=204)
    assert node.wait_state(made["Id"], Status="exited")["ExitCode"] == 0


def test_limits_change_while_it_runs(node: Node) -> None:
    container = node.run("sleep", "1000", host={"Memory": 64 << 20})
    body = {"Memory": 96 << 20, "MemorySwap": 192 << 20, "PidsLimit": 33, "RestartPolicy": {"Name": "always"}}
    assert node.post(container, "update", expect=200, body=body) == {"Warnings": None}
    files = "memory/memory.limit_in_bytes pids/pids.max" if V1 else "memory.max pids.max"
    text = node.engine.docker("exec", container, "sh", "-c", f"cd /sys/fs/cgroup; cat {files}").stdout
    assert text.split() == [str(96 << 20), "33"]
    host = node.inspect(container)["HostConfig"]
    assert host["Memory"] == 96 << 20 and host["RestartPolicy"]["Name"] == "always"
    words = node.post(container, "update", expect=400, body={"NanoCpus": 99_000_000_000})["message"]
    assert words.startswith("range of CPUs is from 0.01 to")


def test_out_of_memory(node: Node) -> None:
    with node.events(type=["container"], event=["oom", "die"]) as events:
        container = node.run("tail", "/dev/zero", host={"Memory": 8 << 20, "MemorySwap": 8 << 20})
        assert events.actions_until("die") == ["oom", "die"]
    state = node.wait_state(container, Status="exited")
    assert state["OOMKilled"] and state["ExitCode"] == 137


def test_namespaces(node: Node) -> None:
    assert node.output("hostname", host={"NetworkMode": "host"}) == os.uname().nodename
    script = f"test -d /proc/{os.getpid()} && echo seen"
    assert node.output("sh", "-c", script, host={"PidMode": "host"}) == "seen"
    first = node.run("sh", "-c", "echo hi > /dev/shm/x; sleep 1000", host={"IpcMode": "shareable"}, name="first")
    shared = {"PidMode": "container:first", "IpcMode": "container:first", "NetworkMode": f"container:{first[:12]}"}
    lines = node.output(
        "sh", "-c", "cat /dev/shm/x; ps | grep -c 'sleep 100[0]'; hostname -i", host=shared
    ).splitlines()
    address = node.inspect(first)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert lines == ["hi", "1", address]
    closed = node.run("sleep", "1000", name="closed")
    refused = node.create("true", host={"IpcMode": "container:closed"})
    assert "non-shareable IPC" in node.post(refused, "start", expect=409)["message"]
    node.post(closed, "stop", t=0)
    refused = node.create("true", host={"PidMode": "container:closed"})
    assert "non running container" in node.post(refused, "start", expect=409)["message"]


def test_shm(node: Node) -> None:
    assert node.output("sh", "-c", "df -k /dev/shm | tail -1", host={"ShmSize": 1 << 20}).split()[1] == "1024"
    assert "No such file" in node.output("ls", "/dev/shm", host={"IpcMode": "none"}, status=1)


@pytest.mark.skipif(not find_init(), reason="no init program on this host: apt-get install catatonit")
def test_init_reaps(node: Node) -> None:
    text = node.output("sh", "-c", "echo $$; tr '\\0' ' ' < /proc/1/cmdline", host={"Init": True})
    assert text.splitlines()[0] != "1" and "docker-init -- sh -c" in text


def test_mounts(node: Node, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("of the host\n")
    (tmp_path / "deep").mkdir()
    made = tmp_path / "made" / "here"
    host = {
        "Binds": [f"{tmp_path}:/ro:ro", f"{made}:/made", "named:/var/www"],
        "Mounts": [
            {"Type": "bind", "Source": str(tmp_path / "file"), "Target": "/etc/one"},
            {"Type": "volume", "Target": "/anonymous"},
            {"Type": "tmpfs", "Target": "/tmpfs", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o700}},
        ],
    }
    script = (
        "cat /ro/file /etc/one; touch /made/x /var/www/y /anonymous/z /tmpfs/t; df -k /tmpfs | tail -1; "
        "stat -c %a /tmpfs; touch /ro/no"
    )
    lines = node.output("sh", "-c", script, host=host, status=1).splitlines()
    assert lines[:2] == ["of the host"] * 2 and lines[2].split()[1] == "1024" and lines[3] == "700"
    assert "Read-only file system" in lines[4]
    assert (made / "x").exists()
    assert node.output("ls", "/var/www", host={"Binds": ["named:/var/www"]}) == "y"
    missing = node.create("true", host={"Mounts": [{"Type": "bind", "Source": f"{tmp_path}/no", "Target": "/x"}]})
    words = node.post(missing, "start", expect=400)["message"]
    assert words == f'invalid mount config for type "bind": bind source path does not exist: {tmp_path}/no'


@pytest.fixture
def shared_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose mounts are shared. It must be there before the engine: this host's root may be private."""
    folder = tmp_path / "outer"
    (folder / "inner").mkdir(parents=True)
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    subprocess.run(["mount", "--make-shared", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_propagation(shared_folder: Path, fresh_engine: EngineProcess) -> None:
    """What is mounted on the host below a slave bind arrives in the container, below a private one it does not."""
    node = Node(fresh_engine)
    binds = [f"{shared_folder}:/slave:rslave", f"{shared_folder}:/private"]
    container = node.run("sleep", "1000", host={"Binds": binds})
    subprocess.run(["mount", "-t", "tmpfs", "x", str(shared_folder / "inner")], check=True)
    try:
        (shared_folder / "inner" / "late").touch()
        seen = fresh_engine.docker("exec", container, "ls", "/slave/inner", "/private/inner").stdout
        assert seen.split() == ["/private/inner:", "/slave/inner:", "late"]
    finally:
        subprocess.run(["umount", "-l", str(shared_folder / "inner")], check=True)


def test_volumes_from(node: Node) -> None:
    node.create("true", name="holder", host={"Binds": ["shared:/data"]})
    text = node.output("sh", "-c", "echo x > /data/f; cat /data/f", host={"VolumesFrom": ["holder"]})
    assert text == "x"
    text = node.output("sh", "-c", "cat /data/f; touch /data/no", host={"VolumesFrom": ["holder:ro"]}, status=1)
    assert text.startswith("x") and "Read-only" in text
