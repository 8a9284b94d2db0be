"""`cp`, `export`, `import`, `save`, `load`, `commit`: files in and out."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.engine import EngineProcess


@pytest.fixture
def box(engine: EngineProcess) -> EngineProcess:
    """The engine, with a running container `box` that has /data/{a.txt,sub/b.txt,link}."""
    script = "mkdir -p /data/sub; echo a > /data/a.txt; echo b > /data/sub/b.txt; ln -s a.txt /data/link; touch /ready"
    engine.shoal("run", "-d", "--name", "box", "busybox", "sh", "-c", f"{script}; sleep 1000")
    engine.shoal("exec", "box", "sh", "-c", "until test -e /ready; do sleep 0.05; done")
    return engine


def inside(engine: EngineProcess, script: str) -> str:
    return engine.shoal("exec", "box", "sh", "-c", script).stdout


def test_out_of_a_container(box: EngineProcess, tmp_path: Path) -> None:
    box.shoal("cp", "box:/data/a.txt", str(tmp_path / "renamed.txt"))
    assert (tmp_path / "renamed.txt").read_text() == "a\n"
    box.shoal("cp", "box:/data/a.txt", str(tmp_path))
    assert (tmp_path / "a.txt").read_text() == "a\n"
    box.shoal("cp", "box:/data", str(tmp_path))
    assert (tmp_path / "data" / "sub" / "b.txt").read_text() == "b\n"
    assert os.readlink(tmp_path / "data" / "link") == "a.txt"
    box.shoal("cp", "box:/data", str(tmp_path / "made"))
    assert (tmp_path / "made" / "sub" / "b.txt").read_text() == "b\n"
    (tmp_path / "there").mkdir()
    box.shoal("cp", "box:/data/.", str(tmp_path / "there"))
    assert (tmp_path / "there" / "sub" / "b.txt").read_text() == "b\n"
    box.shoal("cp", "-L", "box:/data/link", str(tmp_path / "followed"))
    assert (tmp_path / "followed").read_text() == "a\n"


def test_into_a_container(box: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "c.txt").write_text("c\n")
    (tmp_path / "tree" / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "tree" / "run.sh").chmod(0o755)
    box.shoal("cp", str(tmp_path / "tree" / "run.sh"), "box:/data/other.sh")
    assert inside(box, "stat -c %a /data/other.sh") == "755\n"
    box.shoal("cp", str(tmp_path / "tree"), "box:/data")
    assert inside(box, "cat /data/tree/deep/c.txt") == "c\n"
    box.shoal("cp", str(tmp_path / "tree"), "box:/new")
    assert inside(box, "cat /new/deep/c.txt") == "c\n"
    box.shoal("cp", f"{tmp_path}/tree/.", "box:/data/sub")
    assert inside(box, "ls /data/sub") == "b.txt\ndeep\nrun.sh\n"
    box.shoal("cp", str(tmp_path / "tree" / "deep" / "c.txt"), "box:/data/link")
    assert inside(box, "cat /data/a.txt; readlink /data/link") == "c\na.txt\n"


def test_archives_through_standard_streams(box: EngineProcess, tmp_path: Path) -> None:
    shoal = [sys.executable, "-m", "shoal.cli"]
    out = subprocess.run([*shoal, "cp", "box:/data", "-"], env=box.env, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(out)) as archive:
        assert "data/sub/b.txt" in archive.getnames()
    subprocess.run([*shoal, "cp", "-", "box:/tmp"], env=box.env, input=out, check=True)
    assert inside(box, "cat /tmp/data/sub/b.txt") == "b\n"


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("box:/nothing", "{tmp}/x", "Could not find the file /nothing in container box"),
        ("{tmp}/nothing", "box:/x", "no such file or directory"),
        ("box:/data", "{tmp}/file", "cannot copy directory"),
        ("box:/data/a.txt", "{tmp}/no/such/dir", "does not exist"),
        ("{tmp}", "box:/data/a.txt", "cannot copy directory"),
        ("nobox:/data", "{tmp}/x", "No such container: nobox"),
        ("{tmp}/file", "nobox:/data", "No such container: nobox"),
        ("{tmp}/file", "{tmp}/x", "must specify at least one container source"),
        ("box:/a", "box:/b", "copying between containers is not supported"),
    ],
)
def test_what_cannot_be_copied(box: EngineProcess, tmp_path: Path, source: str, target: str, message: str) -> None:
    (tmp_path / "file").write_text("kept")
    done = box.shoal("cp", source.format(tmp=tmp_path), target.format(tmp=tmp_path), check=False)
    assert done.returncode != 0
    assert message in done.stderr
    assert (tmp_path / "file").read_text() == "kept"


def test_commit_export_import_save_load(box: EngineProcess, tmp_path: Path) -> None:
    identifier = box.shoal("commit", "-m", "note", "-c", "ENV KEPT=1", "box", "snap:1").stdout.strip()
    assert identifier.startswith("sha256:")
    assert box.shoal("run", "--rm", "snap:1", "sh", "-c", "cat /data/a.txt; echo $KEPT").stdout == "a\n1\n"
    assert "note" in box.shoal("history", "snap:1").stdout
    box.shoal("export", "-o", str(tmp_path / "fs.tar"), "box")
    assert box.shoal("import", str(tmp_path / "fs.tar"), "flat:1").stdout.startswith("sha256:")
    assert box.shoal("run", "--rm", "flat:1", "cat", "/data/sub/b.txt").stdout == "b\n"
    box.shoal("save", "-o", str(tmp_path / "snap.tar"), "snap:1")
    box.shoal("rmi", "snap:1")
    assert box.shoal("load", "-i", str(tmp_path / "snap.tar")).stdout == "Loaded image: snap:1\n"
    assert box.shoal("images", "-q", "--no-trunc", "snap").stdout == identifier + "\n"
    box.shoal("rmi", "snap:1", "flat:1")
