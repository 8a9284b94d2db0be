"""Command lines as data, and the meaning of what the programs answer."""

from pathlib import Path

import pytest

from shoal.drivers.runtime.conmon import Answer, Conmon, parse_answer, winsize
from shoal.drivers.runtime.crun import Crun, Report, create_error, exec_error, parse_report, parse_status
from shoal.errors import DriverError, InvalidArgument

CRUN = Crun("/usr/bin/crun", Path("/run/x/crun"))
GLOBAL = ["/usr/bin/crun", "--root=/run/x/crun", "--cgroup-manager=cgroupfs"]


def test_crun_command_lines():
    assert CRUN.start("c1") == [*GLOBAL, "start", "c1"]
    assert CRUN.update("c1", "/r.json") == [*GLOBAL, "update", "--resources=/r.json", "c1"]
    assert CRUN.delete("c1") == [*GLOBAL, "delete", "--force", "c1"]
    assert CRUN.exec("c1", process_file="/p", report_file="/r") == [
        *GLOBAL,
        "--log=/r",
        "--log-format=json",
        "exec",
        "--process=/p",
        "--pid-file=/r",
        "c1",
    ]
    assert CRUN.exec("c1", process_file="/p", report_file="/r", console_socket="/s")[-3:] == [
        "--tty",
        "--console-socket=/s",
        "c1",
    ]


def test_conmon_command_line():
    conmon = Conmon("conmon", CRUN, Path("/run/x/exits"))
    argv = conmon.create("a" * 64, Path("/b"), log_path=Path("/l"), log_max_bytes=100, terminal=True, stdin=True)
    assert {f"--cid={'a' * 64}", "--log-path=k8s-file:/l", "--log-size-max=100", "--terminal", "--stdin"} <= set(argv)
    assert "--leave-stdin-open" not in argv
    assert [f"--runtime-arg={argument}" for argument in GLOBAL[1:]] == [a for a in argv if "runtime-arg" in a]
    plain = conmon.create("a" * 64, Path("/b"), log_path=None, log_max_bytes=100, leave_stdin_open=True)
    assert "--log-path=none" in plain and "--leave-stdin-open" in plain
    assert not any(argument.startswith(("--log-size-max", "--terminal")) for argument in plain)


def test_answers_of_conmon():
    assert parse_answer(b'{"data": 8380}\n') == Answer(8380)
    assert parse_answer(b'{"data": -1, "message": "no such file\\n"}\n') == Answer(-1, "no such file")
    assert winsize(40, 100) == b"40 100\n"


def test_status_of_crun():
    status = parse_status('{"pid": 7, "process-start-time": 97325, "cgroup-path": "/x/c"}')
    assert (status.pid, status.started_ticks, status.cgroup) == (7, 97325, "/x/c")
    with pytest.raises(ValueError):
        parse_status('{"pid": 7, "pro')


@pytest.mark.parametrize(
    ("data", "report"),
    [
        (b"", Report(0, ())),
        (b"123", Report(123, ())),
        (b'{"msg":"boom","level":"error"}\n', Report(0, ("boom",))),
        (b'123{"msg":"exec: No such file","level":"error"}\n', Report(123, ("exec: No such file",))),
        (b'{"msg":"exec: No such file","level":"error"}\n123', Report(123, ("exec: No such file",))),
        (b'{"msg":"only a word","level":"warning"}\n9', Report(9, ())),
    ],
)
def test_report_of_an_exec(data: bytes, report: Report):
    assert parse_report(data) == report


@pytest.mark.parametrize(
    ("message", "program", "words"),
    [
        (
            "executable file `x` not found in $PATH: No such file or directory",
            "x",
            "executable file not found in $PATH",
        ),
        (
            "executable file `/x` not found in $PATH: No such file or directory",
            "/x",
            "stat /x: no such file or directory",
        ),
        ("open executable: Operation not permitted", "/etc", "is a directory"),
        ("open executable: Permission denied", "/x", "permission denied"),
        ("exec: No such file or directory", "/x", "no such file or directory"),
        ("exec: Exec format error", "/x", "exec format error"),
        ("chdir `/nope`: No such file or directory", "true", "no such file or directory"),
    ],
)
def test_errors_of_the_program_are_told_in_dockers_words(message: str, program: str, words: str):
    for error in (create_error(message, program), exec_error(message, program)):
        assert isinstance(error, InvalidArgument) and words in error.message and error.message.endswith(": unknown")


def test_other_errors_are_told_as_they_are():
    error = create_error("mount `x` to `y`: Invalid argument", "sh")
    assert isinstance(error, DriverError) and error.status == 500 and "mount `x` to `y`" in error.message
