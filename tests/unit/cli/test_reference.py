"""docs/cli.md is complete and current; every command of the table is there and says what it does."""

from pathlib import Path

import pytest

from shoal.cli.commands import ALIASES, COMMANDS, COMMON, GROUPS, SHORT_FORMS, full_name, load_command, load_group_flags
from shoal.cli.help import command_help, group_help, program_help
from shoal.cli.main import GLOBAL_FLAGS
from shoal.cli.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == reference(), "run: python -m shoal.cli.reference > docs/cli.md"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented_with_all_its_flags(name: str) -> None:
    section = PAGE.read_text().partition(f"\n### shoal {name}\n")[2].partition("\n### ")[0]
    assert section
    for flag in load_command(name).flags:
        assert not flag.help or f"`--{flag.name}" in section


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_s_table_is_sound(name: str) -> None:
    command = load_command(name)
    names = [flag.name for flag in command.flags]
    shorts = [flag.short for flag in command.flags if flag.short]
    assert len(set(names)) == len(names) and len(set(shorts)) == len(shorts)
    least, most = command.arguments
    assert least >= 0 and (most == -1 or most >= least)
    assert command_help(name, command, path=f"shoal {name}").startswith(f"Usage:  shoal {name}")


def test_every_name_leads_to_a_command() -> None:
    assert set(SHORT_FORMS.values()) | set(ALIASES.values()) <= set(COMMANDS)
    assert {name.partition(" ")[0] for name in COMMANDS if " " in name} == set(GROUPS)
    assert full_name(["ps"]) == full_name(["container", "ls"]) == full_name(["container", "list"]) == "container ls"
    assert full_name(["nonsense"]) is None


def test_helps() -> None:
    text = program_help(GLOBAL_FLAGS)
    for name in (*COMMON, *GROUPS):
        assert f"\n  {name} " in text
    assert "  ls " in group_help("container", ())
    assert "--project-name" in group_help("compose", load_group_flags("compose"))
    shown = command_help("container run", load_command("container run"), path="shoal run")
    assert "Aliases:\n  shoal container run, shoal run" in shown
    assert "  -i, --interactive " in shown
    assert "disable-content-trust" not in shown
