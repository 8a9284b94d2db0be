"""Names in layers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import InvalidArgument
from shoal.oci.whiteout import (
    Whiteout,
    clean_path,
    is_aufs_metadata,
    opaque_name,
    parse_whiteout,
    whiteout_name,
)


@pytest.mark.parametrize(
    ("name", "path"),
    [("a/b", "a/b"), ("./a//b/", "a/b"), ("/a", "a"), ("a/../b", "b"), (".", ""), ("./", ""), ("a/./b", "a/b")],
)
def test_clean_paths(name: str, path: str) -> None:
    assert clean_path(name) == path


@given(st.text(alphabet="ab./", max_size=30))
def test_a_clean_path_never_climbs(name: str) -> None:
    try:
        path = clean_path(name)
    except InvalidArgument:
        return
    assert not path.startswith("/")
    assert not any(part in ("", ".", "..") for part in path.split("/")) or path == ""
    assert clean_path(path) == path


def test_whiteouts_and_their_names() -> None:
    assert parse_whiteout("a/.wh.b") == Whiteout("a/b")
    assert parse_whiteout(".wh.b") == Whiteout("b")
    assert parse_whiteout("a/.wh..wh..opq") == Whiteout("a", is_opaque=True)
    assert parse_whiteout(".wh..wh..opq") == Whiteout("", is_opaque=True)
    assert parse_whiteout("a/b.wh.c") is None
    for path in ("x", "a/b"):
        assert parse_whiteout(whiteout_name(path)) == Whiteout(path)
    for folder in ("", "a/b"):
        assert parse_whiteout(opaque_name(folder)) == Whiteout(folder, is_opaque=True)
    assert is_aufs_metadata(".wh..wh.plnk/1.2") and not is_aufs_metadata("a/.wh..wh..opq")


@pytest.mark.parametrize("path", [".wh.", "a/.wh..", "a/.wh..."])
def test_whiteouts_of_nothing(path: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_whiteout(path)
