"""The commands about images and builds against a real engine."""

from pathlib import Path

import pytest

from tests.support.engine import EngineProcess


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nARG WHO=nobody\nCOPY . /ctx\nRUN echo hello $WHO > /greeting\n"
        "LABEL kept=yes\nCMD cat /greeting\n"
    )
    (tmp_path / ".dockerignore").write_text("*.log\nsecret\n")
    (tmp_path / "kept.txt").write_text("kept")
    (tmp_path / "left.log").write_text("left")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("no")
    return tmp_path


def test_build_run_and_remove(engine: EngineProcess, folder: Path) -> None:
    built = engine.shoal("build", "-t", "app:1", "--build-arg", "WHO=ann", "--iidfile", str(folder / "id"), str(folder))
    assert "Step 1/" in built.stdout and "Successfully tagged app:1" in built.stdout
    assert engine.shoal("run", "--rm", "app:1").stdout == "hello ann\n"
    sent = engine.shoal("run", "--rm", "app:1", "ls", "-A", "/ctx").stdout.split()
    assert sent == [".dockerignore", "Dockerfile", "kept.txt"]
    identifier = (folder / "id").read_text()
    assert (
        engine.shoal("inspect", "-f", "{{.Id}} {{index .Config.Labels `kept`}}", "app:1").stdout
        == f"{identifier} yes\n"
    )
    assert "CMD" in engine.shoal("history", "--no-trunc", "app:1").stdout
    engine.shoal("tag", "app:1", "other:2")
    assert engine.shoal("rmi", "app:1").stdout == "Untagged: app:1\n"
    assert "Deleted: sha256:" in engine.shoal("rmi", "other:2").stdout


def test_a_quiet_build_prints_the_id_alone(engine: EngineProcess, folder: Path) -> None:
    done = engine.shoal("build", "-q", str(folder))
    assert done.stdout.startswith("sha256:") and done.stdout.count("\n") == 1


def test_dockerfiles_from_elsewhere(
    engine: EngineProcess, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("out") / "My.Dockerfile"
    outside.write_text("FROM busybox\nCOPY kept.txt /\nCMD cat /kept.txt\n")
    engine.shoal("build", "-t", "b:1", "-f", str(outside), str(folder))
    assert engine.shoal("run", "--rm", "b:1").stdout == "kept"
    engine.shoal("build", "-t", "b:2", "-f", "-", str(folder), input="FROM busybox\nCMD echo stdin\n")
    assert engine.shoal("run", "--rm", "b:2").stdout == "stdin\n"
    engine.shoal("build", "-t", "b:3", "-", input="FROM busybox\nCMD echo alone\n")
    assert engine.shoal("run", "--rm", "b:3").stdout == "alone\n"


def test_secrets_reach_a_step_and_not_the_image(engine: EngineProcess, folder: Path) -> None:
    (folder / "Dockerfile").write_text(
        "FROM busybox\nRUN --mount=type=secret,id=key wc -c < /run/secrets/key > /size\nCMD cat /size\n"
    )
    engine.shoal("build", "-t", "s:1", "--secret", f"id=key,src={folder}/kept.txt", str(folder))
    assert engine.shoal("run", "--rm", "s:1").stdout.strip() == "4"
    missing = engine.shoal("build", "--secret", "id=key,src=/no/such/file", str(folder), check=False)
    assert missing.returncode == 1 and "no such file" in missing.stderr


def test_a_failing_build_tells_where_and_what(engine: EngineProcess, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM busybox\nRUN echo before && exit 7\n")
    done = engine.shoal("build", str(folder), check=False)
    assert done.returncode == 1
    assert "before" in done.stdout + done.stderr
    assert "returned a non-zero code: 7" in done.stderr
    gone = engine.shoal("build", str(folder / "nowhere"), check=False)
    assert gone.returncode == 1 and "not found" in gone.stderr


def test_images_that_are_not_there(engine: EngineProcess) -> None:
    done = engine.shoal("rmi", "no-such", check=False)
    assert (done.returncode, done.stderr) == (1, "Error response from daemon: No such image: no-such:latest\n")
    assert engine.shoal("images", "no-such", "-q").stdout == ""
