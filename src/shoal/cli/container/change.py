"""Commands that change or keep a container: rename, update, commit, export."""

from __future__ import annotations

import shutil

from shoal.cli.command import MANY, Command, Context
from shoal.cli.each import for_each
from shoal.cli.errors import PlainError, UsageError
from shoal.cli.flags import Flag, Options, number, several, switch
from shoal.client.images import split_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal.client.http import Response

#: {flag: key of the body}
_UPDATE_KEYS = {
    "blkio-weight": "BlkioWeight",
    "cpu-period": "CpuPeriod",
    "cpu-quota": "CpuQuota",
    "cpu-rt-period": "CpuRealtimePeriod",
    "cpu-rt-runtime": "CpuRealtimeRuntime",
    "cpu-shares": "CpuShares",
    "cpuset-cpus": "CpusetCpus",
    "cpuset-mems": "CpusetMems",
    "memory": "Memory",
    "memory-reservation": "MemoryReservation",
    "memory-swap": "MemorySwap",
    "pids-limit": "PidsLimit",
}


def _rename(context: Context, options: Options, arguments: list[str]) -> int:
    old, new = (argument.strip() for argument in arguments)
    if not old or not new:
        raise PlainError("Error: Neither old nor new names may be empty")
    context.api.containers.rename(old, new)
    return 0


def update_body(options: Options) -> dict[str, Any]:
    """Body of the request that updates a container. Raises: UsageError where nothing is to be changed."""
    from shoal.cli.container.create.host_config import parse_nano_cpus, parse_restart_policy

    body: dict[str, Any] = {key: options[flag] for flag, key in _UPDATE_KEYS.items() if options.is_given(flag)}
    if options.is_given("cpus"):
        body["NanoCpus"] = parse_nano_cpus(options.text("cpus"))
    if options.is_given("restart"):
        body["RestartPolicy"] = parse_restart_policy(options.text("restart"))
    if not body:
        raise UsageError("you must provide one or more flags when using this command")
    return body


def _update(context: Context, options: Options, arguments: list[str]) -> int:
    body = update_body(options)

    def update(name: str) -> None:
        for warning in (context.api.containers.update(name, body) or {}).get("Warnings") or ():
            context.warn(str(warning))

    return for_each(context, arguments, update)


def _commit(context: Context, options: Options, arguments: list[str]) -> int:
    name, tag = split_tag(arguments[1]) if len(arguments) > 1 else ("", "")
    query = {
        "container": arguments[0],
        "repo": name or None,
        "tag": tag or None,
        "comment": options.text("message") or None,
        "author": options.text("author") or None,
        "changes": options.list("change"),
        "pause": False if not options.flag("pause") or options.flag("no-pause") else None,
    }
    context.print(context.api.containers.commit(query)["Id"])
    return 0


def _export(context: Context, options: Options, arguments: list[str]) -> int:
    path = options.text("output")
    if not path and context.stdout_is_terminal():
        raise PlainError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    with context.api.containers.export(arguments[0]) as response:
        save_stream(context, response, path)
    return 0


def save_stream(context: Context, response: Response, path: str) -> None:
    """Write a body to a file (whole or not at all), or to standard output for ""."""
    import os

    if not path:
        for chunk in response.chunks():
            context.write_bytes(chunk)
        return
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            shutil.copyfileobj(response, file, 1 << 20)
        os.replace(temporary, path)
    except OSError as error:
        raise PlainError(f"failed to write {path}: {error.strerror}") from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


RENAME = Command("CONTAINER NEW_NAME", _rename, arguments=(2, 2))
UPDATE = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    _update,
    (
        number("blkio-weight", "", "Block IO (relative weight), between 10 and 1000, or 0 to disable"),
        number("cpu-period", "", "Limit CPU CFS (Completely Fair Scheduler) period"),
        number("cpu-quota", "", "Limit CPU CFS (Completely Fair Scheduler) quota"),
        number("cpu-rt-period", "", "Limit the CPU real-time period in microseconds"),
        number("cpu-rt-runtime", "", "Limit the CPU real-time runtime in microseconds"),
        number("cpu-shares", "c", "CPU shares (relative weight)"),
        Flag("cpus", "", "Number of CPUs", metavar="decimal"),
        Flag("cpuset-cpus", "", "CPUs in which to allow execution (0-3, 0,1)"),
        Flag("cpuset-mems", "", "MEMs in which to allow execution (0-3, 0,1)"),
        Flag("memory", "m", "Memory limit", kind="bytes"),
        Flag("memory-reservation", "", "Memory soft limit", kind="bytes"),
        Flag("memory-swap", "", "Swap limit equal to memory plus swap: -1 to enable unlimited swap", kind="bytes"),
        number("pids-limit", "", "Tune container pids limit (set -1 for unlimited)"),
        Flag("restart", "", "Restart policy to apply when a container exits"),
    ),
    arguments=(1, MANY),
)
COMMIT = Command(
    "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    _commit,
    (
        Flag("author", "a", 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
        several("change", "c", "Apply Dockerfile instruction to the created image"),
        Flag("message", "m", "Commit message"),
        switch("no-pause", "", "Disable pausing container during commit"),
        switch("pause", "p", "Pause container during commit", default=True),
    ),
    arguments=(1, 2),
)
EXPORT = Command(
    "[OPTIONS] CONTAINER",
    _export,
    (Flag("output", "o", "Write to a file, instead of STDOUT"),),
    arguments=(1, 1),
)
