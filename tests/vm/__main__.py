"""python -m tests.vm [--systemd] [pytest arguments]: run tests as root in a virtual machine and tell how they went.

Pure cgroup v2 and the kernel of Debian's current release in use; without KVM it is slow, so deadlines are longer there.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.vm.image import CHECKOUT, Base, ensure_base, make_code_disk

#: what differs with the kernel and the cgroup version; the pure rest is tested anywhere
DEFAULT = ("tests/contract", "tests/integration", "--ignore=tests/contract/cli", "--ignore=tests/contract/client")
_NEEDED = ("qemu-system-x86_64", "mmdebstrap", "mke2fs", "git")
_DEBIAN = "qemu-system-x86 mmdebstrap e2fsprogs git"
_END = "SHOAL-VM EXIT "
#: "kvm" is quick; it is not taken unasked, as a machine inside a machine may have one that fails
_ACCEL = os.environ.get("SHOAL_VM_ACCEL", "tcg,thread=multi")
#: a login prompt hangs the console up, and a registry of its own has a port that tests use
_MASKED = ("systemd.mask=serial-getty@ttyS0.service", "systemd.mask=docker-registry.service")
_LIMIT_S = 4 * 3600


def main(arguments: Sequence[str]) -> int:
    """Exit status of pytest in the guest; 0 with a message where this machine can't run one."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        print(f"skipped: missing for a virtual machine: {', '.join(missing)}  (apt-get install {_DEBIAN})")
        return 0
    by_systemd = "--systemd" in arguments
    chosen = [word for word in arguments if word != "--systemd"] or [*DEFAULT]
    base = ensure_base((CHECKOUT / ".cache").resolve())
    with tempfile.TemporaryDirectory(prefix="shoal-vm") as scratch:
        code = Path(scratch, "code.ext4")
        make_code_disk(code, _command(chosen))
        return _boot(_qemu(base, code, by_systemd=by_systemd))


def _command(chosen: Sequence[str]) -> str:
    """What the guest's shell runs."""
    slowness = os.environ.get("SHOAL_TEST_SLOWNESS", "6" if _ACCEL.startswith("tcg") else "1")
    words = (
        "env",
        f"SHOAL_TEST_SLOWNESS={slowness}",
        "PYTHONPATH=/shoal",
        "python3",
        "-m",
        "pytest",
        "-v",
        "--color=no",
    )
    return shlex.join([*words, *chosen])


def _qemu(base: Base, code: Path, *, by_systemd: bool) -> list[str]:
    init = " ".join(("/sbin/init", "systemd.show_status=0", *_MASKED)) if by_systemd else "/start"
    machine = ("-accel", _ACCEL, "-cpu", "max", "-smp", "2", "-m", "6G", "-no-reboot")
    return [
        *("qemu-system-x86_64", *machine, "-nodefaults", "-display", "none", "-serial", "stdio"),
        *("-kernel", str(base.kernel), "-initrd", str(base.initrd)),
        *("-append", f"root=/dev/vda rw console=ttyS0 panic=-1 net.ifnames=0 init={init}"),
        *("-drive", f"file={base.disk},format=raw,if=virtio,snapshot=on,cache=unsafe"),
        *("-drive", f"file={code},format=raw,if=virtio,cache=unsafe"),
        *("-nic", "user,restrict=on,model=virtio-net-pci", "-device", "virtio-rng-pci"),
    ]


def _boot(argv: Sequence[str]) -> int:
    """Show the console until the guest powers off; the exit status that it told, 1 when it told none."""
    status = 1
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as guest:
        assert guest.stdout is not None
        limit = threading.Timer(_LIMIT_S, guest.kill)
        limit.start()
        try:
            for line in guest.stdout:
                print(line, end="", flush=True)
                if _END in line:
                    status = int(line.split(_END)[1].split()[0])
        finally:
            limit.cancel()
            guest.kill()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
