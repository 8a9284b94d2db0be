"""A real runtime (crun and conmon) in a private mount namespace, with a busybox root file system."""

import asyncio
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from shoal.contracts.runtime import CreateRequest, ExecRequest, Run
from shoal.daemon.host import hide_hybrid_cgroup
from shoal.drivers import mount as mounts
from shoal.drivers.runtime.cgroups import Cgroups, host_mounts
from shoal.drivers.runtime.runtime import CrunRuntime
from tests.support.deadlines import patient

APPLETS = "sh true false sleep cat echo seq yes ls ps dd head tty stty env id kill touch mkdir wc date printf trap tail"
_entered = False


def enter_private_mount_namespace() -> None:
    """As the daemon does at its start: crun refuses a hybrid cgroup tree, so this process hides it from itself."""
    global _entered
    if not _entered:
        mounts.unshare(mounts.CLONE_NEWNS)
        mounts.mount("", "/", flags=mounts.MS_REC | mounts.MS_SLAVE)
        hide_hybrid_cgroup()
        _entered = True


def busybox_rootfs(path: Path) -> Path:
    """A small root file system."""
    for folder in ("bin", "proc", "dev", "sys", "tmp", "etc"):
        (path / folder).mkdir(parents=True)
    shutil.copy("/bin/busybox", path / "bin/busybox")
    for applet in APPLETS.split():
        (path / "bin" / applet).symlink_to("busybox")
    (path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nme:x:1000:1000::/tmp:/bin/sh\n")
    return path


def oci_spec(rootfs: Path, cgroup: str, *args: str, terminal: bool = False, **resources: Any) -> dict[str, Any]:
    """A plain OCI runtime spec."""
    capabilities = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": terminal,
            "user": {"uid": 0, "gid": 0},
            "args": list(args),
            "env": ["PATH=/bin", "FROM_INIT=yes"],
            "cwd": "/",
            "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")},
        },
        "root": {"path": str(rootfs), "readonly": False},
        "hostname": "box",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["newinstance", "ptmxmode=0666"],
            },
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")],
            "resources": resources,
        },
    }


class Box:
    """One container of a runtime under test."""

    def __init__(self, runtime: CrunRuntime, base: Path) -> None:
        self.runtime = runtime
        self.base = base
        self.rootfs = base / "rootfs"
        if not self.rootfs.exists():
            busybox_rootfs(self.rootfs)
        self.id = uuid.uuid4().hex * 2
        self.log = base / f"{self.id[:8]}.log"

    async def create(self, *args: str, terminal: bool = False, log: bool = True, **options: Any) -> Run:
        """Create a run of `args`. options: of CreateRequest; `resources` of the spec"""
        resources = options.pop("resources", {})
        cgroup = self.runtime.cgroup_of(self.id)
        spec = oci_spec(self.rootfs, cgroup, *args, terminal=terminal, **resources)
        log_path = self.log if log else None
        return await self.runtime.create(
            CreateRequest(container_id=self.id, spec=spec, cgroup=cgroup, log_path=log_path, **options)
        )

    async def run(self, *args: str, **options: Any) -> Run:
        """Create and start."""
        run = await self.create(*args, **options)
        await self.runtime.start(self.id)
        return run

    async def exec(self, *args: str, **options: Any) -> tuple[int, bytes, bytes]:
        """(exit status, stdout, stderr)"""
        process = await self.runtime.exec(ExecRequest(container_id=self.id, args=args, **options))
        out = {1: b"", 2: b""}
        async for stream, data in process.read():
            out[stream] += data
        status = await process.wait()
        process.close()
        return status, out[1], out[2]

    def output(self) -> bytes:
        """The log without its prefixes."""
        return b"".join(line.split(b" ", 3)[3] + b"\n" for line in self.log.read_bytes().splitlines())


def new_runtime(base: Path) -> CrunRuntime:
    """A runtime below `base`; its cgroups carry the base's name."""
    enter_private_mount_namespace()
    return CrunRuntime(base / "run", instance=f"t{base.name}", cgroups=Cgroups(host_mounts()))


async def eventually(what: str, check: Any, timeout_s: float = 10) -> Any:
    """The first truthy result of `check`."""
    timeout_s = patient(timeout_s)
    end = asyncio.get_running_loop().time() + timeout_s
    while not (result := check()):
        assert asyncio.get_running_loop().time() < end, f"not within {timeout_s} s: {what}"
        await asyncio.sleep(0.01)
    return result


def cgroups_left(runtime: CrunRuntime) -> list[str]:
    """Directories of the runtime's cgroups that are still there."""
    return [str(path) for path in runtime._cgroups.dirs(runtime._parent) if os.path.isdir(path)]
