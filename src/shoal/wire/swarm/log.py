"""Lines of tasks' logs: whose they are, and in which order. Source: Docker Engine API v1.51, ServiceLogs."""

from collections.abc import Iterable
from dataclasses import dataclass

from shoal.model.cluster.task import Task
from shoal.wire.frames import HEADER_BYTES, frame, split_frames

#: of a frame: what the engine itself has to say; clients show it as an error
ENGINE = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A frame with a line, or with a piece of a long one. time: RFC 3339, in bytes that sort"""

    time: bytes
    frame: bytes


class Lines:
    """The lines in the frames of one task's log, which must have been asked for with `timestamps`.

    has_details: each line names its task, as `details=1` wants; has_times: each line has its time
    """

    def __init__(self, task: Task, *, has_details: bool, has_times: bool) -> None:
        self._details = f"{task_details(task)} ".encode() if has_details else b""
        self._has_times = has_times
        self._pending = b""
        self._time = b""
        self._inside: set[int] = set()  #: streams whose line is not ended

    def feed(self, data: bytes) -> Iterable[Line]:
        """The lines that are whole by now."""
        frames, self._pending = split_frames(self._pending + data)
        return map(self._line, frames)

    def _line(self, whole: bytes) -> Line:
        stream, text = whole[0], whole[HEADER_BYTES:]
        if stream not in self._inside:
            self._time, _, text = text.partition(b" ")
            text = (self._time + b" " if self._has_times else b"") + self._details + text
        if text.endswith(b"\n"):
            self._inside.discard(stream)
        else:
            self._inside.add(stream)
        return Line(sort_key(self._time), frame(stream, text))


def task_details(task: Task) -> str:
    """What a line of a service's log tells of its task."""
    prefix = "com.docker.swarm."
    return f"{prefix}node.id={task.node_id},{prefix}service.id={task.service_id},{prefix}task.id={task.id}"


def sort_key(time: bytes) -> bytes:
    """A time with all nine digits of its nanoseconds: "…:05Z" comes before "…:05.1Z"."""
    whole, _, fraction = time.rstrip(b"Z").partition(b".")
    return whole + b"." + fraction.ljust(9, b"0")


def incomplete(reasons: Iterable[str]) -> bytes:
    """The last frame of a log of which a part could not be read."""
    text = (
        "Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. "
        f"some logs could not be retrieved for the following reasons: {', '.join(reasons)}"
    )
    return frame(ENGINE, text.encode())
