"""`shoal service scale`, `rollback` and `rm`."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.each import for_each
from shoal.cli.errors import Exit, PlainError, describe_error
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.service.spec.service import scaled_spec
from shoal.errors import ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Scaled = tuple[str, str, Any]

_DETACH = switch("detach", "d", "Exit immediately instead of waiting for the service to converge")
_QUIET = switch("quiet", "q", "Suppress progress output")
_VERIFY = Flag(
    "verify",
    "",
    "Wait until all tasks have run for so long, each without an end (ns|us|ms|s|m|h)",
    kind="duration",
)
_MAX_REPLICAS = 2**63


def parse_scale(texts: Sequence[str]) -> list[tuple[str, int]]:
    """[("web", 5)] of "web=5". Raises: PlainError with docker's words, one line for each that is wrong"""
    found, complaints = [], []
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals:
            raise PlainError(f"invalid scale specifier '{text}'.\nSee 'shoal service scale --help'.\n")
        if not (number.isascii() and number.isdecimal() and int(number) < _MAX_REPLICAS):
            complaints.append(
                f'{name}: invalid replicas value {number}: strconv.ParseUint: parsing "{number}": invalid syntax'
            )
            continue
        found.append((name, int(number)))
    if complaints:
        raise PlainError("\n".join(complaints))
    return found


def _scale(context: Context, options: Options, arguments: list[str]) -> int:
    scaled: list[Scaled] = []
    complaints: list[str] = []
    for name, replicas in parse_scale(arguments):
        try:
            service = context.api.services.inspect(name)
            spec = scaled_spec(service["Spec"], replicas)
            answer = context.api.services.update(service["ID"], service["Version"]["Index"], spec)
        except ShoalError as error:
            complaints.append(f"{name}: {describe_error(error)}")
            continue
        for warning in answer.get("Warnings") or ():
            context.warn(warning)
        context.print(f"{name} scaled to {replicas}")
        scaled.append((name, service["ID"], service.get("UpdateStatus")))
    if not options.flag("detach"):
        complaints += _wait_for_all(context, scaled, stable_ns=options.number("verify"))
    for complaint in complaints:
        context.warn(complaint)
    if complaints:
        raise Exit(1)
    return 0


def _wait_for_all(context: Context, scaled: Sequence[Scaled], *, stable_ns: int) -> list[str]:
    from shoal.cli.service.progress import wait_on_service

    complaints = []
    for name, service_id, before in scaled:
        try:
            wait_on_service(context, service_id, before=before, stable_ns=stable_ns)
        except ShoalError as error:
            complaints.append(f"{name}: {describe_error(error)}")
    return complaints


def _rollback(context: Context, options: Options, arguments: list[str]) -> int:
    services = context.api.services
    service = services.inspect(arguments[0])
    answer = services.update(service["ID"], service["Version"]["Index"], service["Spec"], is_rollback=True)
    for warning in answer.get("Warnings") or ():
        context.warn(warning)
    context.print(arguments[0])
    if options.flag("detach"):
        return 0
    from shoal.cli.service.progress import wait_on_service

    return wait_on_service(
        context,
        service["ID"],
        before=service.get("UpdateStatus"),
        is_quiet=options.flag("quiet"),
        stable_ns=options.number("verify"),
    )


def _rebalance(context: Context, options: Options, arguments: list[str]) -> int:
    return for_each(context, arguments, context.api.services.rebalance)


def _rm(context: Context, options: Options, arguments: list[str]) -> int:
    return for_each(context, arguments, context.api.services.remove)


SCALE = Command(
    "SERVICE=REPLICAS [SERVICE=REPLICAS...]",
    _scale,
    (_DETACH, _VERIFY),
    arguments=(1, MANY),
)
ROLLBACK = Command("[OPTIONS] SERVICE", _rollback, (_DETACH, _QUIET, _VERIFY), arguments=(1, 1))
REBALANCE = Command(
    "SERVICE [SERVICE...]",
    _rebalance,
    arguments=(1, MANY),
    notes="After nodes came or came back: tasks move to them, one after another, each started before the one that it\n"
    "replaces is stopped. Tasks that need not move stay as they are.",
)
RM = Command("SERVICE [SERVICE...]", _rm, arguments=(1, MANY))
