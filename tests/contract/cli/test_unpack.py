"""Archives from a container that means ill: nothing lands outside the directory that `cp` was told."""

import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from shoal.cli.container.unpack import unpack
from shoal.cli.errors import PlainError


class Body:
    """A response that holds an archive."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 1000))


def archive(members: Iterable[tuple[str, dict[str, Any], bytes]]) -> Any:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, fields, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mode = 0o755 if fields.get("type") == tarfile.DIRTYPE else 0o640
            for key, value in fields.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    return Body(out.getvalue())


FOLDER: dict[str, Any] = {"type": tarfile.DIRTYPE}


def link(target: str) -> dict[str, Any]:
    return {"type": tarfile.SYMTYPE, "linkname": target}


def hard(target: str) -> dict[str, Any]:
    return {"type": tarfile.LNKTYPE, "linkname": target}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("precious")
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def test_a_tree_gets_its_new_name(place: Path) -> None:
    members = [
        ("etc", FOLDER, b""),
        ("etc/a", {}, b"A" * 3000),
        ("etc/l", link("a"), b""),
        ("etc/h", hard("etc/a"), b""),
    ]
    unpack(archive(members), str(place), "copy", keeps_owner=False)
    assert (place / "copy" / "a").read_bytes() == b"A" * 3000
    assert (place / "copy" / "l").readlink() == Path("a")
    assert (place / "copy" / "h").stat().st_ino == (place / "copy" / "a").stat().st_ino
    assert (place / "copy" / "a").stat().st_mode & 0o777 == 0o640


def test_its_content_goes_into_the_place_itself(place: Path) -> None:
    unpack(archive([("./", FOLDER, b""), ("./x", {}, b"x")]), str(place), "", keeps_owner=False)
    assert (place / "x").read_text() == "x"


def test_what_is_there_is_replaced_and_links_are_not_followed(place: Path) -> None:
    (place / "f").symlink_to("../outside/precious")
    unpack(archive([("f", {}, b"new")]), str(place), "f", keeps_owner=False)
    assert (place / "f").read_text() == "new"
    assert (place.parent / "outside" / "precious").read_text() == "precious"


ATTACKS: dict[str, Callable[[], Any]] = {
    "parent": lambda: archive([("d", FOLDER, b""), ("d/../../outside/precious", {}, b"bad")]),
    "absolute": lambda: archive([("d", FOLDER, b""), ("/../outside/precious", {}, b"bad")]),
    "through a link": lambda: archive(
        [("d", FOLDER, b""), ("d/l", link("../../outside"), b""), ("d/l/precious", {}, b"bad")]
    ),
    "through an absolute link": lambda: archive(
        [("d", FOLDER, b""), ("d/l", link("/tmp"), b""), ("d/l/x", {}, b"bad")]
    ),
    "hard link": lambda: archive(
        [("d", FOLDER, b""), ("d/h", hard("d/../../outside/precious"), b""), ("d/h", {}, b"bad")]
    ),
}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_nothing_leaves_the_place(place: Path, name: str) -> None:
    with pytest.raises(PlainError, match="leaves its directory"):
        unpack(ATTACKS[name](), str(place), "d", keeps_owner=False)
    assert (place.parent / "outside" / "precious").read_text() == "precious"


def test_a_truncated_archive_is_told(place: Path) -> None:
    whole = archive([("f", {}, b"x" * 5000)]).read(10**6) + b""
    with pytest.raises(PlainError, match="can't be unpacked"):
        unpack(Body(whole[:700]), str(place), "f", keeps_owner=False)  # type: ignore[arg-type]
