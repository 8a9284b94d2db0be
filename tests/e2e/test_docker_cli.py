"""The real docker CLI, unmodified, must do the same work on Shoal's socket."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.engine import EngineProcess, wait_for

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed here")


def test_run_exit_codes_must_be_dockers(engine: EngineProcess) -> None:
    assert engine.docker("run", "--rm", "busybox", "echo", "hello").stdout == "hello\n"
    assert engine.docker("run", "--rm", "busybox", "sh", "-c", "exit 42", check=False).returncode == 42
    assert engine.docker("run", "--rm", "busybox", "no-such-program", check=False).returncode == 127
    assert engine.docker("run", "--rm", "busybox", "/etc/passwd", check=False).returncode == 126
    assert engine.docker("run", "--rm", "--memory", "1k", "busybox", "true", check=False).returncode == 125
    killed = engine.docker("run", "--rm", "busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?", check=False)
    assert killed.returncode == 137


def test_stdin_must_reach_the_container(engine: EngineProcess) -> None:
    assert engine.docker("run", "--rm", "-i", "busybox", "tr", "a-z", "A-Z", input="hello\n").stdout == "HELLO\n"
    engine.docker("run", "-d", "--name", "box", "busybox", "sleep", "1000")
    big = "x" * 1_000_000
    assert engine.docker("exec", "-i", "box", "wc", "-c", input=big).stdout == "1000000\n"


def test_lists_and_inspect(engine: EngineProcess) -> None:
    engine.docker("run", "-d", "--name", "web", "-p", "127.0.0.1:0:80", "--label", "a=b", "busybox", "sleep", "1000")
    row = engine.docker("ps", "--format", "{{.Names}} {{.Image}} {{.State}}").stdout
    assert row == "web busybox running\n"
    assert engine.docker("ps", "-q", "--filter", "label=a=c").stdout == ""
    found = json.loads(engine.docker("inspect", "web").stdout)[0]
    assert found["State"]["Running"] and found["Config"]["Labels"] == {"a": "b"}
    assert engine.docker("port", "web", "80").stdout.startswith("127.0.0.1:")
    assert "busybox" in engine.docker("images", "--format", "{{.Repository}}").stdout


def test_cp_diff_rename_top_stats(engine: EngineProcess, tmp_path: Path) -> None:
    engine.docker("run", "-d", "--name", "one", "busybox", "sleep", "1000")
    (tmp_path / "file").write_text("copied")
    engine.docker("cp", str(tmp_path / "file"), "one:/tmp/there")
    assert engine.docker("exec", "one", "cat", "/tmp/there").stdout == "copied"
    engine.docker("cp", "one:/tmp/there", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "copied"
    assert "A /tmp/there" in engine.docker("diff", "one").stdout
    engine.docker("rename", "one", "two")
    assert "sleep 1000" in engine.docker("top", "two").stdout
    assert "two" in engine.docker("stats", "--no-stream").stdout


def test_stop_must_take_the_signal_and_the_timeout(engine: EngineProcess) -> None:
    script = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    engine.docker("run", "-d", "--name", "polite", "busybox", "sh", "-c", script)
    wait_for("ready", lambda: "ready" in engine.docker("logs", "polite").stdout)
    engine.docker("stop", "polite")
    assert engine.docker("logs", "polite").stdout == "ready\nbye\n"
    assert engine.docker("inspect", "-f", "{{.State.ExitCode}}", "polite").stdout == "5\n"


def test_commit_save_load_and_history(engine: EngineProcess, tmp_path: Path) -> None:
    engine.docker("run", "--name", "made", "busybox", "sh", "-c", "echo content >/file")
    engine.docker("commit", "--change", 'CMD ["cat", "/file"]', "made", "committed:1")
    assert engine.docker("run", "--rm", "committed:1").stdout == "content\n"
    engine.docker("save", "-o", str(tmp_path / "image.tar"), "committed:1")
    engine.docker("rmi", "-f", "committed:1")
    assert "Loaded image: committed:1" in engine.docker("load", "-i", str(tmp_path / "image.tar")).stdout
    assert engine.docker("run", "--rm", "committed:1").stdout == "content\n"
    assert len(engine.docker("history", "-q", "committed:1").stdout.splitlines()) >= 2
    engine.docker("rmi", "-f", "committed:1")


def test_build_with_the_classic_builder(engine: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCOPY hello /hello\nRUN cat /hello > /out\nCMD cat /out\n")
    (tmp_path / "hello").write_text("hi there")
    engine.docker("build", "-q", "-t", "cli-built", str(tmp_path))
    assert engine.docker("run", "--rm", "cli-built").stdout == "hi there"
    again = engine.docker("build", "-t", "cli-built", str(tmp_path)).stdout
    assert again.count("Using cache") == 3
    engine.docker("rmi", "cli-built")


def test_prune_and_system_df(engine: EngineProcess) -> None:
    engine.docker("run", "busybox", "true")
    engine.docker("volume", "create", "unused")
    engine.docker("network", "create", "unused")
    assert "TYPE" in engine.docker("system", "df").stdout
    text = engine.docker("system", "prune", "-f").stdout
    assert "Deleted Containers:" in text and "Deleted Networks:\nunused" in text
    assert engine.docker("volume", "prune", "-af").stdout.startswith("Deleted Volumes:\nunused")


def test_managed_plugins_are_none_and_installing_one_is_refused(engine: EngineProcess) -> None:
    assert engine.docker("plugin", "ls").stdout.split() == ["ID", "NAME", "DESCRIPTION", "ENABLED"]
    refused = engine.docker("plugin", "install", "--grant-all-permissions", "vieux/sshfs", check=False)
    assert refused.returncode == 1 and "/run/docker/plugins/NAME.sock" in refused.stderr
    missing = engine.docker("plugin", "rm", "x", check=False)
    assert missing.returncode == 1 and 'plugin "x" not found' in missing.stderr
