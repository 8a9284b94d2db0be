"""Logs, attach, exec, stats, top, cp and diff through the whole engine, with the docker CLI and SDK as clients."""

import fcntl
import io
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import tarfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shoal.client.streams import frames
from tests.support.engine import EngineProcess, wait_for

COUNTER = "i=0; while [ $i -lt {n} ]; do echo $i; i=$((i+1)); sleep {pause}; done"


def numbers(count: int) -> str:
    return "".join(f"{i}\n" for i in range(count))


# -- exec ----------------------------------------------------------------------


@pytest.fixture
def sleeper(engine: EngineProcess) -> str:
    engine.docker("run", "-d", "--name", "box", "-e", "FROM=init", "busybox", "sleep", "1000")
    return "box"


def test_exec_streams_status_user_workdir_and_environment(engine: EngineProcess, sleeper: str):
    done = engine.docker("exec", sleeper, "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    done = engine.docker(
        "exec", "-u", "1000:5", "-w", "/tmp", "-e", "A=b", sleeper, "sh", "-c", "id -u; id -g; pwd; echo $A $FROM"
    )
    assert done.stdout.split("\n") == ["1000", "5", "/tmp", "b init", ""]
    assert engine.docker("exec", "-i", sleeper, "cat", input="x" * 200_000).stdout == "x" * 200_000


@pytest.mark.parametrize(
    ("program", "status", "words"),
    [
        ("nope", 127, 'exec: "nope": executable file not found in $PATH: unknown'),
        ("/etc", 126, "is a directory: unknown"),
        ("/etc/passwd", 126, "permission denied: unknown"),
    ],
)
def test_exec_of_what_cannot_run(engine: EngineProcess, sleeper: str, program: str, status: int, words: str):
    done = engine.docker("exec", sleeper, program, check=False)
    assert done.returncode == status
    assert "OCI runtime exec failed: exec failed: unable to start container process:" in done.stdout
    assert words in done.stdout


def test_exec_needs_a_running_container(engine: EngineProcess, sleeper: str):
    engine.docker("pause", sleeper)
    status, answer = engine.call("POST", f"/containers/{sleeper}/exec", {"Cmd": ["true"]})
    assert status == 409 and answer["message"].endswith("is paused, unpause the container before exec")
    engine.docker("unpause", sleeper)
    engine.docker("kill", sleeper)
    status, answer = engine.call("POST", f"/containers/{sleeper}/exec", {"Cmd": ["true"]})
    assert status == 409 and answer["message"].endswith("is not running")
    assert engine.call("GET", "/exec/nothing/json") == (404, {"message": "No such exec instance: nothing"})


def test_exec_is_inspected_while_it_runs_and_can_be_started_once(engine: EngineProcess, sleeper: str):
    exec_id = engine.call("POST", f"/containers/{sleeper}/exec", {"Cmd": ["sleep", "1000"]})[1]["Id"]
    assert engine.call("POST", f"/exec/{exec_id}/start", {"Detach": True})[0] == 200
    inspected = engine.call("GET", f"/exec/{exec_id}/json")[1]
    assert inspected["Running"] and inspected["ExitCode"] is None and Path(f"/proc/{inspected['Pid']}").exists()
    assert engine.call("GET", f"/containers/{sleeper}/json")[1]["ExecIDs"] == [exec_id]
    assert engine.call("POST", f"/exec/{exec_id}/start", {"Detach": True})[0] == 409
    os.kill(inspected["Pid"], signal.SIGKILL)
    wait_for("it has ended", lambda: not engine.call("GET", f"/exec/{exec_id}/json")[1]["Running"])
    assert engine.call("GET", f"/exec/{exec_id}/json")[1]["ExitCode"] == 137


def test_privileged_exec_has_more_capabilities(engine: EngineProcess, sleeper: str):
    show = ("sh", "-c", "grep CapEff /proc/self/status")
    usual = int(engine.docker("exec", sleeper, *show).stdout.split()[1], 16)
    more = int(engine.docker("exec", "--privileged", sleeper, *show).stdout.split()[1], 16)
    assert usual & more == usual and more > usual


def test_exec_is_as_confined_as_the_container(engine: EngineProcess, sleeper: str):
    engine.docker("run", "-d", "--name", "free", "--security-opt", "seccomp=unconfined", "busybox", "sleep", "1000")
    for name, mode in ((sleeper, "2"), ("free", "0")):
        for process in ("1", "self"):
            status = engine.docker("exec", name, "cat", f"/proc/{process}/status").stdout
            assert f"Seccomp:\t{mode}\n" in status


