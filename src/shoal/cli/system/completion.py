"""`shoal completion bash|zsh|fish`: scripts made from the table of commands."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.commands import ALIASES, COMMANDS, GROUPS, SHORT_FORMS, load_command, load_group_flags, summary_of
from shoal.cli.errors import UsageError
from shoal.cli.flags import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shoal.cli.flags import Flag

_SHELLS = ("bash", "fish", "zsh")

_CONTAINER = (
    "attach commit cp diff exec export inspect kill logs pause port rename restart rm start stats stop top unpause "
    "update wait"
)
_IMAGE = "create history push rmi run save tag"
_COMPOSE = (
    "attach build cp create down exec images kill logs pause port ps pull push restart rm run scale start stats stop "
    "top unpause up wait"
)
_OF_COMPOSE = "config --services"


def _of(group: str, names: str) -> tuple[str, ...]:
    return tuple(f"{group} {name}" for name in names.split())


#: (what lists the names that may follow, commands that take them); asked of the engine while completing
_LISTS = (
    ("shoal ps -a --format '{{.Names}}'", (*_CONTAINER.split(), *_of("container", _CONTAINER))),
    (
        "shoal images --format '{{.Repository}}:{{.Tag}}'",
        (*_IMAGE.split(), *_of("container", "create run"), *_of("image", "history inspect push rm save tag")),
    ),
    ("shoal network ls --format '{{.Name}}'", _of("network", "connect disconnect inspect rm")),
    ("shoal volume ls -q", _of("volume", "inspect rm")),
    ("shoal node ls --format '{{.Hostname}}'", _of("node", "demote inspect promote ps rm update")),
    ("shoal service ls --format '{{.Name}}'", _of("service", "inspect logs ps rm rollback scale update")),
    ("shoal stack ls --format '{{.Name}}'", _of("stack", "deploy plan ps rm run services")),
    ("shoal secret ls --format '{{.Name}}'", _of("secret", "inspect rm")),
    ("shoal config ls --format '{{.Name}}'", _of("config", "inspect rm")),
    ("echo worker manager", _of("swarm", "join-token")),
)


def _words(flags: Iterable[Flag]) -> list[str]:
    return [f"--{flag.name}" for flag in sorted(flags, key=lambda flag: flag.name) if flag.help]


def _top_level() -> list[str]:
    return sorted({*GROUPS, *(name for name in COMMANDS if " " not in name), *SHORT_FORMS})


def _within(group: str) -> list[str]:
    return sorted(name.partition(" ")[2] for name in COMMANDS if name.startswith(group + " "))


def _flags_by_command() -> dict[str, list[str]]:
    """{name as typed, also short forms: its flags}."""
    found = {group: _words(load_group_flags(group)) for group in GROUPS}
    found.update({name: _words(load_command(name).flags) for name in COMMANDS})
    found.update({short: found[full] for table in (SHORT_FORMS, ALIASES) for short, full in table.items()})
    return found


def _flags_with_values(flags: Iterable[Flag]) -> list[str]:
    """["-f", "--file", …]: those whose value may be the next word."""
    valued = [flag for flag in flags if flag.bare is None]
    return [name for flag in valued for name in (f"-{flag.short}" if flag.short else "", f"--{flag.name}") if name]


def bash_script() -> str:
    """Completion for bash."""
    from shoal.cli.main import GLOBAL_FLAGS

    valued = "|".join(_flags_with_values((*GLOBAL_FLAGS, *load_group_flags("compose"))))
    cases = "\n".join(f'        "{name}") flags="{" ".join(flags)}" ;;' for name, flags in _flags_by_command().items())
    groups = "\n".join(f'        {group}) offers="{" ".join(_within(group))}" ;;' for group in sorted(GROUPS))
    lists = "\n".join(
        f'        {"|".join(_quoted(name) for name in names)}) offers="$({command} 2>/dev/null)" ;;'
        for command, names in _LISTS
    )
    services = "|".join(_quoted(name) for name in _of("compose", _COMPOSE))
    return f"""# bash completion for shoal
