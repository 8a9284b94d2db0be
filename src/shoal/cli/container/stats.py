"""`shoal stats`: docker's table of what containers use, live or once."""

from __future__ import annotations

import threading
import time

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.listing import Listing, print_list
from shoal.cli.units import binary_size_text, short_id, size_text
from shoal.errors import ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_REFRESH_S = 0.5
_UNKNOWN = "--"


class Usage:
    """What one container uses, as shown; `sample` is None until the first answer.

    asked: the name or id on the command line, "" where it was found in the list
    """

    def __init__(self, identifier: str, name: str, *, asked: str = "") -> None:
        self.identifier = identifier
        self.asked = asked
        self.name = name
        self.sample: Mapping[str, Any] | None = None
        self.problem: ShoalError | None = None


def stats_listing(*, is_truncated: bool) -> Listing:
    """How usages are listed."""

    def shown(text: Any) -> Any:
        return lambda usage: text(usage.sample) if usage.sample else _UNKNOWN

    def identifier(usage: Usage) -> str:
        return short_id(usage.identifier) if is_truncated else usage.identifier

    fields = {
        "BlockIO": lambda usage: _pair(usage, block_bytes, size_text),
        "CPUPerc": shown(lambda sample: f"{cpu_percent(sample):.2f}%"),
        "Container": lambda usage: usage.asked or identifier(usage),
        "ID": identifier,
        "MemPerc": shown(lambda sample: f"{_memory_percent(sample):.2f}%"),
        "MemUsage": lambda usage: _pair(usage, memory_bytes, binary_size_text),
        "Name": lambda usage: usage.name or _UNKNOWN,
        "NetIO": lambda usage: _pair(usage, network_bytes, size_text),
        "PIDs": shown(lambda sample: str((sample.get("pids_stats") or {}).get("current", 0))),
    }
    headings = {
        "BlockIO": "BLOCK I/O",
        "CPUPerc": "CPU %",
        "ID": "CONTAINER ID",
        "MemPerc": "MEM %",
        "MemUsage": "MEM USAGE / LIMIT",
        "NetIO": "NET I/O",
    }
    columns = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
    return Listing(fields, columns, headings=headings)


def _pair(usage: Usage, numbers: Any, text: Any) -> str:
    if not usage.sample:
        return f"{_UNKNOWN} / {_UNKNOWN}"
    first, second = numbers(usage.sample)
    return f"{text(first)} / {text(second)}"


def cpu_percent(sample: Mapping[str, Any]) -> float:
    """Share of one CPU that was used between this sample and the one before; 100 = one whole CPU."""
    now, before = sample.get("cpu_stats") or {}, sample.get("precpu_stats") or {}
    used = (now.get("cpu_usage") or {}).get("total_usage", 0) - (before.get("cpu_usage") or {}).get("total_usage", 0)
    elapsed = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    cpus = now.get("online_cpus") or len((now.get("cpu_usage") or {}).get("percpu_usage") or ()) or 1
    return used / elapsed * cpus * 100.0 if elapsed > 0 and used > 0 else 0.0


def memory_bytes(sample: Mapping[str, Any]) -> tuple[int, int]:
    """(used without the page cache that can be dropped, limit). Source: docker's calculateMemUsageUnixNoCache."""
    memory = sample.get("memory_stats") or {}
    usage, details = memory.get("usage", 0), memory.get("stats") or {}
    for key in ("total_inactive_file", "inactive_file"):  # cgroup v1, v2
        if 0 < details.get(key, 0) < usage:
            return usage - details[key], memory.get("limit", 0)
    return usage, memory.get("limit", 0)


def _memory_percent(sample: Mapping[str, Any]) -> float:
    used, limit = memory_bytes(sample)
    return used / limit * 100.0 if limit else 0.0


def network_bytes(sample: Mapping[str, Any]) -> tuple[int, int]:
    """(received, sent) over all interfaces."""
    networks = (sample.get("networks") or {}).values()
    return sum(each.get("rx_bytes", 0) for each in networks), sum(each.get("tx_bytes", 0) for each in networks)


def block_bytes(sample: Mapping[str, Any]) -> tuple[int, int]:
    """(read, written) over all block devices."""
    entries = (sample.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    totals = {"r": 0, "w": 0}
    for entry in entries:
        kind = str(entry.get("op", ""))[:1].lower()
        if kind in totals:
            totals[kind] += entry.get("value", 0)
    return totals["r"], totals["w"]


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    listing = stats_listing(is_truncated=not options.flag("no-trunc"))
    template = options.text("format")
    usages = _usages(context, arguments, options.flag("all"))
    if options.flag("no-stream"):
        threads = [threading.Thread(target=_fill_once, args=(context, usage)) for usage in usages]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        problems = [usage.problem for usage in usages if usage.problem]
        if problems:
            raise problems[0]
        print_list(context, listing, usages, template=template)
        return 0
    _run_live(context, options, arguments, usages, listing)
    return 0


def _usages(context: Context, names: list[str], has_stopped: bool) -> list[Usage]:
    if names:
        return [Usage(name, name, asked=name) for name in names]
    items = context.api.containers.list(all=has_stopped)
    return [Usage(item["Id"], (item.get("Names") or [""])[0].removeprefix("/")) for item in items]


def _fill_once(context: Context, usage: Usage) -> None:
    try:
        with context.api.containers.stats(usage.identifier, stream=False) as response:
            _take(usage, response.json())
    except ShoalError as error:
        usage.problem = error


def _follow(context: Context, usage: Usage) -> None:
    try:
        with context.api.containers.stats(usage.identifier, stream=True) as response:
            for sample in response.json_values():
                _take(usage, sample)
    except ShoalError as error:
        usage.problem = error
    usage.sample = None


def _take(usage: Usage, sample: Mapping[str, Any]) -> None:
    usage.identifier = sample.get("id") or usage.identifier
    usage.name = str(sample.get("name", usage.name)).removeprefix("/")
    usage.sample = sample


def _run_live(context: Context, options: Options, names: list[str], usages: list[Usage], listing: Listing) -> None:
    known: dict[str, Usage] = {}
    is_terminal = context.stdout_is_terminal()

    def add(found: list[Usage]) -> None:
        for usage in found:
            if usage.identifier not in known:
                known[usage.identifier] = usage
                threading.Thread(target=_follow, args=(context, usage), daemon=True).start()

    add(usages)
    next_list_at_s = time.monotonic() + 2
    while True:
        time.sleep(_REFRESH_S)
        if names and all(usage.problem for usage in known.values()):
            raise next(usage.problem for usage in known.values() if usage.problem)
        if not names and time.monotonic() >= next_list_at_s:
            current = _usages(context, [], options.flag("all"))
            add(current)
            gone = known.keys() - {usage.identifier for usage in current}
            for identifier in gone:
                del known[identifier]
            next_list_at_s = time.monotonic() + 2
        if is_terminal:
            context.write("\x1b[2J\x1b[H")
        print_list(context, listing, list(known.values()), template=options.text("format"))
        context.stdout.flush()


STATS = Command(
    "[OPTIONS] [CONTAINER...]",
    _run,
    (
        switch("all", "a", "Show all containers (default shows just running)"),
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("no-stream", "", "Disable streaming stats and only pull the first result"),
        switch("no-trunc", "", "Do not truncate output"),
    ),
)
