"""Containers -> OCI runtime specs, whole.

SHOAL_UPDATE_GOLDEN=1 writes the files anew; look at the difference before committing it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shoal.errors import DriverError, InvalidArgument
from shoal.model.container import Container
from shoal.model.image import ImageConfig
from shoal.oci.image_defaults import argv_of, merge_image
from shoal.oci.mount_points import plan_mounts
from shoal.oci.runtime_spec import Device, Permits, Surroundings, User, generate
from shoal.wire.container.create import decode_container

GOLDEN = Path(__file__).parent / "runtime_spec"
IMAGE = ImageConfig(env=("PATH=/bin", "LANG=C"), cmd=("serve",), workdir="/srv")
AROUND = Surroundings(
    rootfs="/merged",
    cgroup="/shoal/c",
    files={path: f"/files{path}" for path in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")},
    netns_path="/run/netns/c",
    user=User(uid=33, gid=34, additional_gids=(4,), home="/srv"),
)
AMPLE = Permits()
SCARCE = Permits(
    cgroup_version=1,
    capabilities=("CAP_CHOWN", "CAP_KILL"),
    hard_limits={"nofile": 4096},
    min_oom_score_adj=100,
    swap_limit=False,
)


def spec_of(
    host: dict[str, Any] | None = None, around: Surroundings = AROUND, permits: Permits = AMPLE, **config: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    body = {"Image": "x", "Hostname": "web", **config, "HostConfig": host or {}}
    merged = merge_image(decode_container(body), IMAGE)
    container = Container(id="c" * 64, name="web", spec=merged, argv=argv_of(merged), image_id="i", created_at=1)
    return generate(container, plan_mounts(merged, (), lambda: "anonymous"), around, permits)


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "limits": {
        "host": {
            "NanoCpus": 1_500_000_000,
            "CpusetCpus": "0-1",
            "CpuShares": 512,
            "Memory": 64 << 20,
            "MemorySwap": 128 << 20,
            "MemoryReservation": 32 << 20,
            "PidsLimit": 50,
            "BlkioWeight": 300,
            "BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 1000}],
            "OomKillDisable": True,
            "MemorySwappiness": 10,
            "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}, {"Name": "core", "Soft": -1, "Hard": -1}],
            "OomScoreAdj": 300,
        },
        "around": Surroundings(rootfs="/r", cgroup="/c", block_devices={"/dev/sda": (8, 0)}),
    },
    "mounts": {
        "host": {
            "Binds": ["/src:/dst:ro", "/shared:/shared:rshared", "/own:/etc/hosts"],
            "Tmpfs": {"/run": "size=64k", "/srv/deep/er": ""},
            "Mounts": [{"Type": "bind", "Source": "/one", "Target": "/srv", "BindOptions": {"NonRecursive": True}}],
            "ReadonlyRootfs": True,
            "ShmSize": 1 << 20,
        },
    },
    "security": {
        "host": {
            "CapAdd": ["NET_ADMIN"],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "MaskedPaths": [],
            "ReadonlyPaths": ["/proc/sys"],
            "Sysctls": {"net.core.somaxconn": "1024"},
            "DeviceCgroupRules": ["c 13:* rwm"],
        },
        "around": Surroundings(
            rootfs="/r",
            cgroup="/c",
            devices=(Device(path="/dev/kvm", kind="c", major=10, minor=232, mode=0o660, gid=105, access="rw"),),
            seccomp={"defaultAction": "SCMP_ACT_ALLOW"},
        ),
    },
    "privileged": {"host": {"Privileged": True}},
    "host_namespaces": {
        "host": {
            "NetworkMode": "host",
            "PidMode": "host",
            "IpcMode": "host",
            "UTSMode": "host",
            "CgroupnsMode": "host",
        },
        "around": Surroundings(rootfs="/r", cgroup="/c", netns_path=None),
        "Hostname": "",
    },
    "joined_namespaces": {
        "host": {"NetworkMode": "container:x", "PidMode": "container:x", "IpcMode": "container:x"},
        "around": Surroundings(
            rootfs="/r",
            cgroup="/c",
            netns_path="/run/netns/x",
            pid_ns_path="/proc/7/ns/pid",
            ipc_ns_path="/proc/7/ns/ipc",
            shm_source="/proc/7/root/dev/shm",
        ),
        "Hostname": "",
    },
    "terminal_and_init": {
        "Tty": True,
        "Env": ["LANG=de", "HOME=/else", "PATH"],
        "Domainname": "example.org",
        "host": {"Init": True, "ConsoleSize": [24, 80]},
        "permits": Permits(init_path="/usr/bin/catatonit"),
    },
    "scarce_host": {
        "host": {
            "Memory": 64 << 20,
            "MemorySwap": 128 << 20,
            "Ulimits": [{"Name": "nofile", "Soft": 9999, "Hard": 9999}],
        },
        "permits": SCARCE,
    },
}


@pytest.mark.parametrize("name", CASES)
def test_spec(name: str) -> None:
    spec, warnings = spec_of(**CASES[name])
    text = json.dumps({"spec": spec, "warnings": warnings}, indent=1, sort_keys=True) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("SHOAL_UPDATE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


def test_no_init_program_says_what_to_install() -> None:
    with pytest.raises(DriverError, match="no init program") as caught:
        spec_of({"Init": True})
    assert "apt-get install" in caught.value.hint


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"DeviceCgroupRules": ["x 1:1 rwm"]}, "invalid device cgroup rule format: 'x 1:1 rwm'"),
        ({"Ulimits": [{"Name": "fun", "Soft": 1, "Hard": 1}]}, "invalid ulimit type: fun"),
    ],
)
def test_refused(host: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        spec_of(host)
