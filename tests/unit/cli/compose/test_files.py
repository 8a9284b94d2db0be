"""Which files and settings a command works with. Reads real folders: that is what the module is for."""

import io
from pathlib import Path

import pytest

from shoal.cli.compose.base.files import Found, find
from shoal.cli.compose.flags import FLAGS
from shoal.cli.flags import parse_flags
from shoal.errors import InvalidArgument, NotFound

YAML = "services: {}\n"


def found(folder: Path, *argv: str, stdin: bytes = b"", **env: str) -> Found:
    group, _ = parse_flags(FLAGS, argv)
    return find(group, env, str(folder), io.BytesIO(stdin))


def names(result: Found) -> list[str]:
    return [Path(source.path).name for source in result.sources]


@pytest.mark.parametrize("name", ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"])
def test_the_usual_names_are_found_here_and_above(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(YAML)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    result = found(below)
    assert names(result) == [name]
    assert result.working_dir == str(tmp_path)


def test_compose_yaml_goes_before_the_old_names_and_takes_its_override_along(tmp_path: Path) -> None:
    for name in ("docker-compose.yml", "compose.yaml", "compose.override.yaml"):
        (tmp_path / name).write_text(YAML)
    assert names(found(tmp_path)) == ["compose.yaml", "compose.override.yaml"]


def test_named_files_are_merged_in_order_and_leave_the_override_out(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml", "compose.override.yaml"):
        (tmp_path / name).write_text(YAML)
    result = found(tmp_path, "-f", "b.yaml", "-f", "a.yaml")
    assert names(result) == ["b.yaml", "a.yaml"]
    assert [source.shown for source in result.sources] == ["b.yaml", "a.yaml"]


def test_the_folder_of_the_first_file_is_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "c.yaml").write_text(YAML)
    assert found(tmp_path, "-f", "app/c.yaml").working_dir == str(tmp_path / "app")
    assert found(tmp_path, "-f", "app/c.yaml", "--project-directory", ".").working_dir == str(tmp_path)


def test_a_file_may_come_from_standard_input(tmp_path: Path) -> None:
    result = found(tmp_path, "-f", "-", stdin=b"name: x\n")
    assert result.sources[0].text == "name: x\n" and result.sources[0].shown == "-"
    assert result.working_dir == str(tmp_path)


def test_compose_file_and_its_separator(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(YAML)
    assert names(found(tmp_path, COMPOSE_FILE="a.yaml:b.yaml")) == ["a.yaml", "b.yaml"]
    assert names(found(tmp_path, COMPOSE_FILE="a.yaml,b.yaml", COMPOSE_PATH_SEPARATOR=",")) == ["a.yaml", "b.yaml"]


def test_the_env_file_may_name_the_compose_file_and_the_project(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(YAML)
    (tmp_path / ".env").write_text("COMPOSE_FILE=other.yaml\nCOMPOSE_PROJECT_NAME=mine\nCOMPOSE_PROFILES=a,b\n")
    result = found(tmp_path)
    assert names(result) == ["other.yaml"]
    assert (result.project_name, result.profiles) == ("mine", ("a", "b"))
    assert result.env_files == (str(tmp_path / ".env"),)


def test_the_shell_goes_before_the_env_file_and_a_later_env_file_before_an_earlier(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(YAML)
    (tmp_path / "one.env").write_text("A=1\nB=1\nC=1\n")
    (tmp_path / "two.env").write_text("B=2\nC=2\nD=${A}2\n")
    env = found(tmp_path, "--env-file", "one.env", "--env-file", "two.env", C="shell").env
    assert (env["A"], env["B"], env["C"], env["D"]) == ("1", "2", "shell", "12")


def test_env_files_from_the_environment_and_none_at_all(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(YAML)
    (tmp_path / ".env").write_text("A=usual\n")
    (tmp_path / "x.env").write_text("A=x\n")
    assert found(tmp_path).env["A"] == "usual"
    assert found(tmp_path, COMPOSE_ENV_FILES="x.env").env["A"] == "x"
    assert "A" not in found(tmp_path, COMPOSE_DISABLE_ENV_FILE="1").env


def test_the_env_file_next_to_a_compose_file_further_up_is_read(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(YAML)
    (tmp_path / ".env").write_text("A=above\n")
    below = tmp_path / "sub"
    below.mkdir()
    assert found(below).env["A"] == "above"


def test_flags_go_before_variables(tmp_path: Path) -> None:
    result = found(tmp_path, "-p", "flag", "--profile", "p", COMPOSE_PROJECT_NAME="env", COMPOSE_PROFILES="q")
    assert (result.project_name, result.profiles) == ("flag", ("p",))


def test_without_a_file_there_are_no_sources(tmp_path: Path) -> None:
    assert found(tmp_path, "--project-directory", ".").sources == ()


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"open .*/nope\.yaml: no such file or directory"):
        found(tmp_path, "-f", "nope.yaml")
    with pytest.raises(NotFound, match=r"couldn't find env file: .*/nope\.env"):
        found(tmp_path, "--env-file", "nope.env")


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidArgument, match="not a text file"):
        found(tmp_path)
