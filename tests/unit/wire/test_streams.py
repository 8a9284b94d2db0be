"""Frames, detach keys, stats, exec and stat on the wire."""

import base64
import json
import stat
from typing import Any

import pytest

from shoal.errors import InvalidArgument
from shoal.model.exec import Exec, ExecSpec
from shoal.model.path_stat import PathStat
from shoal.model.usage import BlockUsage, CpuUsage, MemoryUsage, NetworkUsage, Usage
from shoal.wire.archive import encode_path_stat, go_mode
from shoal.wire.detach_keys import DetachScanner, parse_detach_keys
from shoal.wire.exec import decode_exec, encode_exec
from shoal.wire.frames import frame
from shoal.wire.stats import encode_stats


def test_a_frame():
    assert frame(2, b"abc") == b"\x02\0\0\0\0\0\0\x03abc"


@pytest.mark.parametrize(
    ("text", "keys"),
    [("", b"\x10\x11"), ("ctrl-p,ctrl-q", b"\x10\x11"), ("ctrl-a,x", b"\x01x"), ("ctrl-[,ctrl-@", b"\x1b\x00")],
)
def test_detach_keys(text: str, keys: bytes):
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-1", "abc", "a,,b"])
def test_detach_keys_that_are_none(text: str):
    with pytest.raises(InvalidArgument, match="Invalid detach keys"):
        parse_detach_keys(text)


def test_keys_are_found_across_reads_and_nothing_else_is_lost():
    scanner = DetachScanner(b"\x10\x11")
    assert scanner.scan(b"ab\x10") == (b"ab", False)
    assert scanner.scan(b"c") == (b"\x10c", False)
    assert scanner.scan(b"\x10") == (b"", False)
    assert scanner.scan(b"\x10\x11rest") == (b"\x10", True)


def usage(at: int, total_ns: int, **options: Any) -> Usage:
    return Usage(at=at, cgroup_version=1, cpu=CpuUsage(total_ns=total_ns), online_cpus=2, **options)


def test_stats_of_a_running_container():
    now = usage(
        2_000_000_000,
        500,
        memory=MemoryUsage(usage_bytes=10, limit_bytes=0, details={"cache": 4}),
        networks=(NetworkUsage(name="eth0", rx_bytes=7),),
        block_bytes=(BlockUsage(8, 0, "read", 9),),
        pids=3,
    )
    value = encode_stats("id", "web", now, usage(1_000_000_000, 300), 1000)
    assert value["read"] == "1970-01-01T00:00:02Z" and value["preread"] == "1970-01-01T00:00:01Z"
    assert value["cpu_stats"]["cpu_usage"]["total_usage"] == 500
    assert value["precpu_stats"]["cpu_usage"]["total_usage"] == 300
    assert value["memory_stats"] == {"usage": 10, "stats": {"cache": 4}, "limit": 1000}
    assert value["networks"]["eth0"]["rx_bytes"] == 7 and value["pids_stats"] == {"current": 3}
    entry = {"major": 8, "minor": 0, "op": "read", "value": 9}
    assert value["blkio_stats"]["io_service_bytes_recursive"] == [entry]


def test_stats_of_a_container_that_does_not_run():
    value = encode_stats("id", "web", None, None, 1000)
    assert value["read"] == "0001-01-01T00:00:00Z" and value["memory_stats"] == {}
    assert "networks" not in value and "online_cpus" not in value["cpu_stats"]


def test_limit_of_the_container_is_never_above_the_machines():
    for limit, shown in ((0, 1000), (500, 500), (5000, 1000)):
        value = encode_stats("id", "x", usage(1, 1, memory=MemoryUsage(limit_bytes=limit)), None, 1000)
        assert value["memory_stats"]["limit"] == shown


def test_exec_body():
    spec = decode_exec({"Cmd": ["sh", "-c", "x"], "Tty": True, "User": None, "Env": ["A=b"], "ConsoleSize": [4, 5]})
    assert spec == ExecSpec(cmd=("sh", "-c", "x"), tty=True, env=("A=b",), console_size=(4, 5))
    assert decode_exec({"Cmd": "true"}).cmd == ("true",)
    for body, words in (({}, "No exec command specified"), ({"Cmd": [1]}, "Cmd"), ([], "expected an object")):
        with pytest.raises(InvalidArgument, match=words):
            decode_exec(body)


def test_inspected_exec():
    value = encode_exec(Exec(id="e", container_id="c", spec=ExecSpec(cmd=("sh", "-c", "x")), exit_code=3))
    assert (value["ExitCode"], value["Running"], value["ContainerID"]) == (3, False, "c")
    assert value["ProcessConfig"]["entrypoint"] == "sh" and value["ProcessConfig"]["arguments"] == ["-c", "x"]
    assert encode_exec(Exec(id="e", container_id="c", spec=ExecSpec(cmd=("x",)), running=True))["ExitCode"] is None


def test_modes_are_gos():
    assert go_mode(stat.S_IFDIR | 0o1777) == 1 << 31 | 1 << 20 | 0o777
    assert go_mode(stat.S_IFREG | 0o4755) == 1 << 23 | 0o755
    assert go_mode(stat.S_IFLNK | 0o777) == 1 << 27 | 0o777


def test_stat_header():
    header = encode_path_stat(PathStat(name="a", size_bytes=3, mode=stat.S_IFREG | 0o644, mtime=0, link_target=""))
    assert json.loads(base64.b64decode(header))["name"] == "a"
