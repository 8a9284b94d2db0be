"""One request for each name on the command line: what went well is printed, what failed does not stop the rest."""

from __future__ import annotations

from shoal.errors import ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shoal.cli.command import Context

_MAX_THREADS = 16


def for_each(
    context: Context,
    names: Sequence[str],
    action: Callable[[str], object],
    *,
    is_parallel: bool = False,
    is_quiet: bool = False,
) -> int:
    """Carry out `action` for each name; 0, or 1 where one failed.

    Prints what `action` returns if that is text, nothing for False, else the name; errors go to standard error.
    is_parallel: for actions that wait (stop, restart, wait)
    """
    from shoal.cli.errors import describe_error

    outcomes = (
        _in_threads(names, action) if is_parallel and len(names) > 1 else (_outcome(name, action) for name in names)
    )
    status = 0
    for name, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, ShoalError):
            status = 1
            context.warn(describe_error(outcome))
        elif not is_quiet and outcome is not False:
            context.print(outcome if isinstance(outcome, str) else name)
            context.stdout.flush()
    return status


def _outcome(name: str, action: Callable[[str], object]) -> object:
    try:
        return action(name)
    except ShoalError as error:
        return error


def _in_threads(names: Sequence[str], action: Callable[[str], object]) -> list[object]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(len(names), _MAX_THREADS)) as pool:
        return list(pool.map(lambda name: _outcome(name, action), names))
