"""The commands about containers against a real engine."""

import json
import signal
import subprocess
import sys

from tests.support.engine import EngineProcess, wait_for


def start_shoal(engine: EngineProcess, *words: str, **options: object) -> subprocess.Popen[str]:
    """A command that runs on while the test goes on."""
    return subprocess.Popen(
        [sys.executable, "-m", "shoal.cli", *words],
        env=engine.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[arg-type]
    )


def test_run_gives_output_and_exit_status(engine: EngineProcess) -> None:
    done = engine.shoal("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3", check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 3)
    assert engine.shoal("ps", "-aq").stdout == ""


def test_run_passes_standard_input_through(engine: EngineProcess) -> None:
    done = engine.shoal("run", "--rm", "-i", "busybox", "wc", "-c", input="x" * 300_000)
    assert done.stdout.strip() == "300000"


def test_exit_statuses_of_what_cannot_run(engine: EngineProcess) -> None:
    missing = engine.shoal("run", "--rm", "busybox", "no-such-program", check=False)
    assert missing.returncode == 127
    assert missing.stderr.startswith("shoal: Error response from daemon: ")
    assert engine.shoal("run", "--rm", "busybox", "/etc", check=False).returncode == 126
    assert engine.shoal("run", "--pull", "never", "no-such-image", check=False).returncode == 125
    assert engine.shoal("run", "--no-such-flag", "busybox", check=False).returncode == 125
    runner = start_shoal(engine, "run", "--name", "victim", "busybox", "sh", "-c", "echo ready; sleep 1000")
    assert runner.stdout is not None and runner.stdout.readline() == "ready\n"
    engine.shoal("kill", "victim")
    runner.communicate(timeout=20)
    assert runner.returncode == 137


def test_a_taken_name_is_refused(engine: EngineProcess) -> None:
    engine.shoal("create", "--name", "web", "busybox")
    again = engine.shoal("run", "--name", "web", "busybox", check=False)
    assert again.returncode == 125
    assert 'Conflict. The container name "/web" is already in use by container' in again.stderr


def test_life_of_a_container(engine: EngineProcess) -> None:
    identifier = engine.shoal("run", "-d", "--name", "web", "-l", "app=x", "busybox", "sleep", "1000").stdout.strip()
    assert len(identifier) == 64
    [listed] = engine.shoal("ps", "--format", "{{.ID}} {{.Names}} {{.Command}} {{.State}}").stdout.splitlines()
    assert listed == f'{identifier[:12]} web "sleep 1000" running'
    assert engine.shoal("pause", "web").stdout == "web\n"
    assert "(Paused)" in engine.shoal("ps").stdout
    assert engine.shoal("unpause", "web").stdout == "web\n"
    assert engine.shoal("rename", "web", "www").stdout == ""
    assert engine.shoal("stop", "-t", "0", "www").stdout == "www\n"
    assert engine.shoal("ps", "-q").stdout == ""
    assert engine.shoal("inspect", "-f", "{{.State.ExitCode}}", "www").stdout == "137\n"
    assert engine.shoal("start", "www").stdout == "www\n"
    assert engine.shoal("restart", "-t", "0", "www").stdout == "www\n"
    assert engine.shoal("kill", "www").stdout == "www\n"
    assert engine.shoal("wait", "www").stdout == "137\n"
    assert engine.shoal("ps", "-a", "-f", "label=app=x", "-q").stdout == identifier[:12] + "\n"
    assert engine.shoal("rm", "www").stdout == "www\n"


def test_rm_reports_each_name(engine: EngineProcess) -> None:
    engine.shoal("create", "--name", "there", "busybox")
    done = engine.shoal("rm", "there", "nowhere", check=False)
    assert (done.returncode, done.stdout) == (1, "there\n")
    assert done.stderr == "Error response from daemon: No such container: nowhere\n"
    assert engine.shoal("rm", "-f", "nowhere", check=False).returncode == 0