_shoal() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" first="" second="" before="" word offers="" flags="" given=()
    for word in "${{COMP_WORDS[@]:1:$((COMP_CWORD-1))}}"; do
        if [[ -z $first || ( $first == compose && -z $second ) ]]; then
            [[ $first == compose && ( $word == -* || $before == -* ) ]] && given+=("$word")
            case "$before" in {valued}) before=""; continue ;; esac
        fi
        before=$word
        [[ $word == -* ]] && continue
        if [[ -z $first ]]; then first=$word; elif [[ -z $second ]]; then second=$word; fi
    done
    case "$first" in
        "") offers="{" ".join(_top_level())}" ;;
{groups}
    esac
    local name="$first"
    case " {" ".join(sorted(GROUPS))} " in
        *" $first "*) [[ -n $second ]] && name="$first $second" && offers="" ;;
    esac
    case "$name" in
{lists}
        up|down|{services}) offers="$(shoal compose "${{given[@]}}" {_OF_COMPOSE} 2>/dev/null)" ;;
    esac
    case "$name" in
{cases}
    esac
    if [[ $current == -* ]]; then offers="$flags"; fi
    COMPREPLY=($(compgen -W "$offers" -- "$current"))
}}
complete -o default -F _shoal shoal
"""


def zsh_script() -> str:
    """Completion for zsh: bash's, through bashcompinit."""
    start = (
        "#compdef shoal",
        "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }",
        "autoload -Uz bashcompinit && bashcompinit",
    )
    return "\n".join((*start, bash_script()))


def fish_script() -> str:
    """Completion for fish."""
    lines = ["# fish completion for shoal", "complete -c shoal -f"]
    lines += [
        f"complete -c shoal -n __fish_use_subcommand -a {name} -d {_quoted(summary_of(name))}" for name in _top_level()
    ]
    for group in sorted(GROUPS):
        names = " ".join(_within(group))
        condition = f"__fish_seen_subcommand_from {group}; and not __fish_seen_subcommand_from {names}"
        lines += [
            f"complete -c shoal -n {_quoted(condition)} -a {name} -d {_quoted(summary_of(f'{group} {name}'))}"
            for name in _within(group)
        ]
    for name in _top_level():
        if name not in GROUPS:
            flags = load_command(SHORT_FORMS.get(name, name)).flags
            lines += [_fish_flag(name, flag) for flag in flags if flag.help]
    for command, takers in (*_LISTS, (f"shoal compose {_OF_COMPOSE}", ("up", "down", *_of("compose", _COMPOSE)))):
        by_group: dict[str, list[str]] = {}
        for name in takers:
            group, _, verb = name.rpartition(" ")
            by_group.setdefault(group, []).append(verb)
        lines += [_fish_names(command, group, verbs) for group, verbs in by_group.items()]
    return "\n".join(lines) + "\n"


def _fish_names(command: str, group: str, verbs: Sequence[str]) -> str:
    """The names that follow these commands of a group; group "": those without one."""
    seen = f"__fish_seen_subcommand_from {group}" if group else f"not __fish_seen_subcommand_from {' '.join(GROUPS)}"
    condition = f"{seen}; and __fish_seen_subcommand_from {' '.join(verbs)}"
    return f"complete -c shoal -n {_quoted(condition)} -a {_quoted(f'({command} 2>/dev/null)')}"


def _fish_flag(name: str, flag: Flag) -> str:
    short = f" -s {flag.short}" if flag.short else ""
    needs_value = "" if flag.kind == "bool" else " -r"
    condition = _quoted(f"__fish_seen_subcommand_from {name}")
    return f"complete -c shoal -n {condition} -l {flag.name}{short}{needs_value} -d {_quoted(flag.help)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _run(context: Context, options: Options, arguments: Sequence[str]) -> int:
    scripts = {"bash": bash_script, "fish": fish_script, "zsh": zsh_script}
    if arguments[0] not in scripts:
        raise UsageError(f'unknown shell "{arguments[0]}"; wanted one of {", ".join(_SHELLS)}')
    context.stdout.write(scripts[arguments[0]]())
    return 0


COMPLETION = Command(
    "bash|zsh|fish",
    _run,
    arguments=(1, 1),
    notes="To load it:\n  bash:  source <(shoal completion bash)\n  zsh:   source <(shoal completion zsh)\n"
    "  fish:  shoal completion fish | source",
)
