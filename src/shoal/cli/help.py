"""Help texts, in docker's shape."""

from __future__ import annotations

from shoal.cli.commands import COMMANDS, COMMON, GROUPS, SHORT_FORMS, summary_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shoal.cli.command import Command
    from shoal.cli.flags import Flag


def program_help(flags: Sequence[Flag]) -> str:
    """What `shoal --help` prints."""
    top_level = sorted({name for name in COMMANDS if " " not in name} | set(SHORT_FORMS))
    parts = [
        "Usage:  shoal [OPTIONS] COMMAND",
        "Containers, Compose apps and Swarm stacks on Linux without Docker",
        "Common Commands:\n" + _rows((name, summary_of(name)) for name in COMMON),
        "Management Commands:\n" + _rows(sorted(GROUPS.items())),
        "Commands:\n" + _rows((name, summary_of(name)) for name in top_level if name not in COMMON),
        "Global Options:\n" + flag_rows(flags),
        "Run 'shoal COMMAND --help' for more information on a command.",
    ]
    return "\n\n".join(parts)


def group_help(group: str, flags: Sequence[Flag]) -> str:
    """What `shoal GROUP --help` prints."""
    names = sorted(name for name in COMMANDS if name.startswith(group + " "))
    parts = [
        f"Usage:  shoal {group} {'[OPTIONS] ' if flags else ''}COMMAND",
        GROUPS[group],
        *(["Options:\n" + flag_rows(flags)] if flags else []),
        "Commands:\n" + _rows((name.partition(" ")[2], summary_of(name)) for name in names),
        f"Run 'shoal {group} COMMAND --help' for more information on a command.",
    ]
    return "\n\n".join(parts)


def command_help(name: str, command: Command, *, path: str) -> str:
    """What `shoal COMMAND --help` prints.

    name: the full name, without "shoal"
    path: the name as it was typed, with "shoal"
    """
    others = other_names(name)
    parts = [usage_line(path, command), summary_of(name)]
    if others:
        parts.append("Aliases:\n  " + ", ".join(f"shoal {other}" for other in (name, *others)))
    if any(flag.help for flag in command.flags):
        parts.append("Options:\n" + flag_rows(command.flags))
    if command.notes:
        parts.append(command.notes)
    return "\n\n".join(parts)


def other_names(name: str) -> list[str]:
    """The other names of a command, short forms first."""
    from shoal.cli.commands import ALIASES

    return [other for table in (SHORT_FORMS, ALIASES) for other, target in table.items() if target == name]


def usage_line(path: str, command: Command) -> str:
    """ "Usage:  shoal container ls [OPTIONS]"."""
    return f"Usage:  {path} {command.usage}".rstrip()


def flag_rows(flags: Iterable[Flag]) -> str:
    """Flags, one a line, by name: short, long, kind, and what it does."""
    shown = sorted((flag for flag in flags if flag.help), key=lambda flag: flag.name)
    rows = []
    for flag in shown:
        short = f"-{flag.short}, " if flag.short else "    "
        rows.append((f"{short}--{flag.name} {flag.metavar}".rstrip(), flag.help + default_text(flag)))
    return _rows(rows)


def default_text(flag: Flag) -> str:
    """ " (default …)" of a flag whose help does not say it, or ""."""
    if "(default" in flag.help or flag.kind in ("list", "duration", "bytes") or not flag.default:
        return ""
    if flag.kind == "bool":
        return " (default true)"
    return f' (default "{flag.default}")' if flag.kind == "text" else f" (default {flag.default})"


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    known = list(rows)
    width = max((len(left) for left, _ in known), default=0) + 3
    return "\n".join(f"  {left:<{width}}{right}".rstrip() for left, right in known)
