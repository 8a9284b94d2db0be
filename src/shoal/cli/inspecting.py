"""`inspect` of any noun: a JSON array, or each object through a template."""

from __future__ import annotations

import json

from shoal.errors import ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from shoal.cli.command import Context


def print_inspected(context: Context, names: Sequence[str], fetch: Callable[[str], Any], *, template: str = "") -> int:
    """Print what `fetch` gives for each name; 0, or 1 where one failed (the others are printed)."""
    from shoal.cli.errors import describe_error

    compiled = None
    if template and template != "json":
        from shoal.cli.gotemplate import compile_template

        compiled = compile_template(template)
    found, complaints = [], []
    for name in names:
        try:
            value = fetch(name)
            found.append(compiled.render(value) if compiled else value)
        except ShoalError as error:
            complaints.append(describe_error(error))
    if compiled:
        context.stdout.write("".join(text + "\n" for text in found))
    elif template == "json":
        context.stdout.write(
            "".join(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n" for value in found)
        )
    else:
        context.stdout.write(json.dumps(found, indent=4, ensure_ascii=False) + "\n")
    for complaint in complaints:
        context.warn(complaint)
    return 1 if complaints else 0


def print_pretty(
    context: Context, names: Sequence[str], fetch: Callable[[str], Any], pretty: Callable[[Any], str], *, template: str
) -> int:
    """Print what `pretty` makes of each object, for people; 0, or 1 where one failed."""
    from shoal.cli.errors import PlainError, describe_error

    if template not in ("", "pretty"):
        raise PlainError("--format is incompatible with human friendly format")
    complaints = []
    for name in names:
        try:
            context.stdout.write(pretty(fetch(name)))
        except ShoalError as error:
            complaints.append(describe_error(error))
    for complaint in complaints:
        context.warn(complaint)
    return 1 if complaints else 0
