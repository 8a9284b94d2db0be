"""The two disks of the guest: a Debian with all that tests need, and the checkout."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
SUITE = "bookworm"
_PYTHON = "3.11"  #: of SUITE
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
_PACKAGES = (
    *("apache2-utils", "busybox-static", "ca-certificates", "conmon", "crun", "curl", "dbus", "docker-registry", "git"),
    *("initramfs-tools", "iperf3", "iproute2", "iputils-ping", "kmod", "linux-image-cloud-amd64", "mmdebstrap"),
    *("nftables", "procps", "python3", "python3-pip", "python3-venv", "systemd-sysv", "tzdata", "wrk"),
)
#: of the development tools, not needed there: what only looks at the code, what stand-ins are written with, a browser
_LEFT_OUT = (
    *("check-jsonschema", "import-linter", "mypy", "ruff", "types-PyYAML"),
    *("logstash-pipeline-parser", "pygrok", "playwright"),
)
#: what the guest starts, as its first process or as a unit; all else comes with the checkout
_START = "#!/bin/sh\nmount /dev/vdb /shoal && exec sh /shoal/tests/vm/guest.sh\n"
_UNIT = """[Unit]
Description=Tests of Shoal
After=multi-user.target

[Service]
ExecStart=/start
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
Delegate=yes
TasksMax=infinity
LimitNOFILE=65536
"""
_BASE_MIB = 8192
_CODE_MIB = 1024


@dataclass(frozen=True, slots=True)
class Base:
    """The part of the guest that all runs share."""

    kernel: Path
    initrd: Path
    disk: Path


def ensure_base(cache: Path) -> Base:
    """The base in `cache`; made where it is not there or not as this file wants it, which takes a few minutes."""
    requirements = _requirements()
    parts = (*_PACKAGES, *requirements, _START, _UNIT, str(_BASE_MIB), SUITE)
    folder = cache / f"vm-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"
    base = Base(folder / "vmlinuz", folder / "initrd", folder / "base.ext4")
    if base.disk.exists():
        return base
    for old in cache.glob("vm-*"):
        shutil.rmtree(old)
    folder.mkdir(parents=True)
    _in_scratch(lambda root: _make_base(root, requirements, base))
    return base


def make_code_disk(disk: Path, command: str) -> None:
    """A disk with the checkout as it is now, cached stand-ins too, and `command` in the file `run`."""

    def make(root: Path) -> None:
        listed = _output("git", "-C", str(CHECKOUT), "ls-files", "-co", "--exclude-standard", "-z").split("\0")
        cached = (str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob(".cache/stand-ins-*.tar"))
        for name in filter(None, (*listed, *cached)):
            if (CHECKOUT / name).exists():  # it may be deleted and still be listed
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, root / name, follow_symlinks=False)
        (root / "run").write_text(f"{command}\n")
        _make_disk(root, disk, _CODE_MIB)

    _in_scratch(make)


def _make_base(root: Path, requirements: Sequence[str], base: Base) -> None:
    _run("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(_PACKAGES)}", SUITE, str(root))
    platforms = [f"--platform={name}" for name in _PLATFORMS]
    target = root / f"usr/local/lib/python{_PYTHON}/dist-packages"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", f"--target={target}", f"--python-version={_PYTHON}")
    _run(*pip, *platforms, "--only-binary=:all:", *requirements)
    (target / "shoal.pth").write_text("/shoal/src\n")
    if docker := shutil.which("docker"):  # a client only; its tests are left out where there is none
        shutil.copy(docker, root / "usr/local/bin/docker")
    (root / "start").write_text(_START)
    (root / "start").chmod(0o755)
    units = root / "etc/systemd/system"
    (units / "start.service").write_text(_UNIT)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/start.service").symlink_to("../start.service")
    (root / "shoal").mkdir()
    shutil.copy(next(root.glob("boot/vmlinuz-*")), base.kernel)
    shutil.copy(next(root.glob("boot/initrd.img-*")), base.initrd)
    partial = base.disk.with_suffix(".new")
    _make_disk(root, partial, _BASE_MIB)
    partial.rename(base.disk)


def _requirements() -> Sequence[str]:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return sorted(name for name in wanted if not name.startswith(_LEFT_OUT))


def _make_disk(root: Path, disk: Path, mib: int) -> None:
    disk.unlink(missing_ok=True)
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(root), str(disk), f"{mib}M")


def _in_scratch(work: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="shoal-vm") as scratch:
        root = Path(scratch, "root")
        root.mkdir(mode=0o755)
        work(root)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed with exit status {done.returncode}:\n{done.stdout}\n{done.stderr}"[-4000:])


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout
