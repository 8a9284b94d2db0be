"""The CLI reference, made from the table of commands: `python -m shoal.cli.reference > docs/cli.md`."""

from __future__ import annotations

import sys

from shoal.cli.commands import COMMANDS, GROUPS, load_command, load_group_flags, summary_of
from shoal.cli.help import default_text, other_names
from shoal.cli.main import GLOBAL_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from shoal.cli.flags import Flag

_HEAD = """\
# Command line

Made from the table of commands by `python -m shoal.cli.reference`; a test holds it to the code.

`shoal [OPTIONS] COMMAND`. The words are docker's: what works with `docker` works with `shoal`, and `docker compose`
is `shoal compose` (`shoal up` and `shoal down` are short forms). Flags are written `--name value`, `--name=value`,
`-n value`, `-nvalue`; short switches may be joined (`-it`); `--` ends the flags. `run`, `create`, `exec` and `top`
take flags only before their first argument.

## The engine's address

`-H`, else `SHOAL_HOST`, else `DOCKER_HOST`, else `unix:///run/shoal/shoal.sock`. TCP is `tcp://name:port`, with
`--tlsverify` (and `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`) for TLS. The newest API version that both sides speak is
used; `SHOAL_API_VERSION` or `DOCKER_API_VERSION` fixes it. Logins are kept in `~/.docker/config.json` as docker
keeps them (`SHOAL_CONFIG`, else `DOCKER_CONFIG`, names another folder), in plain or through its credential helpers.

## Exit statuses

| status | meaning |
|---|---|
| 0 | done |
| 1 | the engine refused, part of the names on the command line failed, or arguments are missing or too many |
| 125 | a flag is unknown or its value is wrong (of `compose`: 1) |
| 125, 126, 127 | `run`: nothing was run; the command can't be executed; the command was not found |
| the command's own | `run`, `exec`, `start -a`, `attach`: the exit status of what ran |
| 3 | `daemon status`: the engine does not run |
| 130 | interrupted |

## Formats

`--format` takes `json`, `table`, or a Go template: fields, `range`, `if`, `with`, variables, pipelines, and the
functions `json`, `join`, `split`, `lower`, `upper`, `title`, `pad`, `truncate`, `println`, `printf`, `print`,
`len`, `index`, `slice`, `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `and`, `or`, `not`. `table TEMPLATE` prints headings
above the columns, which `\\t` separates.
"""


def reference() -> str:
    """The whole page, in Markdown."""
    parts = [_HEAD, "## Global options\n", _flag_table(GLOBAL_FLAGS)]
    top = [name for name in sorted(COMMANDS) if " " not in name]
    parts += ["## shoal\n", *(part for name in top for part in _command(name))]
    for group in sorted(GROUPS):
        parts.append(f"## shoal {group}\n\n{GROUPS[group]}.\n")
        flags = load_group_flags(group)
        if flags:
            parts.append(_flag_table(flags))
        names = [name for name in sorted(COMMANDS) if name.startswith(group + " ")]
        parts += [part for name in names for part in _command(name)]
    return "\n".join(parts).rstrip() + "\n"


def _command(name: str) -> Iterable[str]:
    command = load_command(name)
    usage = "\n".join(line.strip() for line in f"shoal {name} {command.usage}".strip().splitlines())
    yield f"### shoal {name}\n\n{summary_of(name)}.\n\n```\n{usage}\n```\n"
    others = other_names(name)
    if others:
        yield f"Also: {', '.join(f'`shoal {other}`' for other in others)}.\n"
    if any(flag.help for flag in command.flags):
        yield _flag_table(command.flags)
    if command.notes:
        yield f"```\n{command.notes}\n```\n" if "\n" in command.notes else f"{command.notes}\n"


def _flag_table(flags: Iterable[Flag]) -> str:
    rows = ["| flag | |", "|---|---|"]
    for flag in sorted(flags, key=lambda flag: flag.name):
        if flag.help:
            short = f"`-{flag.short}`, " if flag.short else ""
            text = (flag.help + default_text(flag)).replace("|", "\\|")
            rows.append(f"| {short}`--{flag.name}{' ' + flag.metavar if flag.metavar else ''}` | {text} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
