"""What single commands print and send: events, progress, stats, info, networks, prunes, completion."""

import io
import json
import time
from typing import Any

import pytest

from shoal.cli.container.logs import api_time
from shoal.cli.container.look import _top_table
from shoal.cli.container.run import start_failure_status
from shoal.cli.container.stats import Usage, block_bytes, cpu_percent, memory_bytes, network_bytes, stats_listing
from shoal.cli.errors import PlainError, UsageError, describe_error
from shoal.cli.flags import parse_flags
from shoal.cli.image.transfer import full_reference
from shoal.cli.network.create import CREATE, create_body
from shoal.cli.progress import progress_bar, show_messages
from shoal.cli.system.df import usage_rows
from shoal.cli.system.events import event_text
from shoal.cli.system.info import info_text
from shoal.cli.terminal import KeyWatch, parse_detach_keys
from shoal.client.errors import answer_error
from shoal.client.images import split_tag
from shoal.errors import ShoalError


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_event() -> None:
    event = {
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": "abc", "Attributes": {"name": "web", "image": "busybox"}},
        "timeNano": 1_800_000_000_012_345_678,
    }
    assert event_text(event) == "2027-01-15T08:00:00.012345678Z container start abc (image=busybox, name=web)"


PULL = [
    {"status": "Pulling from library/busybox", "id": "latest"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "aaa"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "bbb"},
    {"status": "Downloading", "progressDetail": {"current": 500_000, "total": 2_000_000}, "id": "aaa"},
    {"status": "Pull complete", "progressDetail": {}, "id": "bbb"},
    {"status": "Digest: sha256:1"},
    {"status": "Status: Downloaded newer image for busybox:latest"},
]


def shown(messages: list[dict[str, Any]], *, is_terminal: bool) -> str:
    out = io.StringIO()
    show_messages(messages, out, is_terminal=is_terminal)
    return out.getvalue()


def test_progress_without_a_terminal_has_no_bars() -> None:
    assert shown(PULL, is_terminal=False) == (
        "latest: Pulling from library/busybox\naaa: Pulling fs layer\nbbb: Pulling fs layer\nbbb: Pull complete\n"
        "Digest: sha256:1\nStatus: Downloaded newer image for busybox:latest\n"
    )


def screen(text: str, columns: int = 200) -> list[str]:
    """What a terminal shows after `text`: lines, the cursor moved by CSI n A, n B and 2K."""
    lines, row, column, at = [""], 0, 0, 0
    while at < len(text):
        char = text[at]
        if char == "\x1b":
            end = at + 2
            while text[end].isdigit():
                end += 1
            number = int(text[at + 2 : end] or 1)
            if text[end] == "A":
                row -= number
            elif text[end] == "B":
                row += number
            elif text[end] == "K":
                lines[row] = ""
            at = end
        elif char == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif char == "\r":
            column = 0
        else:
            lines[row] = lines[row][:column].ljust(column) + char + lines[row][column + 1 :]
            column += 1
        at += 1
    return [line.rstrip() for line in lines]


def test_progress_on_a_terminal_keeps_a_line_a_layer() -> None:
    bar = "[============>                                      ]    500kB/2MB"
    assert screen(shown(PULL, is_terminal=True)) == [
        "latest: Pulling from library/busybox",
        f"aaa: Downloading {bar}",
        "bbb: Pull complete",
        "Digest: sha256:1",
        "Status: Downloaded newer image for busybox:latest",
        "",
    ]


def test_an_error_in_the_stream_is_raised_as_it_was_said() -> None:
    with pytest.raises(PlainError) as error:
        shown(
            [{"stream": "Step 1/1\n"}, {"errorDetail": {"message": "it broke"}, "error": "it broke"}], is_terminal=False
        )
    assert describe_error(error.value) == "it broke"


def test_bars() -> None:
    assert progress_bar({"current": 1_000_000, "total": 1_000_000}, 200).startswith("[" + "=" * 50 + ">]")
    assert progress_bar({"current": 5_000}, 200) == "     5kB"
    assert progress_bar({}, 200) == ""


SAMPLE = {
    "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
    "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
    "memory_stats": {"usage": 10 << 20, "limit": 64 << 20, "stats": {"inactive_file": 2 << 20}},
    "networks": {"eth0": {"rx_bytes": 1000, "tx_bytes": 5}, "eth1": {"rx_bytes": 500, "tx_bytes": 5}},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 4096}, {"op": "write", "value": 10}]},
    "pids_stats": {"current": 3},
}


def test_stats() -> None:
    assert cpu_percent(SAMPLE) == 40.0
    assert memory_bytes(SAMPLE) == (8 << 20, 64 << 20)
    assert (network_bytes(SAMPLE), block_bytes(SAMPLE)) == ((1500, 10), (4096, 10))
    usage = Usage("f" * 64, "web")
    usage.sample = SAMPLE
    waiting = Usage("e" * 64, "new")
    assert stats_listing(is_truncated=True).table([usage, waiting]) == (
        "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O       BLOCK I/O     PIDS\n"
        "ffffffffffff   web       40.00%    8MiB / 64MiB        12.50%    1.5kB / 10B   4.1kB / 10B   3\n"
        "eeeeeeeeeeee   new       --        -- / --             --        -- / --       -- / --       --\n"
    )


def test_stats_of_a_container_that_has_just_started() -> None:
    assert cpu_percent({"cpu_stats": {}, "precpu_stats": {}}) == 0.0
    assert memory_bytes({"memory_stats": {}}) == (0, 0)


def network(*words: str) -> dict[str, Any]:
    options, arguments = parse_flags(CREATE.flags, words)
    return create_body(options, arguments[0])


