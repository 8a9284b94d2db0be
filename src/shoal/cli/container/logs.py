"""`shoal logs`."""

from __future__ import annotations

import time

from shoal.cli.command import Command, Context
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.units import parse_time_s
from shoal.model.units import parse_duration_ns


def api_time(text: str, now_s: float) -> str:
    """A time as the API takes it, of "10m" (before now), an RFC 3339 time or a Unix time. Raises: UsageError."""
    if not text:
        return ""
    try:
        return f"{now_s - parse_duration_ns(text) / 1e9:.9f}"
    except ValueError:
        pass  # not a duration: a point in time
    if text.replace(".", "", 1).isdigit():
        return text
    try:
        return f"{_local_time_s(text):.9f}"
    except ValueError:
        raise UsageError(f'failed to parse value as time or duration: "{text}"') from None


def _local_time_s(text: str) -> float:
    """Seconds since the epoch; a time without zone is local."""
    if "T" not in text:
        text += "T00:00:00"
    clock = text.partition("T")[2]
    if clock.count(":") == 1 and not clock.endswith("Z"):
        text += ":00"
    seconds = parse_time_s(text)
    has_zone = text.endswith("Z") or any(sign in clock for sign in "+-")
    return seconds if has_zone else seconds - time.localtime(seconds).tm_gmtoff


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.cli.terminal import copy_frames
    from shoal.client.streams import frames, raw_frames

    tail = options.text("tail")
    if tail != "all" and not tail.lstrip("-").isdigit():
        raise UsageError(f'invalid argument "{tail}" for "-n, --tail" flag: expected a number or "all"')
    now_s = time.time()
    query = {
        "stdout": True,
        "stderr": True,
        "follow": options.flag("follow") or None,
        "timestamps": options.flag("timestamps") or None,
        "details": options.flag("details") or None,
        "since": api_time(options.text("since"), now_s) or None,
        "until": api_time(options.text("until"), now_s) or None,
        "tail": tail,
    }
    with context.api.containers.logs(arguments[0], query) as response:
        copy_frames(frames(response.read) if response.is_multiplexed() else raw_frames(response.read))
    return 0


LOGS = Command(
    "[OPTIONS] CONTAINER",
    _run,
    (
        switch("details", "", "Show extra details provided to logs"),
        switch("follow", "f", "Follow log output"),
        Flag("since", "", 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
        Flag("tail", "n", "Number of lines to show from the end of the logs", default="all"),
        switch("timestamps", "t", "Show timestamps"),
        Flag("until", "", 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
    ),
    arguments=(1, 1),
)
