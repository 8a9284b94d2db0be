"""Lines of a task's log: whose they are, and when they were."""

from shoal.wire.frames import STDERR, STDOUT, frame, split_frames
from shoal.wire.swarm.log import Lines, incomplete, sort_key
from tests.support.managers import task

DETAILS = b"com.docker.swarm.node.id=w,com.docker.swarm.service.id=s,com.docker.swarm.task.id=t1"


def test_each_line_is_given_what_was_asked_for() -> None:
    data = frame(STDOUT, b"2024-01-01T00:00:00.5Z one\n")
    for has_details, has_times, text in (
        (False, False, b"one\n"),
        (True, False, DETAILS + b" one\n"),
        (False, True, b"2024-01-01T00:00:00.5Z one\n"),
        (True, True, b"2024-01-01T00:00:00.5Z " + DETAILS + b" one\n"),
    ):
        lines = list(Lines(task(), has_details=has_details, has_times=has_times).feed(data))
        assert [line.frame for line in lines] == [frame(STDOUT, text)]


def test_pieces_of_a_long_line_stay_as_they_are() -> None:
    pieces = (
        frame(STDOUT, b"2024-01-01T00:00:00Z begin"),
        frame(STDERR, b"2024-01-01T00:00:01Z other\n"),
        frame(STDOUT, b" end\n"),
        frame(STDOUT, b"2024-01-01T00:00:02Z next\n"),
    )
    reader = Lines(task(), has_details=False, has_times=False)
    lines = [line for data in pieces for line in reader.feed(data)]
    assert [line.frame[8:] for line in lines] == [b"begin", b"other\n", b" end\n", b"next\n"]


def test_frames_may_come_in_any_pieces() -> None:
    data = b"".join(frame(STDOUT, b"2024-01-01T00:00:00Z %d\n" % i) for i in range(20))
    reader = Lines(task(), has_details=False, has_times=False)
    lines = [line for i in range(0, len(data), 7) for line in reader.feed(data[i : i + 7])]
    assert [line.frame for line in lines] == [frame(STDOUT, b"%d\n" % i) for i in range(20)]
    assert split_frames(data[:-1])[1] == data[-(8 + len(b"2024-01-01T00:00:00Z 19\n")) : -1]


def test_times_sort_by_their_value() -> None:
    times = [b"2024-01-01T00:00:05Z", b"2024-01-01T00:00:05.1Z", b"2024-01-01T00:00:05.12Z", b"2024-01-01T00:00:06Z"]
    assert sorted(times, key=sort_key) == times


def test_what_is_missing_is_told_as_the_engine_tells_errors() -> None:
    assert incomplete(["task t1: gone"])[0] == 3 and b"task t1: gone" in incomplete(["task t1: gone"])
