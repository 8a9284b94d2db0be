"""Contexts given as a URL: a tar archive, or the text of a Dockerfile."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

from shoal.contracts.build import BuildFiles
from shoal.errors import InvalidArgument

_PIECE_BYTES = 1 << 20
_TAR_MAGIC = (257, b"ustar")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


async def open_remote(files: BuildFiles, url: str, dockerfile: str) -> AsyncIterator[bytes]:
    """A context tar made of what is at `url`. Raises: InvalidArgument for a git repository; DriverError"""
    if not url.startswith(("http://", "https://")) or ".git" in url.rpartition("/")[2]:
        raise InvalidArgument(
            f'remote: "{url}": git repositories are not supported as a build context',
            hint="clone it and build the folder, or give the URL of an archive (….tar.gz)",
        )
    path, _, _ = await files.download(url)
    try:
        with open(path, "rb") as file:
            head = file.read(512)
        if _is_tar(head):
            return _read(path)
        text = await asyncio.to_thread(path.read_bytes)
        path.unlink()
        return _once(_as_context(text, dockerfile))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _is_tar(head: bytes) -> bool:
    start, magic = _TAR_MAGIC
    return head.startswith(_PACKED) or head[start : start + len(magic)] == magic


def _as_context(text: bytes, dockerfile: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(dockerfile)
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return out.getvalue()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _read(path: Path) -> AsyncIterator[bytes]:
    try:
        with open(path, "rb") as file:
            while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
                yield piece
    finally:
        path.unlink(missing_ok=True)
