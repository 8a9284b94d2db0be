"""Commands that look at a container: inspect, top, diff, port."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.inspecting import print_inspected

_KINDS = {0: "C", 1: "A", 2: "D"}


def _inspect(context: Context, options: Options, arguments: list[str]) -> int:
    has_size = options.flag("size")
    fetch = context.api.containers.inspect
    return print_inspected(context, arguments, lambda name: fetch(name, size=has_size), template=options.text("format"))


def _top(context: Context, options: Options, arguments: list[str]) -> int:
    container, *ps_args = arguments
    answer = context.api.containers.top(container, " ".join(ps_args))
    context.stdout.write(_top_table([answer["Titles"], *answer["Processes"]]))
    return 0


def _top_table(rows: list[list[str]]) -> str:
    """docker's top: columns at least 20 wide, a gap of three."""
    widths = [max(20, *(len(row[index]) + 3 for row in rows if index < len(row))) for index in range(len(rows[0]))]
    lines = ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in rows]
    return "".join(line.rstrip() + "\n" for line in lines)


def _diff(context: Context, options: Options, arguments: list[str]) -> int:
    for change in context.api.containers.changes(arguments[0]) or ():
        context.print(f"{_KINDS[change['Kind']]} {change['Path']}")
    return 0


def _port(context: Context, options: Options, arguments: list[str]) -> int:
    container = context.api.containers.inspect(arguments[0])
    ports = (container.get("NetworkSettings") or {}).get("Ports") or {}
    if len(arguments) == 1:
        for port in sorted(ports, key=lambda text: (int(text.partition("/")[0]), text)):
            for binding in ports[port] or ():
                context.print(f"{port} -> {_address(binding)}")
        return 0
    number, slash, protocol = arguments[1].partition("/")
    if not number.isdecimal():
        raise PlainError(f'Error: invalid port ({number}): strconv.ParseUint: parsing "{number}": invalid syntax')
    bindings = ports.get(f"{number}/{protocol if slash else 'tcp'}")
    if not bindings:
        raise PlainError(f"Error: No public port '{arguments[1]}' published for {arguments[0]}")
    for binding in bindings:
        context.print(_address(binding))
    return 0


def _address(binding: dict[str, str]) -> str:
    address = binding.get("HostIp", "")
    return f"[{address}]:{binding['HostPort']}" if ":" in address else f"{address}:{binding['HostPort']}"


INSPECT = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    _inspect,
    (
        Flag("format", "f", 'Format output: "json", or a Go template'),
        switch("size", "s", "Display total file sizes"),
    ),
    arguments=(1, MANY),
)
TOP = Command("CONTAINER [ps OPTIONS]", _top, arguments=(1, MANY), is_interspersed=False)
DIFF = Command("CONTAINER", _diff, arguments=(1, 1))
PORT = Command("CONTAINER [PRIVATE_PORT[/PROTO]]", _port, arguments=(1, 2))
