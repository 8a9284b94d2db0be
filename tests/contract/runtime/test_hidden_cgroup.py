"""What crun leaves in place of the cgroup v2 that is hidden from it."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from shoal.drivers.runtime.cgroups import remove_hidden
from tests.support.leftovers import new_folder
from tests.support.runtime import enter_private_mount_namespace

TOP = Path("/sys/fs/cgroup/unified")


def test_it_goes_though_a_late_exec_still_writes_there() -> None:
    enter_private_mount_namespace()
    if not TOP.is_dir() or (TOP / "cgroup.controllers").exists():
        pytest.skip("no hybrid cgroup tree here")
    base = new_folder("hc")
    base.rmdir()
    folder = TOP / f"t{base.name}"

    def write(has_begun: threading.Event) -> None:
        with suppress(FileNotFoundError):
            for _ in range(200):
                (folder / "cgroup.procs").write_text("1")
                has_begun.set()

    for _ in range(500):
        folder.mkdir()
        has_begun = threading.Event()
        writer = threading.Thread(target=write, args=(has_begun,))
        writer.start()
        has_begun.wait()
        remove_hidden(f"/{folder.name}")
        writer.join()
        assert not folder.exists()
