from shoal.contracts.logs import LogRecord
from shoal.drivers.logs.lines import TIME, ends_line, parse_line, stream_of, time_key

TIMESTAMP = b"2026-11-22T09:51:39.671881587+00:00"


def test_a_whole_line():
    record = parse_line(TIMESTAMP + b" stdout F hello  world ")
    assert record == LogRecord(1, b"2026-11-22T09:51:39.671881587Z", b"hello  world \n")


def test_a_piece_of_a_line_keeps_every_byte():
    record = parse_line(TIMESTAMP + b" stderr P \x00\xff part")
    assert record and (record.stream, record.data) == (2, b"\x00\xff part")


def test_an_empty_line():
    record = parse_line(TIMESTAMP + b" stdout F ")
    assert record and record.data == b"\n"


def test_what_is_no_record():
    for line in (b"", b"\0\0\0", b"half of a li", TIMESTAMP + b" stdout", TIMESTAMP + b" other F x"):
        assert parse_line(line) is None


def test_looking_at_a_record_without_parsing_it():
    line = TIMESTAMP + b" stderr P x F y"
    assert not ends_line(line) and stream_of(line) == 2
    assert ends_line(TIMESTAMP + b" stdout F P") and stream_of(b"") == 0


def test_times_sort_as_bytes():
    assert time_key(1_700_000_000_000_000_007) == b"2023-11-14T22:13:20.000000007"
    assert len(time_key(0)) == TIME and time_key(999_999_999) < time_key(1_000_000_000)
