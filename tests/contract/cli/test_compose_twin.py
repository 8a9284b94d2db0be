"""Every command and flag of Docker Compose 2.40.3 is known to `shoal compose`: asked from the program itself."""

import re
import subprocess

import pytest

from shoal.cli.commands import COMPOSE, load_command
from shoal.cli.compose.flags import FLAGS
from tests.support.foreign import compose_binary

#: commands of Compose that Shoal does not have
MISSING = {"bridge", "publish"}
_FLAG = re.compile(r"^  (?:-(\w), |    )--([\w-]+)", re.MULTILINE)
_COMMAND = re.compile(r"^  ([a-z]+) +[A-Z]", re.MULTILINE)


def help_of(*words: str) -> str:
    done = subprocess.run([compose_binary(), *words, "--help"], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout


def flags_of(text: str) -> set[tuple[str, str]]:
    """(long, short) of the flags in a help text."""
    return {(name, short) for short, name in _FLAG.findall(text)}


def test_every_command_is_there() -> None:
    theirs = set(_COMMAND.findall(help_of().partition("Commands:")[2])) | {"bridge"}
    assert theirs - MISSING <= set(COMPOSE)
    assert len(theirs) > 30


def test_every_flag_before_the_command_is_known() -> None:
    ours = {(flag.name, flag.short) for flag in FLAGS}
    assert flags_of(help_of()) <= ours


@pytest.mark.parametrize("command", sorted(COMPOSE))
def test_every_flag_of_a_command_is_known(command: str) -> None:
    ours = {(flag.name, flag.short) for flag in load_command(f"compose {command}").flags}
    theirs = flags_of(help_of(command))
    assert theirs and theirs <= ours
