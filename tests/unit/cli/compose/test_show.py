"""What is shown: progress in its modes, and lines of logs."""

import io
import json
import re

import pytest

from shoal.cli.compose.show.colours import wants_colour
from shoal.cli.compose.show.log_lines import LogLines
from shoal.cli.compose.show.progress import JsonWriter, PlainWriter, TtyWriter, Writer, make_writer
from shoal.cli.compose.show.rows import Rows
from shoal.client.apply.progress import Phase, Progress

NETWORK, WEB = "Network counter_counter-net", "Container counter-web-1"


def plain_text(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def test_plain_progress_has_the_lines_of_compose() -> None:
    out = io.StringIO()
    with PlainWriter(out) as writer:
        writer.report(Progress(subject=NETWORK, status="Creating"))
        writer.report(Progress(subject=NETWORK, status="Created", phase=Phase.DONE))
        writer.report(Progress(subject=WEB, status="no such image", phase=Phase.ERROR))
    assert out.getvalue() == (
        " Network counter_counter-net  Creating\n"
        " Network counter_counter-net  Created\n"
        " Container counter-web-1  no such image\n"
    )


def test_plain_progress_says_nothing_twice() -> None:
    out = io.StringIO()
    writer = PlainWriter(out)
    for current in (1, 2, 3):
        writer.report(
            Progress(subject="Image x", status="Downloading", part="abc", current_bytes=current, total_bytes=3)
        )
    assert out.getvalue() == " abc Downloading\n"


def test_plain_progress_shows_each_line_of_a_build() -> None:
    out = io.StringIO()
    writer = PlainWriter(out)
    for line in ("Step 1/2 : FROM x", "Step 1/2 : FROM x"):
        writer.report(Progress(subject="Image app-web", status="Building", detail=line))
    assert out.getvalue() == " Image app-web  Step 1/2 : FROM x\n" * 2


def test_json_progress_is_one_value_a_line() -> None:
    out = io.StringIO()
    writer = JsonWriter(out)
    writer.report(Progress(subject=NETWORK, status="Creating"))
    writer.report(Progress(subject="Image x", status="Downloading", part="abc", current_bytes=1, total_bytes=2))
    writer.report(Progress(subject=WEB, status="broken", phase=Phase.ERROR))
    first, second, third = (json.loads(line) for line in out.getvalue().splitlines())
    assert first == {"id": NETWORK, "status": "Creating"}
    assert second == {"id": "abc", "parent_id": "Image x", "status": "Downloading", "current": 1, "total": 2}
    assert third == {"id": WEB, "error": True, "status": "broken"}


def test_a_dry_run_says_so_in_each_line() -> None:
    out = io.StringIO()
    make_writer("plain", out, "Running", is_coloured=False, dry_run=True).report(
        Progress(subject=WEB, status="Created")
    )
    assert out.getvalue() == " DRY-RUN MODE -  Container counter-web-1  Created\n"


def test_quiet_progress_is_silent() -> None:
    out = io.StringIO()
    with make_writer("quiet", out, "Running", is_coloured=False) as writer:
        writer.report(Progress(subject=WEB, status="Created"))
    assert type(writer) is Writer and out.getvalue() == ""


def rows_of(*told: tuple[float, Progress]) -> Rows:
    rows = Rows("Running")
    for now_s, progress in told:
        rows.take(progress, now_s)
    return rows


def test_rows_look_like_those_of_compose() -> None:
    rows = rows_of(
        (0.0, Progress(subject=NETWORK, status="Creating")),
        (0.04, Progress(subject=NETWORK, status="Created", phase=Phase.DONE)),
        (0.1, Progress(subject=WEB, status="Creating")),
    )
    title, network, web = rows.lines(0.35, columns=60, height=24, is_coloured=False)
    assert title == "[+] Running 1/2"
    assert network == " ✔ Network counter_counter-net  Created                0.0s "
    assert web == " ⠹ Container counter-web-1      Creating               0.2s "
    assert len(network) == len(web) == 60


def test_rows_are_coloured_by_their_state() -> None:
    rows = rows_of(
        (0.0, Progress(subject="Container a", status="Started", phase=Phase.DONE)),
        (0.0, Progress(subject="Container b", status="broken", phase=Phase.ERROR)),
    )
    title, done, failed = rows.lines(0.0, columns=60, height=24, is_coloured=True)
    assert title == "\x1b[34m[+] Running 2/2\x1b[0m"
    assert done.startswith(" \x1b[32m✔\x1b[0m Container a  \x1b[32mStarted\x1b[0m ")
    assert failed.startswith(" \x1b[31;1m✘\x1b[0m Container b  \x1b[31;1mbroken\x1b[0m ")
    assert len(plain_text(done)) == 60


def test_a_container_that_starts_after_it_was_created_works_again() -> None:
    rows = rows_of(
        (0.0, Progress(subject=WEB, status="Created", phase=Phase.DONE)),
        (1.0, Progress(subject=WEB, status="Starting")),
    )
    title, web = rows.lines(1.5, columns=60, height=24, is_coloured=False)
    assert title == "[+] Running 0/1"
    assert web.endswith(" 1.5s ")


def test_a_pull_shows_its_layers_as_a_bar() -> None:
    layers = [("a", Phase.DONE, 100, 100), ("b", Phase.WORKING, 50, 100), ("c", Phase.WORKING, 0, 0)]
    rows = rows_of(
        (0.0, Progress(subject="Image redis", status="Pulling")),
        *(
            (0.0, Progress(subject="Image redis", status="x", part=p, phase=f, current_bytes=c, total_bytes=t))
            for p, f, c, t in layers
        ),
    )
    _, line = rows.lines(0.0, columns=80, height=24, is_coloured=False)
    assert "[⣿⣤ ] 150B/200B Pulling" in line


def test_long_errors_are_cut_to_the_terminal() -> None:
    rows = rows_of((0.0, Progress(subject=WEB, status="x" * 200, phase=Phase.ERROR)))
    (_, line) = rows.lines(0.0, columns=60, height=24, is_coloured=False)
    assert len(line) == 60 and "x…" in line


def test_rows_that_do_not_fit_lose_the_finished_ones_first() -> None:
    rows = Rows("Running")
    for number in range(10):
        phase = Phase.WORKING if number < 2 else Phase.DONE
        rows.take(Progress(subject=f"Container {number}", status="x", phase=phase), 0.0)
    lines = rows.lines(0.0, columns=60, height=6, is_coloured=False)
    assert [line.split()[2] for line in lines[1:]] == ["0", "1", "8", "9"]


def test_a_terminal_sees_the_last_picture_in_place_of_the_ones_before() -> None:
    out = io.StringIO()
    writer = TtyWriter(out, "Running", is_coloured=False)
    writer.report(Progress(subject=WEB, status="Creating"))
    writer._draw()
    writer.report(Progress(subject=WEB, status="Created", phase=Phase.DONE))
    writer.close()
    *before, last = out.getvalue().split("\x1b[?25l")[1:]  # its own thread may have drawn more of them
    assert "Creating" in before[0]
    assert last.startswith("\x1b[2A\r[+] Running 1/1") and "Created" in last and last.endswith("\x1b[?25h")


@pytest.mark.parametrize(
    ("ansi", "env", "is_terminal", "wanted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("never", {}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
    ],
)
def test_colour(ansi: str, env: dict[str, str], is_terminal: bool, wanted: bool) -> None:
    assert wants_colour(ansi, env, is_terminal=is_terminal) is wanted


def test_log_lines_are_aligned_behind_names() -> None:
    out, err = io.StringIO(), io.StringIO()
    lines = LogLines(out, err, ["web-fe-1", "redis-1"])
    lines.write("web-fe-1", 1, b"one\ntwo\n")
    lines.write("redis-1", 2, b"warning\n")
    assert out.getvalue() == "web-fe-1  | one\nweb-fe-1  | two\n"
    assert err.getvalue() == "redis-1   | warning\n"


def test_a_line_is_written_when_it_is_whole_or_its_container_has_ended() -> None:
    out = io.StringIO()
    lines = LogLines(out, out, ["a-1", "b-1"])
    lines.write("a-1", 1, b"hel")
    lines.write("b-1", 1, b"other\n")
    lines.write("a-1", 1, b"lo\nrest")
    assert out.getvalue() == "b-1  | other\na-1  | hello\n"
    lines.end("a-1")
    assert out.getvalue().endswith("a-1  | rest\n")


def test_log_prefixes_have_colours_of_their_own() -> None:
    out = io.StringIO()
    lines = LogLines(out, out, ["a-1", "b-1"], is_coloured=True)
    lines.write("a-1", 1, b"x\n")
    lines.write("b-1", 1, b"y\n")
    assert out.getvalue() == "\x1b[36ma-1  | \x1b[0mx\n\x1b[33mb-1  | \x1b[0my\n"


def test_log_lines_without_prefix_and_with_bytes_that_are_no_text() -> None:
    out = io.StringIO()
    LogLines(out, out, ["a-1"], has_prefix=False).write("a-1", 1, b"\xff\xfe ok\n")
    assert out.getvalue() == "\ufffd\ufffd ok\n"


def test_the_end_of_a_container_is_said_in_its_colour() -> None:
    out = io.StringIO()
    LogLines(out, out, ["a-1"]).say("a-1", "exited with code 0")
    assert out.getvalue() == "a-1 exited with code 0\n"
