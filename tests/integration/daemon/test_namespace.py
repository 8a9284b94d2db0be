"""The mount namespace that a new engine takes over from an earlier one."""

import os
import subprocess
from pathlib import Path

import pytest

from shoal.daemon.host import find_namespace
from tests.support.engine import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: makes mount namespaces")


def process_in_new_namespace(*argv: str) -> subprocess.Popen[bytes]:
    """A program in a mount namespace of its own, once it runs there."""
    script = 'echo; exec "$@" >/dev/null 2>&1'  # nobody reads on: what it writes must not end it
    process = subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", *argv], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    # while one program takes the place of another it has no command line for a moment
    wait_for(f"{argv[0]} runs", lambda: _command(process.pid) not in (b"", b"sh"))
    return process


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0]


def namespace_of(process: subprocess.Popen[bytes]) -> str:
    return os.readlink(f"/proc/{process.pid}/ns/mnt")


def test_the_namespace_of_a_supervisor_that_lives_is_found(tmp_path: Path) -> None:
    process = process_in_new_namespace("tail", "-f", "/dev/null", f"--pid={os.getpid()}", str(tmp_path / "exits"))
    try:
        (tmp_path / "mountns").write_text(namespace_of(process))
        found = find_namespace(tmp_path / "mountns")
        assert found is not None
        assert os.stat(found).st_ino == os.stat(f"/proc/{process.pid}/ns/mnt").st_ino
        os.close(found)
    finally:
        process.kill()
        process.wait()


def test_a_namespace_of_others_with_the_same_number_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Numbers are used again: a container's namespace may have that of an engine which is gone."""
    stranger = process_in_new_namespace("sleep", "100")
    try:
        (tmp_path / "mountns").write_text(namespace_of(stranger))
        assert find_namespace(tmp_path / "mountns") is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_with_another_root_directory_is_not_ours(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (root / "bin" / "busybox").chmod(0o755)
    contained = process_in_new_namespace(
        "chroot", str(root), "/bin/busybox", "tail", "-f", "/bin/busybox", str(tmp_path)
    )
    try:
        (tmp_path / "mountns").write_text(namespace_of(contained))
        while os.path.samestat(os.stat(f"/proc/{contained.pid}/root"), os.stat("/")):
            assert contained.poll() is None
        assert find_namespace(tmp_path / "mountns") is None
    finally:
        contained.kill()
        contained.wait()


def test_no_note_is_no_namespace(tmp_path: Path) -> None:
    assert find_namespace(tmp_path / "mountns") is None
