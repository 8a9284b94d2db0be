"""Blobs on a real disk."""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shoal.contracts.blobs import Blobs
from shoal.drivers.blobs import BlobStore
from shoal.drivers.unsynced import Unsynced
from shoal.errors import DriverError, InvalidArgument, NotFound
from tests.support.image_node import chunks_of

DAY_NS = 24 * 3600 * 10**9
DATA = os.urandom(300_000)
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


def reopened(root: Path, now_ns: int = 0) -> Blobs:
    unsynced = Unsynced(root / "unsynced", "first")
    unsynced.open()
    blobs = BlobStore(root, unsynced)
    blobs.open(now_ns)
    unsynced.close()
    return blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return reopened(tmp_path / "root")


async def broken(data: bytes) -> AsyncIterator[bytes]:
    yield data
    raise ConnectionError("the line is cut")


async def test_what_is_added_has_its_digest_for_a_name(blobs: Blobs, tmp_path: Path) -> None:
    assert (blobs.size(DIGEST), list(blobs.digests())) == (None, [])
    assert await blobs.add(DATA) == DIGEST == await blobs.add(DATA)
    for found in (blobs, reopened(tmp_path / "root")):
        assert (found.size(DIGEST), found.read(DIGEST), found.path(DIGEST).read_bytes()) == (len(DATA), DATA, DATA)
        ((digest, written_at),) = found.digests()
        assert digest == DIGEST and written_at > DAY_NS


async def test_what_is_not_here(blobs: Blobs) -> None:
    with pytest.raises(NotFound, match=f"No such blob: {DIGEST}"):
        blobs.read(DIGEST)
    await blobs.remove(DIGEST)
    await blobs.add(DATA)
    await blobs.remove(DIGEST)
    assert (blobs.size(DIGEST), list(blobs.digests())) == (None, [])


async def test_what_is_too_large_for_a_manifest_is_not_read_into_memory(blobs: Blobs) -> None:
    digest = await blobs.add(bytes(17 << 20))
    with pytest.raises(InvalidArgument, match="no manifest or config"):
        blobs.read(digest)


async def test_a_download_goes_on_where_it_was_cut(blobs: Blobs, tmp_path: Path) -> None:
    told: list[int] = []
    with pytest.raises(ConnectionError):
        await blobs.receive(DIGEST, len(DATA), broken(DATA[:200_000]), 0, told.append)
    found = reopened(tmp_path / "root")  # another process, a moment later
    assert (found.partial_bytes(DIGEST), found.size(DIGEST), told) == (200_000, None, [200_000])
    await found.receive(DIGEST, len(DATA), chunks_of(DATA[200_000:]), 200_000, told.append)
    assert (found.read(DIGEST), found.partial_bytes(DIGEST), told[-1]) == (DATA, 0, len(DATA))


async def test_a_download_may_begin_anew(blobs: Blobs) -> None:
    with pytest.raises(ConnectionError):
        await blobs.receive(DIGEST, len(DATA), broken(os.urandom(1000)), 0, lambda _: None)
    await blobs.receive(DIGEST, len(DATA), chunks_of(DATA), 0, lambda _: None)
    assert blobs.read(DIGEST) == DATA


@pytest.mark.parametrize(
    ("data", "size_bytes"),
    [(DATA[:-1] + b"x", len(DATA)), (DATA[:-1], len(DATA)), (DATA + b"x", len(DATA)), (DATA, len(DATA) - 1), (b"", 5)],
    ids=["another byte", "too short", "too long", "a lie about the size", "nothing"],
)
async def test_what_is_wrong_is_not_kept(blobs: Blobs, data: bytes, size_bytes: int) -> None:
    with pytest.raises(DriverError, match="verification failed"):
        await blobs.receive(DIGEST, size_bytes, chunks_of(data), 0, lambda _: None)
    assert (blobs.size(DIGEST), blobs.partial_bytes(DIGEST)) == (None, 0)


async def test_old_partials_are_dropped_and_young_ones_kept(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        await blobs.receive(DIGEST, len(DATA), broken(DATA[:1000]), 0, lambda _: None)
    written_at = next(path.stat().st_mtime_ns for path in (tmp_path / "root").rglob(DIGEST[7:]))
    assert reopened(tmp_path / "root", written_at + DAY_NS - 1).partial_bytes(DIGEST) == 1000
    assert reopened(tmp_path / "root", written_at + DAY_NS + 1).partial_bytes(DIGEST) == 0


async def test_it_is_an_oci_layout(blobs: Blobs, tmp_path: Path) -> None:
    digest = await blobs.add(b"{}")
    blobs.write_index([(digest, "application/vnd.oci.image.manifest.v1+json", 2, "docker.io/library/x:1")])
    root = tmp_path / "root"
    assert json.loads((root / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads((root / "index.json").read_text())["manifests"]
    assert (entry["digest"], entry["size"], "docker.io/library/x:1" in entry["annotations"].values()) == (
        digest,
        2,
        True,
    )
    assert (root / "blobs" / "sha256" / digest[7:]).read_bytes() == b"{}"
