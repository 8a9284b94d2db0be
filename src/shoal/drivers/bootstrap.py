"""Debian by mmdebstrap, from the host's apt sources."""

import asyncio
import os
import shutil
import signal
from collections import deque
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from shoal.drivers.files.tree import remove_tree
from shoal.errors import DriverError
from shoal.stand_ins.sources import debian_sources

_PIECE_BYTES = 1 << 20
_STOP_S = 5
_BUSYBOX = Path("/bin/busybox")

#: what Debian's own slim image leaves out, and what makes installing in it quick and free of services
_DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/groff/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/linda/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
    "force-unsafe-io",
)
_APT_OPTIONS = (
    'Acquire::Languages "none"',
    'Acquire::GzipIndexes "true"',
    'APT::AutoRemove::SuggestsImportant "false"',
)
_HOOK = """
printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
mkdir -p "$1/usr/share/shoal"
cp "$1/etc/debian_version" "$1/usr/share/shoal/stand-in"
rm -f "$1/etc/hostname" "$1/etc/resolv.conf"
"""


class MmdebstrapBootstrap:
    """`contracts.bootstrap.Bootstrap`. folder: for the tree while it is made; removed afterwards"""

    def __init__(self, folder: Path, binary: str = "mmdebstrap", apt: Path = Path("/etc/apt")) -> None:
        self._folder = folder
        self._binary = binary
        self._apt = apt

    async def debian(self, suite: str, say: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
        """The tar, as it is made; see the contract."""
        argv = self._argv(suite)
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "TMPDIR": str(self._folder), "LC_ALL": "C"},
                start_new_session=True,
            )
        except OSError as error:
            raise DriverError(
                f'cannot run "{self._binary}": {error.strerror}', hint="install it: apt-get install mmdebstrap"
            ) from error
        assert process.stdout and process.stderr
        tail: deque[str] = deque(maxlen=8)
        telling = asyncio.create_task(_tell(process.stderr, tail, say))
        try:
            while piece := await process.stdout.read(_PIECE_BYTES):
                yield piece
            status = await process.wait()
            await telling
        finally:
            await asyncio.shield(self._stop(process, telling))
        if status:
            raise DriverError(
                f"mmdebstrap failed with exit status {status}: {' | '.join(tail)}",
                argv=argv,
                exit_status=status,
                stderr_tail="\n".join(tail),
                hint="it needs Debian's packages: check the apt sources of this machine",
            )

    def _argv(self, suite: str) -> list[str]:
        return [
            self._binary,
            "--mode=root",
            "--variant=minbase",
            "--format=tar",
            *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
            *(f"--aptopt={option}" for option in _APT_OPTIONS),
            f"--customize-hook={_HOOK}",
            suite,
            "-",
            *debian_sources(self._source_texts(), suite),
        ]

    def _source_texts(self) -> list[str]:
        files = [self._apt / "sources.list", *sorted((self._apt / "sources.list.d").glob("*"))]
        return [path.read_text(errors="replace") for path in files if path.is_file()]

    async def _stop(self, process: asyncio.subprocess.Process, telling: "asyncio.Task[None]") -> None:
        if process.returncode is None:
            # It removes its tree on SIGTERM; what it started is in its session.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        telling.cancel()
        await asyncio.wait([telling])
        await asyncio.to_thread(remove_tree, self._folder)

    def host_busybox(self) -> bytes | None:
        """The host's static busybox."""
        path = shutil.which("busybox") or str(_BUSYBOX)
        try:
            content = Path(path).read_bytes()
        except OSError:
            return None
        return content if content.startswith(b"\x7fELF") and not _needs_loader(content) else None


def _needs_loader(elf: bytes) -> bool:
    """Whether an ELF file has an interpreter (PT_INTERP), so that it is not static. Source: elf(5)"""
    is_64 = elf[4] == 2
    order = "little" if elf[5] == 1 else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(elf[at : at + size], order)  # type: ignore[arg-type]

    start, entry_size, count = (
        (number(32, 8), number(54, 2), number(56, 2)) if is_64 else (number(28, 4), number(42, 2), number(44, 2))
    )
    return any(number(start + i * entry_size, 4) == 3 for i in range(count))


async def _tell(stderr: asyncio.StreamReader, tail: deque[str], say: Callable[[str], None]) -> None:
    while line := await stderr.readline():
        text = line.decode(errors="replace").strip()
        if text:
            tail.append(text)
        if text.startswith("I: "):
            say(text.removeprefix("I: "))