def test_events_of_an_exec(engine: EngineProcess, sleeper: str):
    since = time.time()
    engine.docker("exec", sleeper, "sh", "-c", "exit 3", check=False)
    done = engine.docker("events", "--since", str(since), "--until", str(time.time()), "--format", "{{json .}}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    actions = [event["Action"] for event in events]
    assert actions == ["exec_create: sh -c exit 3", "exec_start: sh -c exit 3", "exec_die"]
    assert events[-1]["Actor"]["Attributes"]["exitCode"] == "3"


# -- terminals -------------------------------------------------------------------


class Terminal:
    """A client on a pseudo-terminal."""

    def __init__(self, engine: EngineProcess, *args: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
        self.process = subprocess.Popen(
            ["docker", *args], stdin=theirs, stdout=theirs, stderr=theirs, env=engine.env, start_new_session=True
        )
        os.close(theirs)
        self.seen = b""

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, wanted: str, timeout_s: float = 10) -> None:
        """Read until `wanted` was seen since the last call."""
        end = time.monotonic() + timeout_s
        while wanted.encode() not in self.seen:
            assert time.monotonic() < end, f"{wanted!r} not seen in {self.seen!r}"
            if select.select([self._ours], [], [], 0.1)[0]:
                self.seen += os.read(self._ours, 4096)
        self.seen = self.seen.partition(wanted.encode())[2]

    def close(self) -> int:
        status = self.process.wait(10)
        os.close(self._ours)
        return status


@contextmanager
def terminal(engine: EngineProcess, *args: str) -> Iterator[Terminal]:
    client = Terminal(engine, *args)
    try:
        yield client
    finally:
        if client.process.poll() is None:
            client.process.kill()
            client.close()


def test_run_with_a_terminal(engine: EngineProcess):
    with terminal(engine, "run", "-it", "--name", "tty", "busybox", "sh") as client:
        client.until("# ")
        client.type("tty; echo size $(stty size)\n")
        client.until("/dev/")
        client.until("size 33 99")
        client.type("exit 5\n")
        assert client.close() == 5


def test_detach_keys_leave_the_container_running_and_attach_comes_back(engine: EngineProcess):
    with terminal(engine, "run", "-it", "--name", "tty", "busybox", "sh") as client:
        client.until("# ")
        client.type("x=kept; echo re''ady\n")
        client.until("ready\r\n")
        client.type("\x10\x11")
        client.close()
    assert engine.call("GET", "/containers/tty/json")[1]["State"]["Running"]
    with terminal(engine, "attach", "tty") as client:
        client.until("# ")  # the new size has the shell draw its prompt again
        client.type("echo $x again\n")
        client.until("kept again")
        client.type("exit\n")
        client.close()


def test_the_engine_itself_knows_the_detach_keys(engine: EngineProcess):
    engine.docker("run", "-dit", "--name", "tty", "busybox", "cat")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(engine.socket))
        client.sendall(
            b"POST /containers/tty/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,x HTTP/1.1\r\n"
            b"Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += client.recv(4096)
        assert seen.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
        assert b"Content-Type: application/vnd.docker.raw-stream\r\n" in seen
        client.sendall(b"in\x01y\n")
        while b"in\x01y\r\n" not in seen:
            seen += client.recv(4096)
        client.sendall(b"\x01x")
        while client.recv(4096):
            pass
    assert engine.call("GET", "/containers/tty/json")[1]["State"]["Running"]


def test_exec_with_a_terminal(engine: EngineProcess, sleeper: str):
    with terminal(engine, "exec", "-it", sleeper, "sh") as client:
        client.type("tty; echo $TERM; exit 9\n")
        client.until("/dev/pts/")
        client.until("xterm")
        assert client.close() == 9


# -- attach ----------------------------------------------------------------------


def test_run_attached_has_all_output_and_the_status(engine: EngineProcess):
    done = engine.docker("run", "busybox", "sh", "-c", "seq 1 50000; echo err >&2; exit 3", check=False)
    assert done.returncode == 3 and done.stderr == "err\n"
    assert done.stdout == "".join(f"{i}\n" for i in range(1, 50001))


def test_run_interactive_ends_with_its_input(engine: EngineProcess):
    done = engine.docker("run", "--rm", "-i", "busybox", "sh", "-c", "cat; echo over", input="line\n" * 10_000)
    assert done.stdout == "line\n" * 10_000 + "over\n"


def test_run_without_a_log_is_attached_all_the_same(engine: EngineProcess):
    done = engine.docker("run", "--name", "quiet", "--log-driver", "none", "busybox", "seq", "1", "20000")
    assert done.stdout == "".join(f"{i}\n" for i in range(1, 20001))
    done = engine.docker("logs", "quiet", check=False)
    assert done.returncode == 1 and "configured logging driver does not support reading" in done.stderr


def test_a_client_that_does_not_read_holds_nobody_up(engine: EngineProcess):
    program = ["docker", "run", "--name", "loud", "busybox", "seq", "1", "300000"]
    client = subprocess.Popen(program, stdout=subprocess.PIPE, env=engine.env)
    try:
        wait_for(
            "the container ends though nobody reads",
            lambda: engine.call("GET", "/containers/loud/json")[1].get("State", {}).get("Status") == "exited",
            30,
        )
        assert client.stdout
        assert client.stdout.read() == b"".join(b"%d\n" % i for i in range(1, 300_001))
    finally:
        client.kill()
        client.communicate()


def test_attach_with_the_log_first(engine: EngineProcess, sleeper: str):
    engine.docker("run", "-d", "--name", "count", "busybox", "sh", "-c", COUNTER.format(n=60, pause=0.01))
    wait_for("some lines", lambda: "10\n" in engine.docker("logs", "count").stdout)
    status, data = engine.call("POST", "/containers/count/attach?logs=1&stream=1&stdout=1&stderr=1")
    assert status == 200
    assert b"".join(piece for _, piece in frames(io.BytesIO(data).read)).decode() == numbers(60)


# -- logs --------------------------------------------------------------------------


def test_logs_tail_since_until_timestamps(engine: EngineProcess):
    engine.docker("run", "--name", "count", "busybox", "sh", "-c", "seq 0 99; echo late >&2")
    assert engine.docker("logs", "count").stdout == numbers(100)
    assert engine.docker("logs", "count").stderr == "late\n"
    assert engine.docker("logs", "--tail", "3", "count").stdout == "98\n99\n"
    stamped = engine.docker("logs", "-t", "--tail", "1", "count").stderr
    assert stamped.endswith("Z late\n") and len(stamped.split()[0]) == len("2026-11-22T09:51:39.671881587Z")
    assert engine.docker("logs", "--since", "1h", "count").stdout == numbers(100)
    assert engine.docker("logs", "--until", "1h", "count").stdout == ""
    status, answer = engine.call("GET", "/containers/count/logs")
    assert (status, answer["message"]) == (400, "Bad parameters: you must choose at least one stream")
    assert engine.call("GET", "/containers/nothing/logs?stdout=1")[0] == 404


def test_logs_details_show_labels_and_variables(engine: EngineProcess):
    options = ("--log-opt", "labels=team", "--log-opt", "env=A", "--label", "team=blue", "-e", "A=1")
    engine.docker("run", "--name", "told", *options, "busybox", "echo", "hi")
    assert engine.docker("logs", "--details", "told").stdout == "team=blue,A=1 hi\n"


def test_logs_are_followed_to_the_end_of_the_run(engine: EngineProcess):
    engine.docker("run", "-d", "--name", "count", "busybox", "sh", "-c", COUNTER.format(n=200, pause=0.005))
    assert engine.docker("logs", "-f", "count").stdout == numbers(200)


def test_logs_of_several_runs_stay_together(engine: EngineProcess):
    engine.docker("run", "--name", "twice", "busybox", "echo", "run")
    engine.docker("start", "-a", "twice")
    assert engine.docker("logs", "twice").stdout == "run\nrun\n"


def test_log_files_rotate(engine: EngineProcess):
    options = ("--log-opt", "max-size=100k", "--log-opt", "max-file=3")
    engine.docker("run", "-d", "--name", "much", *options, "busybox", "sh", "-c", "seq 1 20000; exec sleep 1000")
    folder = next((engine.root / "containers").glob("*"))
    wait_for("a second file", lambda: len(list(folder.glob("output.log*"))) > 1)
    wait_for("all is written", lambda: engine.docker("logs", "--tail", "1", "much").stdout == "20000\n")
    lines = engine.docker("logs", "much").stdout.splitlines()
    assert lines[-1] == "20000" and lines == [str(i) for i in range(20001 - len(lines), 20001)]


def test_log_has_no_gap_when_the_engine_is_killed(fresh_engine: EngineProcess):
    engine = fresh_engine
    engine.docker("run", "-d", "--name", "count", "busybox", "sh", "-c", COUNTER.format(n=600, pause=0.005))
    follower = subprocess.Popen(["docker", "logs", "-f", "count"], stdout=subprocess.PIPE, text=True, env=engine.env)
    assert follower.stdout
    seen = "".join(follower.stdout.readline() for _ in range(20))
    engine.kill()
    seen += follower.stdout.read()
    follower.wait(10)
    follower.stdout.close()
    assert numbers(600).startswith(seen) and seen.endswith("\n")
    engine.start()
    assert engine.docker("logs", "-f", "count").stdout == numbers(600)
    assert engine.call("GET", "/containers/count/json")[1]["State"]["ExitCode"] == 0


# -- stats and top -------------------------------------------------------------------


def test_stats_show_limits_and_use(engine: EngineProcess):
    engine.docker(
        "run",
        "-d",
        "--name",
        "busy",
        "--memory",
        "64m",
        "--pids-limit",
        "50",
        "busybox",
        "sh",
        "-c",
        "while :; do :; done",
    )
    value = engine.call("GET", "/containers/busy/stats?stream=0")[1]
    assert value["memory_stats"]["limit"] == 64 << 20 and 0 < value["memory_stats"]["usage"] < 64 << 20
    assert value["pids_stats"] == {"current": 1, "limit": 50}
    used = value["cpu_stats"]["cpu_usage"]["total_usage"] - value["precpu_stats"]["cpu_usage"]["total_usage"]
    machine = value["cpu_stats"]["system_cpu_usage"] - value["precpu_stats"]["system_cpu_usage"]
    assert 0 < used <= machine and value["networks"]["eth0"]["rx_bytes"] >= 0
    one = engine.call("GET", "/containers/busy/stats?stream=0&one-shot=1")[1]
    assert one["preread"] == "0001-01-01T00:00:00Z" and one["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    shown = engine.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}}").stdout
    assert shown.startswith("busy ") and "64MiB" in shown
    engine.docker("kill", "busy")
    assert engine.call("GET", "/containers/busy/stats?stream=0")[1]["memory_stats"] == {}


def test_top(engine: EngineProcess):
    engine.docker("run", "-d", "--name", "two", "busybox", "sh", "-c", "sleep 1000 & sleep 1001; true")

    def commands() -> set[str]:
        return {row[7] for row in engine.call("GET", "/containers/two/top")[1]["Processes"]}

    wait_for("both sleep", lambda: {"sleep 1000", "sleep 1001"} <= commands())
    value = engine.call("GET", "/containers/two/top")[1]
    assert value["Titles"] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert len(value["Processes"]) == 3
    value = engine.call("GET", "/containers/two/top?ps_args=-o%20pid,args")[1]
    assert value["Titles"] == ["PID", "COMMAND"] and len(value["Processes"]) == 3
    assert engine.call("GET", "/containers/two/top?ps_args=-o%20args")[0] == 400
    engine.docker("kill", "two")
    assert engine.call("GET", "/containers/two/top")[0] == 409


# -- files -----------------------------------------------------------------------------


def test_cp_into_and_out_of_running_and_stopped_containers(engine: EngineProcess, tmp_path: Path):
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub/file").write_text("content")
    engine.docker("volume", "create", "kept")
    engine.docker("run", "-d", "--name", "files", "-v", "kept:/data", "busybox", "sleep", "1000")
    for where in ("/tmp", "/data"):
        engine.docker("cp", str(source), f"files:{where}")
        assert engine.docker("exec", "files", "cat", f"{where}/source/sub/file").stdout == "content"
    engine.docker("kill", "files")
    for number, where in enumerate(("/tmp", "/data")):
        engine.docker("cp", f"files:{where}/source", str(tmp_path / f"out{number}"))
        assert (tmp_path / f"out{number}/sub/file").read_text() == "content"
    engine.docker("cp", str(source / "sub/file"), "files:/data/renamed")
    engine.docker("start", "files")
    assert engine.docker("exec", "files", "cat", "/data/renamed").stdout == "content"
    done = engine.docker("cp", "files:/nothing", "-", check=False)
    assert done.returncode == 1 and "Could not find the file /nothing in container" in done.stderr


def test_cp_follows_links_as_the_container_does_and_respects_read_only(engine: EngineProcess, tmp_path: Path):
    (tmp_path / "passwd").write_text("from outside")
    engine.docker("run", "-d", "--name", "linked", "busybox", "sh", "-c", "ln -s / /tmp/root; exec sleep 1000")
    wait_for("the link", lambda: engine.call("HEAD", "/containers/linked/archive?path=/tmp/root")[0] == 200)
    engine.docker("cp", str(tmp_path / "passwd"), "linked:/tmp/root/etc/passwd")
    assert engine.docker("exec", "linked", "cat", "/etc/passwd").stdout == "from outside"
    assert "from outside" not in Path("/etc/passwd").read_text()
    engine.docker(
        "run", "-d", "--name", "fixed", "--read-only", "-v", f"{tmp_path}:/host:ro", "busybox", "sleep", "1000"
    )
    for path, words in (
        ("/etc", "container rootfs is marked read-only"),
        ("/host", "mounted volume is marked read-only"),
    ):
        done = engine.docker("cp", str(tmp_path / "passwd"), f"fixed:{path}/x", check=False)
        assert done.returncode == 1 and words in done.stderr


def test_cp_gives_files_to_the_containers_user(engine: EngineProcess, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    engine.docker("run", "-d", "--name", "owned", "--user", "1000:1001", "busybox", "sleep", "1000")
    engine.docker("cp", "-a", str(tmp_path / "file"), "owned:/tmp/")
    assert engine.docker("exec", "owned", "stat", "-c", "%u:%g", "/tmp/file").stdout == "1000:1001\n"


def test_diff_and_export(engine: EngineProcess, tmp_path: Path):
    engine.docker(
        "run", "--name", "changed", "busybox", "sh", "-c", "echo x > /new; rm /etc/passwd; echo y >> /etc/group"
    )
    assert engine.docker("diff", "changed").stdout.splitlines() == ["C /etc", "C /etc/group", "D /etc/passwd", "A /new"]
    engine.docker("export", "-o", str(tmp_path / "all.tar"), "changed")
    with tarfile.open(tmp_path / "all.tar") as archive:
        names = archive.getnames()
        assert "new" in names and "bin/busybox" in names and "etc/passwd" not in names
    engine.docker("run", "--name", "same", "busybox", "true")
    assert engine.docker("diff", "same").stdout == ""


# -- the SDK -----------------------------------------------------------------------------


@pytest.fixture
def sdk(engine: EngineProcess) -> Iterator[Any]:
    import docker

    client = docker.DockerClient(base_url=f"unix://{engine.socket}")
    yield client
    client.close()


def test_the_sdk_does_the_same(engine: EngineProcess, sdk: Any, tmp_path: Path):
    assert sdk.containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"
    container = sdk.containers.run("busybox", ["sh", "-c", COUNTER.format(n=50, pause=0.01)], detach=True)
    assert b"".join(container.logs(stream=True, follow=True)).decode() == numbers(50)
    box = sdk.containers.run("busybox", ["sleep", "1000"], detach=True)
    assert box.exec_run(["sh", "-c", "echo a; echo b >&2; exit 4"], demux=True) == (4, (b"a\n", b"b\n"))
    assert box.exec_run("id -u", user="7").output == b"7\n"
    assert next(box.stats(decode=True))["pids_stats"]["current"] == 1
    assert box.top()["Processes"][0][-1] == "sleep 1000"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        info = tarfile.TarInfo("f")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    assert box.put_archive("/tmp", data.getvalue())
    chunks, stat = box.get_archive("/tmp/f")
    assert stat["size"] == 3
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        file = archive.extractfile("f")
        assert file and file.read() == b"abc"


def test_fifty_followers_of_one_log(engine: EngineProcess):
    engine.docker("run", "-d", "--name", "count", "busybox", "sh", "-c", COUNTER.format(n=100, pause=0.01))
    results: list[bytes] = []

    def follow() -> None:
        results.append(engine.call("GET", "/v1.41/containers/count/logs?stdout=1&follow=1")[1])

    threads = [threading.Thread(target=follow) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outputs = {b"".join(piece for _, piece in frames(io.BytesIO(data).read)).decode() for data in results}
    assert len(results) == 50 and outputs == {numbers(100)}


def test_the_engine_stops_though_clients_listen(fresh_engine: EngineProcess):
    engine = fresh_engine
    engine.docker("run", "-d", "--name", "count", "busybox", "sh", "-c", COUNTER.format(n=100_000, pause=0.05))
    programs = (["logs", "-f", "count"], ["attach", "count"], ["exec", "count", "sleep", "1000"], ["events"])
    clients = [subprocess.Popen(["docker", *p], env=engine.env, stdout=subprocess.DEVNULL) for p in programs]
    wait_for("the exec runs", lambda: "sleep 1000" in engine.docker("top", "count").stdout)
    assert engine.stop() == 0
    assert "not waited for" not in engine.log.read_text(), "no client has kept it until its patience was over"
    for client in clients:
        client.wait(10)
    engine.start()
    assert engine.call("GET", "/containers/count/json")[1]["State"]["Running"]
