"""The completion scripts, run by the shells that they are for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shoal.cli.system.completion import bash_script, fish_script, zsh_script


def test_completion_knows_the_commands() -> None:
    for script in (bash_script(), zsh_script(), fish_script()):
        assert "container" in script and "network" in script and "no-trunc" in script


#: a `shoal` that lists what it was asked, in place of an engine's names
_ASKED = """
shoal() { local IFS=_; echo "asked:$*"; }
COMP_WORDS=(%s) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _shoal; printf '%%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("shoal net", ["network"]),
        ("shoal network c", ["connect", "create"]),
        ("shoal -H unix:///x.sock network c", ["connect", "create"]),
        ("shoal up --sca", ["--scale"]),
        ("shoal ps --fo", ["--format"]),
        ("shoal rm -f a", ["asked:ps_-a_--format_{{.Names}}"]),
        ("shoal container logs a", ["asked:ps_-a_--format_{{.Names}}"]),
        ("shoal image rm a", ["asked:images_--format_{{.Repository}}:{{.Tag}}"]),
        ("shoal network rm a", ["asked:network_ls_--format_{{.Name}}"]),
        ("shoal volume inspect a", ["asked:volume_ls_-q"]),
        ("shoal service scale a", ["asked:service_ls_--format_{{.Name}}"]),
        ("shoal node promote a", ["asked:node_ls_--format_{{.Hostname}}"]),
        ("shoal secret rm a", ["asked:secret_ls_--format_{{.Name}}"]),
        ("shoal swarm join-token w", ["worker"]),
        ("shoal compose up a", ["asked:compose_config_--services"]),
        ("shoal compose -f x.yaml --profile p logs a", ["asked:compose_-f_x.yaml_--profile_p_config_--services"]),
        ("shoal compose -f x.yaml pul", ["pull"]),
    ],
)
def test_completion_offers_commands_flags_and_names(line: str, offered: list[str]) -> None:
    script = bash_script() + _ASKED.replace("${*// /_}", '$(IFS=_; echo "$*")') % line
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == offered


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh here")
def test_zsh_runs_bash_s_script() -> None:
    """zsh runs it with arrays as ksh's; `compgen` is there only while its editor completes."""
    run = """
    compgen() { print -r -- $2 }
    setopt ksharrays
    COMP_WORDS=(shoal network c) COMP_CWORD=2
    _shoal && print -r -- "${COMPREPLY[@]}"
    """
    done = subprocess.run(["zsh", "-fc", zsh_script() + run], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (
        ["connect", "create", "disconnect", "inspect", "ls", "prune", "rm"],
        "",
    )


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("shoal netw", ["network"]),
        ("shoal network c", ["connect", "create"]),
        ("shoal ps --fo", ["--format"]),
        ("shoal rm ask", ["asked:ps_-a_--format_{{.Names}}"]),
        ("shoal network rm ask", ["asked:network_ls_--format_{{.Name}}"]),
        ("shoal compose up ask", ["asked:compose_config_--services"]),
    ],
)
def test_fish_offers_commands_flags_and_names(line: str, offered: list[str], tmp_path: Path) -> None:
    run = f"function shoal; echo asked:(string join _ -- $argv); end; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "-N", "-c", f"{fish_script()}\n{run}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},  # several at a time must not meet in one
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [text.partition("\t")[0] for text in done.stdout.splitlines()] == offered
