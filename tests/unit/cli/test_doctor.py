"""`shoal doctor` on hosts of all kinds."""

from typing import Any

import pytest

from shoal.cli.system.checks import Host, Level
from shoal.cli.system.doctor import examine, install_command, report

GOOD_FILES = {
    "/proc/filesystems": "nodev\toverlay\n",
    "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
    "/proc/sys/kernel/seccomp/actions_avail": "kill_process\n",
    "/proc/sys/net/ipv4/ip_forward": "1\n",
}
V1_FILES = {
    **{path: text for path, text in GOOD_FILES.items() if "cgroup" not in path},
    "/proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t5\t1\nmemory\t2\t5\t1\npids\t3\t5\t1\n",
    **{f"/sys/fs/cgroup/{name}": "" for name in ("cpu", "memory", "pids")},
}


class AnotherHost(Host):
    """A host of given facts."""

    def __init__(self, **facts: Any) -> None:
        self.files: dict[str, str] = facts.get("files", GOOD_FILES)
        self.programs: set[str] = facts.get("programs", {"crun", "conmon", "mmdebstrap", "apt-get"})
        self.libraries: set[str] = facts.get("libraries", {"libnftables.so.1"})
        self.uid: int = facts.get("uid", 0)
        self.refused: dict[str, str] = facts.get("refused", {})
        self.free: int = facts.get("free", 10**11)
        self.kernel: str = facts.get("kernel", "6.1.0-30-amd64")

    def read(self, path: str) -> str:
        return self.files.get(path, "")

    def exists(self, path: str) -> bool:
        return path in self.files

    def which(self, program: str) -> str:
        return f"/usr/bin/{program}" if program in self.programs else ""

    def user_id(self) -> int:
        return self.uid

    def release(self) -> str:
        return self.kernel

    def first_line(self, *command: str) -> str:
        return f"{command[0]} 1.0"

    def has_library(self, name: str) -> bool:
        return name in self.libraries

    def free_bytes(self, path: str) -> int:
        return self.free

    def try_kernel(self, what: str) -> str:
        return self.refused.get(what, "")


def levels(host: Host) -> dict[str, Level]:
    return {finding.what: finding.level for finding in examine(host) if finding.level is not Level.OK}


@pytest.mark.parametrize("files", [GOOD_FILES, V1_FILES], ids=["cgroup v2", "cgroup v1"])
def test_a_host_that_has_all(files: dict[str, str]) -> None:
    host = AnotherHost(files=files)
    assert levels(host) == {}
    text = report(examine(host), install_command(host, examine(host)), is_coloured=False)
    assert text.endswith("\nThe engine can run here.\n") and "To install" not in text


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"programs": {"conmon", "mmdebstrap"}}, {"crun": Level.MISSING}),
        ({"programs": {"crun", "mmdebstrap"}}, {"conmon": Level.MISSING}),
        ({"programs": {"crun", "conmon"}}, {"mmdebstrap": Level.WARNING}),
        ({"libraries": set()}, {"nftables": Level.MISSING, "nftables NAT": Level.WARNING}),
        (
            {"uid": 1000, "refused": {"veth": "Operation not permitted"}},
            {"root": Level.MISSING}
            | dict.fromkeys(("namespaces", "bridge links", "veth links", "nftables NAT"), Level.WARNING),
        ),
        ({"kernel": "4.19.0"}, {"kernel": Level.MISSING}),
        ({"refused": {"veth": "Operation not supported"}}, {"veth links": Level.MISSING}),
        ({"refused": {"nat": "no"}}, {"nftables NAT": Level.MISSING}),
        ({"free": 10**6}, {"disk space": Level.WARNING}),
        ({"files": {**GOOD_FILES, "/proc/filesystems": "ext4"}}, {"overlayfs": Level.MISSING}),
        ({"files": {**GOOD_FILES, "/sys/fs/cgroup/cgroup.controllers": "cpu pids"}}, {"cgroups": Level.WARNING}),
        ({"files": {p: t for p, t in GOOD_FILES.items() if "cgroup" not in p}}, {"cgroups": Level.MISSING}),
    ],
)
def test_what_is_missing_is_found(facts: dict[str, Any], found: dict[str, Level]) -> None:
    assert levels(AnotherHost(**facts)) == found


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "apt-get install -y crun conmon nftables mmdebstrap"),
        ("dnf", "dnf install -y crun conmon nftables"),
        ("pacman", "pacman -S --needed crun conmon nftables"),
        ("nothing", ""),
    ],
)
def test_the_command_that_installs_it(manager: str, command: str) -> None:
    host = AnotherHost(programs={manager}, libraries=set())
    findings = examine(host)
    assert install_command(host, findings) == command
    text = report(findings, command, is_coloured=False)
    assert "3 essential things are missing" in text
    assert command in text
