"""Archives made to cost more memory or time than they have bytes."""

import tarfile
from collections.abc import Iterator

import pytest
import zstandard

from shoal.drivers.layers.streams import CountedFile, Pieces, decompressed
from shoal.drivers.layers.tar import BLOCK, TarEntry, TarReader
from shoal.drivers.layers.tar_writer import encode_header
from shoal.errors import InvalidArgument
from tests.support.disk import Disk
from tests.support.images import entry, tar_of

DIR = tarfile.DIRTYPE


def read(chunks: Iterator[bytes]) -> list[str]:
    return [entry.name for entry in TarReader(Pieces(chunks)).entries()]


def record(key: str, value: bytes) -> bytes:
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + len(str(len(body) + 9))
    return str(length).encode() + body


def header(kind: str, data: bytes, **fields: int) -> bytes:
    """A member of any kind, with its data."""
    plain = encode_header(TarEntry(name="x", size=len(data)))
    block = plain[:156] + kind.encode() + plain[157:]
    total = sum(block[:148]) + sum(block[156:]) + 8 * 32
    return block[:148] + b"%06o\0 " % total + block[156:] + data + bytes(-len(data) % BLOCK)


def test_global_headers_do_not_pile_up() -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(100_000):
            yield header("g", record(f"key{number}", b"v" * 100_000))
            taken.append(number)

    taken: list[int] = []
    with pytest.raises(InvalidArgument, match="global headers of more than"):
        read(chunks())
    assert len(taken) < 20


def test_a_sparse_map_without_end_is_broken() -> None:
    """ "2" and then digits of its first number for ever."""
    pax = b"".join(
        record(key, value)
        for key, value in (("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.realsize", b"9"))
    )

    def chunks() -> Iterator[bytes]:
        yield header("x", pax) + encode_header(TarEntry(name="x", size=1 << 32)) + b"2\n".ljust(BLOCK, b"1")
        for number in range(10_000):
            taken.append(number)
            yield b"1" * BLOCK

    taken: list[int] = []
    with pytest.raises(InvalidArgument, match="broken sparse map"):
        read(chunks())
    assert len(taken) < 20


def test_frames_of_zstd_that_hold_a_byte_each() -> None:
    """What is left of the input is not copied once a frame."""
    frames = 50_000
    packed = zstandard.ZstdCompressor().compress(b"x") * frames

    class File:
        at = 0

        def read(self, size: int = -1, /) -> bytes:
            start, self.at = self.at, self.at + size
            return packed[start : self.at]

    assert b"".join(decompressed(CountedFile(File(), None, None))) == b"x" * frames


async def test_folders_replaced_again_and_again(disk: Disk) -> None:
    """Each time costs what it removes; the metadata is that of the last."""
    many = [entry(f"d{number}", type=DIR) for number in range(2000)]
    swaps = [
        one for _ in range(2000) for one in (entry("a", type=DIR), entry("a/b", type=DIR, mode=0o700), entry("a", b""))
    ]
    again = [
        entry("a", type=DIR, mode=0o711),
        entry("a/b/c", b"1"),
        entry("d0", b""),
        entry("d0", type=DIR, mode=0o750),
    ]
    root = await disk.unpack(tar_of(*many, *swaps, *again))
    modes = {name: (root / name).stat().st_mode & 0o777 for name in ("a", "a/b", "d0", "d1")}
    assert modes == {"a": 0o711, "a/b": 0o755, "d0": 0o750, "d1": 0o755}