def test_exec(engine: EngineProcess) -> None:
    engine.shoal("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    done = engine.shoal(
        "exec", "-e", "A=1", "-w", "/tmp", "web", "sh", "-c", "echo $A $PWD; echo e >&2; exit 5", check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("1 /tmp\n", "e\n", 5)
    assert engine.shoal("exec", "-i", "web", "cat", input="to and fro").stdout == "to and fro"
    engine.shoal("exec", "-d", "web", "touch", "/tmp/made")
    wait_for("the file", lambda: engine.shoal("exec", "web", "test", "-e", "/tmp/made", check=False).returncode == 0)
    assert engine.shoal("exec", "web", "no-such-program", check=False).returncode in (126, 127)
    assert "is not running" in engine.shoal("exec", *_stopped(engine), check=False).stderr


def _stopped(engine: EngineProcess) -> tuple[str, str]:
    engine.shoal("create", "--name", "stopped", "busybox")
    return "stopped", "true"


def test_logs(engine: EngineProcess) -> None:
    script = "for i in 1 2 3; do echo out $i; done; echo err >&2; sleep 1000"
    engine.shoal("run", "-d", "--name", "web", "busybox", "sh", "-c", script)
    done = wait_for("the lines", lambda: (r := engine.shoal("logs", "web")).stderr and r.stdout.count("\n") == 3 and r)
    assert (done.stdout, done.stderr) == ("out 1\nout 2\nout 3\n", "err\n")
    last = engine.shoal("logs", "-n", "2", "web")  # which of the two streams came last is nobody's promise
    assert (last.stdout + last.stderr).count("\n") == 2
    stamped = engine.shoal("logs", "-t", "web").stdout.splitlines()[0]
    assert stamped.endswith("Z out 1") and stamped[4] == "-"
    assert engine.shoal("logs", "--since", "1h", "web").stdout == done.stdout
    assert engine.shoal("logs", "--until", "1h", "web").stdout == ""
    follower = start_shoal(engine, "logs", "-f", "web")
    assert follower.stdout is not None
    assert [follower.stdout.readline() for _ in range(3)] == ["out 1\n", "out 2\n", "out 3\n"]
    engine.shoal("rm", "-f", "web")
    assert follower.communicate(timeout=20)[0] == ""  # it ends with the container


def test_a_signal_reaches_the_process(engine: EngineProcess) -> None:
    script = "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.1; done"
    runner = start_shoal(engine, "run", "--name", "trap", "busybox", "sh", "-c", script)
    assert runner.stdout is not None
    assert runner.stdout.readline() == "ready\n"
    runner.send_signal(signal.SIGTERM)
    assert runner.communicate(timeout=20)[0] == "caught\n"
    assert runner.returncode == 7


def test_attach_and_start_attached(engine: EngineProcess) -> None:
    engine.shoal("create", "-i", "--name", "cat", "busybox", "cat")
    assert engine.shoal("start", "-ai", "cat", input="first\n").stdout == "first\n"
    engine.shoal("run", "-d", "--name", "later", "busybox", "sh", "-c", "sleep 1; echo tail; exit 4")
    attached = engine.shoal("attach", "--no-stdin", "later", check=False)
    assert (attached.stdout, attached.returncode) == ("tail\n", 4)


def test_top_stats_port_diff(engine: EngineProcess) -> None:
    engine.shoal(
        "run",
        "-d",
        "--name",
        "web",
        "-p",
        "127.0.0.1::80",
        "-m",
        "64m",
        "busybox",
        "sh",
        "-c",
        "touch /new; sleep 1000",
    )
    wait_for("the file", lambda: "A /new" in engine.shoal("diff", "web").stdout)
    assert "sleep 1000" in engine.shoal("top", "web").stdout
    address = engine.shoal("port", "web", "80").stdout.strip()
    assert address.startswith("127.0.0.1:")
    assert engine.shoal("port", "web").stdout == f"80/tcp -> {address}\n"
    assert engine.shoal("ps", "--format", "{{.Ports}}").stdout == f"{address}->80/tcp\n"
    line = engine.shoal("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}}", "web").stdout
    assert line.startswith("web ") and "/ 64MiB" in line
    heading = engine.shoal("stats", "--no-stream").stdout.splitlines()[0].split("   ")
    assert [word.strip() for word in heading if word.strip()] == [
        "CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS",
    ]  # fmt: skip


def test_update_changes_limits(engine: EngineProcess) -> None:
    engine.shoal("run", "-d", "--name", "web", "-m", "64m", "busybox", "sleep", "1000")
    assert engine.shoal("update", "-m", "96m", "--memory-swap", "96m", "--restart", "always", "web").stdout == "web\n"
    shown = engine.shoal("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}", "web").stdout
    assert shown == f"{96 << 20} always\n"
    assert engine.shoal("update", "web", check=False).returncode == 1


def test_inspect_prints_what_it_finds_and_fails_for_the_rest(engine: EngineProcess) -> None:
    engine.shoal("create", "--name", "web", "busybox")
    done = engine.shoal("inspect", "web", "nothing-like-it", check=False)
    assert done.returncode == 1
    assert [each["Name"] for each in json.loads(done.stdout)] == ["/web"]
    assert "o such object: nothing-like-it" in done.stderr
    kinds = engine.shoal("inspect", "-f", "{{json .Id}}", "busybox", "bridge", "web").stdout.splitlines()
    assert kinds[0].startswith('"sha256:') and len(kinds) == 3


def test_cidfile(engine: EngineProcess) -> None:
    path = engine.base / "cid"
    engine.shoal("create", "--cidfile", str(path), "--name", "web", "busybox")
    assert path.read_text() == engine.shoal("inspect", "-f", "{{.Id}}", "web").stdout.strip()
    again = engine.shoal("run", "--cidfile", str(path), "busybox", check=False)
    assert again.returncode == 125 and "container ID file found" in again.stderr
    path.unlink()
