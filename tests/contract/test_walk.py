"""Trees that a container can make and change: nested without end, links put where folders were."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.drivers.files.tree import remove_tree, tree_bytes
from shoal.drivers.files.walk import walk_tree
from shoal.drivers.layers.upper import LayerTar, list_changes, usage_bytes
from shoal.errors import InvalidArgument

DEPTH = 1500


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder with folders in folders, longer than any path, and a file at the end."""
    top = tmp_path / "deep"
    top.mkdir()
    folder = os.open(top, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("folder", dir_fd=folder)
        below = os.open("folder", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=folder))
    os.truncate(f"/proc/self/fd/{folder}/file", 1000)
    os.close(folder)
    yield top
    remove_tree(top)


def test_what_is_nested_without_end_is_walked_measured_and_removed(deep: Path):
    open_before = len(os.listdir("/proc/self/fd"))
    found = list(walk_tree(str(deep)))
    assert [one.name for one in found] == ["folder"] * DEPTH + ["file"]
    assert found[2].path == "folder/folder/folder" and found[-1].is_too_deep
    assert usage_bytes(str(deep)) == 1000
    assert tree_bytes(deep) == 0, "the file is a hole"
    assert len(os.listdir("/proc/self/fd")) == open_before
    remove_tree(deep)
    assert not deep.exists()


def test_changes_end_where_paths_end_and_a_layer_can_not_be_made(deep: Path, tmp_path: Path):
    changes = list_changes(str(deep), [])
    assert 0 < len(changes) < DEPTH and all(len(change.path) <= 4096 for change in changes)
    with pytest.raises(InvalidArgument, match="a path of 4096 bytes or more"):
        for _ in LayerTar(str(deep)).chunks():
            pass


def test_a_link_that_takes_a_folders_place_is_not_followed(tmp_path: Path):
    (tmp_path / "host").mkdir()
    (tmp_path / "host/secret").write_text("of the host")
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").touch()
    names = []
    for found in walk_tree(str(root)):
        names.append(found.path)
        if found.path == "a/b":
            (root / "a").rename(tmp_path / "gone")
            (root / "a").symlink_to(tmp_path / "host")
            (tmp_path / "host/b").symlink_to(tmp_path / "host")
    assert names == ["a", "a/b"]


def test_a_link_that_takes_a_folders_place_does_not_bring_the_hosts_files_into_a_layer(tmp_path: Path):
    (tmp_path / "host").mkdir()
    (tmp_path / "host/file").write_text("of the host")
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a/file").write_text("its own")
    chunks = LayerTar(str(root)).chunks()
    archive = next(chunks)  # the header of the folder
    (root / "a").rename(tmp_path / "gone")
    (root / "a").symlink_to(tmp_path / "host")
    archive += b"".join(chunks)
    assert b"of the host" not in archive


def test_a_fifo_that_takes_a_files_place_holds_nobody_up(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").touch()
    for found in walk_tree(str(tmp_path)):
        if found.name == "file":
            (tmp_path / "a/file").unlink()
            os.mkfifo(tmp_path / "a/file")
            assert found.open_file() is None
