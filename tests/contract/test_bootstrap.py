"""The bootstrap of Debian: what it says when it can't, and that it ends when nobody wants it any more."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shoal.drivers.bootstrap import MmdebstrapBootstrap
from shoal.errors import DriverError

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: unpacks a system"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="needs the package mmdebstrap"),
]


def ignore(line: str) -> None:
    pass


async def test_without_mmdebstrap_the_error_says_what_to_install(tmp_path: Path):
    bootstrap = MmdebstrapBootstrap(tmp_path / "work", binary="no-mmdebstrap-here")
    with pytest.raises(DriverError) as caught:
        async for _ in bootstrap.debian("bookworm", ignore):
            pass
    assert caught.value.hint == "install it: apt-get install mmdebstrap"


async def test_a_mirror_that_does_not_answer(tmp_path: Path):
    apt = tmp_path / "apt"
    apt.mkdir()
    (apt / "sources.list").write_text("deb http://127.0.0.1:9/debian bookworm main\n")
    bootstrap = MmdebstrapBootstrap(tmp_path / "work", apt=apt)
    with pytest.raises(DriverError) as caught:
        async for _ in bootstrap.debian("bookworm", ignore):
            pass
    assert caught.value.exit_status != 0
    assert "127.0.0.1" in caught.value.message
    assert not (tmp_path / "work").exists()


async def test_it_ends_with_the_one_who_waits(tmp_path: Path):
    """A pull that is broken off leaves neither processes nor files."""
    said: asyncio.Queue[str] = asyncio.Queue()
    bootstrap = MmdebstrapBootstrap(tmp_path / "work")

    async def take() -> None:
        async for _ in bootstrap.debian("bookworm", said.put_nowait):
            pass

    taking = asyncio.create_task(take())
    while "apt-get update" not in await asyncio.wait_for(said.get(), 30):
        pass
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert not (tmp_path / "work").exists()
    listing = await asyncio.to_thread(subprocess.run, ["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in listing.stdout


def test_the_hosts_busybox_is_taken_only_when_static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bootstrap = MmdebstrapBootstrap(tmp_path / "work")
    found = bootstrap.host_busybox()
    assert found is not None
    assert b"BusyBox v" in found
    shutil.copy("/bin/ls", tmp_path / "busybox")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.host_busybox() is None
