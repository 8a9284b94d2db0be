import pytest

from shoal.drivers.process_table import TITLES, parse_stat, row, select_rows, tty_name
from shoal.errors import InvalidArgument

STAT = "42 (a (b) c) S 7 42 42 34816 42 4194304 100 0 0 0 {user} {system} 0 0 20 0 1 0 {start} 1 1"


def test_row_of_ps_ef():
    stat = parse_stat(STAT.format(user=6000, system=1500, start=100_00))
    assert (stat.comm, stat.ppid, stat.cpu_s, stat.started_s) == ("a (b) c", 7, 75.0, 100.0)
    cells = dict(zip(TITLES, row(42, "root", stat, "", uptime_s=250.0, now_s=1_700_000_000.0), strict=True))
    assert cells["CMD"] == "[a (b) c]" and cells["TIME"] == "00:01:15" and cells["C"] == "50"
    assert (cells["UID"], cells["PID"], cells["PPID"], cells["TTY"]) == ("root", "42", "7", "pts/0")


@pytest.mark.parametrize(("device", "name"), [(0, "?"), (34816, "pts/0"), (34821, "pts/5"), (1025, "tty1")])
def test_terminals(device: int, name: str):
    assert tty_name(device) == name


def test_rows_of_the_container_only():
    output = "  PID COMMAND\n    1 init\n   42 sh -c  sleep 5\n"
    assert select_rows(output, {42}) == (["PID", "COMMAND"], [["42", "sh -c  sleep 5"]])
    with pytest.raises(InvalidArgument, match="Couldn't find PID field"):
        select_rows("COMMAND\nsh\n", {42})