def test_network_addresses_go_to_their_subnets() -> None:
    body = network(
        *("--subnet", "10.1.0.0/16", "--subnet", "fd00::/64", "--gateway", "fd00::1", "--gateway", "10.1.0.1"),
        *("--ip-range", "10.1.2.0/24", "--aux-address", "router=10.1.0.2", "--ipv6", "--internal", "net"),
    )
    assert body["IPAM"]["Config"] == [
        {
            "Subnet": "10.1.0.0/16",
            "IPRange": "10.1.2.0/24",
            "Gateway": "10.1.0.1",
            "AuxiliaryAddresses": {"router": "10.1.0.2"},
        },
        {"Subnet": "fd00::/64", "Gateway": "fd00::1"},
    ]
    assert (body["EnableIPv6"], body["Internal"], "EnableIPv4" in body) == (True, True, False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--subnet", "nonsense", "n"], 'invalid subnet "nonsense"'),
        (["--subnet", "10.0.0.0/8", "--subnet", "10.1.0.0/16", "n"], "multiple overlapping subnet"),
        (["--subnet", "10.1.0.0/16", "--ip-range", "10.2.0.0/24", "n"], "no matching subnet for range 10.2.0.0/24"),
        (
            ["--subnet", "10.1.0.0/16", "--gateway", "10.1.0.1", "--gateway", "10.1.0.2", "n"],
            "cannot configure multiple gateways",
        ),
    ],
)
def test_network_mistakes(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        network(*words)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", b"\x10\x11"),
        ("ctrl-x,q", b"\x18q"),
        ("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", b"\0\x1b\x1c\x1d\x1e\x1f"),
    ],
)
def test_detach_keys(text: str, keys: bytes) -> None:
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-1", "word", "ctrl-"])
def test_detach_keys_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="invalid detach keys"):
        parse_detach_keys(text)


def test_detach_keys_are_found_across_reads_and_held_back_until_then() -> None:
    watch = KeyWatch(b"\x10\x11")
    assert watch.feed(b"ab\x10") == (b"ab", False)
    assert watch.feed(b"c\x10\x10") == (b"\x10c\x10", False)
    assert watch.feed(b"\x11never sent") == (b"", True)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ('exec: "nope": executable file not found in $PATH: unknown', 127),
        ("stat /x: no such file or directory", 127),
        ('exec: "/etc": permission denied: unknown', 126),
        ('exec: "/etc": is a directory', 126),
        ("driver failed programming external connectivity: port is already allocated", 125),
    ],
)
def test_why_a_container_did_not_start(message: str, status: int) -> None:
    assert start_failure_status(message) == status


def test_times_for_the_engine() -> None:
    assert api_time("10m", 1000.0) == "400.000000000"
    assert api_time("1700000000", 0) == "1700000000"
    assert api_time("1970-01-01T00:01:00Z", 0) == "60.000000000"
    assert api_time("1970-01-02", 0) == "86400.000000000"
    assert api_time("", 0) == ""
    with pytest.raises(UsageError, match="failed to parse value as time or duration"):
        api_time("yesterday", 0)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("redis", ("redis", "")),
        ("redis:7", ("redis", "7")),
        ("localhost:5000/a/b", ("localhost:5000/a/b", "")),
        ("localhost:5000/a:1", ("localhost:5000/a", "1")),
        ("a@sha256:ff", ("a", "sha256:ff")),
    ],
)
def test_tags(text: str, parts: tuple[str, str]) -> None:
    assert split_tag(text) == parts


def test_full_references() -> None:
    assert full_reference("redis") == "docker.io/library/redis:latest"
    assert full_reference("me/app:1") == "docker.io/me/app:1"
    assert full_reference("localhost:5000/app") == "localhost:5000/app:latest"
    assert full_reference("a@sha256:ff") == "docker.io/library/a@sha256:ff"


def test_errors_are_told_as_docker_tells_them() -> None:
    assert (
        describe_error(answer_error(404, "No such container: x")) == "Error response from daemon: No such container: x"
    )
    assert describe_error(ShoalError("it broke", hint="mend it")) == "Error: it broke\nhint: mend it"


def test_disk_usage() -> None:
    usage = {
        "LayersSize": 1000,
        "Images": [{"Size": 600, "Containers": 1, "SharedSize": 0}, {"Size": 400, "Containers": 0, "SharedSize": 0}],
        "Containers": [{"State": "running", "SizeRw": 10}, {"State": "exited", "SizeRw": 5}],
        "Volumes": [{"UsageData": {"RefCount": 0, "Size": 7}}, {"UsageData": {"RefCount": 1, "Size": 3}}],
        "BuildCache": [{"Size": 50, "InUse": False, "Shared": False}],
    }
    rows = [(row.kind, row.total, row.active, row.size_bytes, row.reclaimable_text) for row in usage_rows(usage)]
    assert rows == [
        ("Images", 2, 1, 1000, "400B (40%)"),
        ("Containers", 2, 1, 15, "5B (33%)"),
        ("Local Volumes", 2, 1, 10, "7B (70%)"),
        ("Build Cache", 1, 0, 50, "50B"),
    ]


def test_info_lists_what_is_there_only() -> None:
    text = info_text(
        {"Containers": 2, "ServerVersion": "1", "MemTotal": 1 << 30, "Labels": ["a=b"]}, "0.1", "unix:///x"
    )
    assert " Containers: 2\n" in text and " Total Memory: 1GiB\n" in text and " Labels:\n  a=b\n" in text
    assert "Kernel Version" not in text


def test_top_columns() -> None:
    assert _top_table([["PID", "CMD"], ["1", "sh"]]) == "PID                 CMD\n1                   sh\n"


def test_templates_of_json_stay_json() -> None:
    assert json.loads(stats_listing(is_truncated=True).formatted([Usage("a" * 64, "x")], "json"))["Name"] == "x"
