"""conmon's log format, that of the Kubernetes CRI: "<time> stdout F <data>"; F ends a line, P is a piece of one.

Times are in UTC ("+00:00"), of one width, so they sort as bytes. Source: Kubernetes, CRI logging design.
"""

from datetime import UTC, datetime

from shoal.contracts.logs import LogRecord
from shoal.contracts.runtime import STDERR, STDOUT

#: characters of a time up to the last digit of its nanoseconds
TIME = 29


_DATA = TIME + len(b"+00:00 stdout F ")
#: what is between time and data in all but odd lines: (stream, what ends the data)
_USUAL = {
    b"+00:00 %s %s " % (name, tag): (stream, end)
    for name, stream in ((b"stdout", STDOUT), (b"stderr", STDERR))
    for tag, end in ((b"F", b"\n"), (b"P", b""))
}


def parse_line(line: bytes) -> LogRecord | None:
    """The record of one line without its newline; None when it is none (a file that was cut)."""
    if usual := _USUAL.get(line[TIME:_DATA]):
        return LogRecord(usual[0], line[:TIME] + b"Z", line[_DATA:] + usual[1])
    parts = line.split(b" ", 3)
    if len(parts) != 4 or len(parts[0]) < TIME:
        return None
    time, stream, tag, data = parts
    if stream not in (b"stdout", b"stderr"):
        return None
    ended = not tag.startswith(b"P")
    return LogRecord(STDOUT if stream == b"stdout" else STDERR, time[:TIME] + b"Z", data + b"\n" if ended else data)


def ends_line(line: bytes) -> bool:
    """True for the record that completes a line of output."""
    return line[TIME:].split(b" ", 3)[2:3] != [b"P"]


def stream_of(line: bytes) -> int:
    """STDOUT or STDERR, 0 when it is no record."""
    word = line[TIME:].split(b" ", 2)[1:2]
    return {b"stdout": STDOUT, b"stderr": STDERR}.get(word[0] if word else b"", 0)


def time_key(ns: int) -> bytes:
    """A moment as the beginning of a line, to compare with `line[:TIME]`."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode() + b".%09d" % rest
