"""Blobs that are read, and unpacked, while they are still being written."""

import asyncio
import gzip
import os
from collections.abc import Callable

import pytest

from shoal.drivers.growing import READ_BYTES, GrowingFile
from shoal.errors import DriverError, InvalidArgument
from shoal.oci.digest import sha256
from tests.support.disk import Disk
from tests.support.engine import wait_for
from tests.support.images import entry, tar_of

FILES = {f"d/{number}": os.urandom(300_000) for number in range(12)}
LAYER = tar_of(*(entry(name, data) for name, data in FILES.items()))
HALF = len(LAYER) // 2


def read_all(blob: GrowingFile) -> bytes:
    return b"".join(iter(lambda: blob.read(100_000), b""))


async def test_a_reader_sees_what_is_there_and_waits_for_the_rest(disk: Disk) -> None:
    with disk.blobs.sink() as sink:
        sink.write(LAYER[:HALF])
        blob = sink.follow()
        assert b"".join(blob.read(HALF - at) for at in range(0, HALF, READ_BYTES)) == LAYER[:HALF]
        assert blob.digest == ""
        rest = asyncio.create_task(asyncio.to_thread(read_all, blob))
        sink.write(LAYER[HALF:])
        sink.keep()
        assert (await rest, blob.digest) == (LAYER[HALF:], sha256(LAYER))
    blob.close()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
async def test_a_layer_is_unpacked_while_its_blob_comes_in(disk: Disk, pack: Callable[[bytes], bytes]) -> None:
    data = pack(LAYER)
    with disk.blobs.sink() as sink:
        blob = sink.follow()
        unpacking = asyncio.create_task(disk.snapshots.unpack_incoming(blob))
        for at in range(0, len(data), 70_000):
            sink.write(data[at : at + 70_000])
            await asyncio.sleep(0)
        sink.keep()
        unpacked = await unpacking
    blob.close()
    assert (unpacked.diff_id, unpacked.unpacked_bytes) == (sha256(LAYER), sum(map(len, FILES.values())))
    assert {name: (unpacked.directory / name).read_bytes() for name in FILES} == FILES


async def test_a_blob_that_breaks_off_leaves_no_layer(disk: Disk) -> None:
    with disk.blobs.sink() as sink:
        blob = sink.follow()
        unpacking = asyncio.create_task(disk.snapshots.unpack_incoming(blob))
        sink.write(LAYER[:HALF])
    with pytest.raises(DriverError, match="broke off"):
        await unpacking
    blob.close()
    assert disk.leftovers() == []


async def test_what_is_no_tar_is_refused_and_the_blob_stays(disk: Disk) -> None:
    noise = os.urandom(2_000_000)
    with disk.blobs.sink() as sink:
        blob = sink.follow()
        unpacking = asyncio.create_task(disk.snapshots.unpack_incoming(blob))
        sink.write(noise)
        digest, _ = sink.keep()
    with pytest.raises(InvalidArgument):
        await unpacking
    blob.close()
    assert disk.leftovers() == [] and disk.blobs.read(digest) == noise


async def test_a_layer_that_is_done_when_its_caller_is_cancelled_goes_away_again(disk: Disk) -> None:
    with disk.blobs.sink() as sink:
        sink.write(LAYER)
        blob = sink.follow()
        sink.keep()
    unpacking = asyncio.create_task(disk.snapshots.unpack_incoming(blob))
    await asyncio.sleep(0)
    files = (disk.root / "layers").glob
    wait_for("the thread has made all files", lambda: len(list(files("new-*/diff/d/*"))) == len(FILES))
    unpacking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unpacking
    blob.close()
    assert disk.leftovers() == []
