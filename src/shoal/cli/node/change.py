"""`shoal node update`, `promote`, `demote` and `rm`."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.each import for_each
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, several, switch
from shoal.cli.node.ls import manager_advice
from shoal.cli.values import split_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_AVAILABILITIES, _ROLES = ("active", "pause", "drain"), ("worker", "manager")


def edited_spec(spec: dict[str, Any], options: Options) -> dict[str, Any]:
    """A node's spec with what the flags of `node update` change. Raises: PlainError with docker's words"""
    edited = {**spec, "Labels": dict(spec.get("Labels") or {})}
    for flag, key, known in (("role", "Role", _ROLES), ("availability", "Availability", _AVAILABILITIES)):
        if not options.is_given(flag):
            continue
        if options.text(flag).lower() not in known:
            wanted = f"{', '.join(known[:-1])} and {known[-1]}"
            raise PlainError(f'invalid {flag} "{options.text(flag)}", only {wanted} are supported')
        edited[key] = options.text(flag).lower()
    edited["Labels"].update({key: value or "" for key, value in map(split_pair, options.list("label-add"))})
    for key in options.list("label-rm"):
        if key not in edited["Labels"]:
            raise PlainError(f"key {key} doesn't exist in node's labels")
        del edited["Labels"][key]
    return edited


def _update(context: Context, options: Options, arguments: list[str]) -> int:
    node = context.api.nodes.inspect(arguments[0])
    context.api.nodes.update(node["ID"], node["Version"]["Index"], edited_spec(node["Spec"], options))
    context.print(arguments[0])
    return 0


def _set_roles(context: Context, names: list[str], role: str, done: str, already: str) -> int:
    def change(name: str) -> str:
        node = context.api.nodes.inspect(name)
        if node["Spec"].get("Role") == role:
            return already.format(node["ID"])
        context.api.nodes.update(node["ID"], node["Version"]["Index"], {**node["Spec"], "Role": role})
        return done.format(name)

    status = for_each(context, names, change)
    if status == 0 and context.stdout_is_terminal():
        advice = manager_advice(context.api.nodes.list())
        if advice:
            context.warn(advice)
    return status


def _promote(context: Context, options: Options, arguments: list[str]) -> int:
    already = "Node {} is already a manager."
    return _set_roles(context, arguments, "manager", "Node {} promoted to a manager in the swarm.", already)


def _demote(context: Context, options: Options, arguments: list[str]) -> int:
    already = "Node {} is already a worker."
    return _set_roles(context, arguments, "worker", "Manager {} demoted in the swarm.", already)


def _rm(context: Context, options: Options, arguments: list[str]) -> int:
    return for_each(context, arguments, lambda name: context.api.nodes.remove(name, force=options.flag("force")))


UPDATE = Command(
    "[OPTIONS] NODE",
    _update,
    (
        Flag("availability", "", 'Availability of the node ("active", "pause", "drain")'),
        several("label-add", "", 'Add or update a node label ("key=value")'),
        several("label-rm", "", "Remove a node label if exists"),
        Flag("role", "", 'Role of the node ("worker", "manager")'),
    ),
    arguments=(1, 1),
)
PROMOTE = Command("NODE [NODE...]", _promote, arguments=(1, MANY))
DEMOTE = Command("NODE [NODE...]", _demote, arguments=(1, MANY))
RM = Command(
    "[OPTIONS] NODE [NODE...]",
    _rm,
    (switch("force", "f", "Force remove a node from the swarm"),),
    arguments=(1, MANY),
)
