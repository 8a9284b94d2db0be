"""Output and input: attached up, logs, run, exec, events, wait: `shoal compose` on a real engine."""

import os
import pty
import select
import signal
import subprocess
import time

from tests.support.apps import App
from tests.support.engine import wait_for

TALKER = "{image: busybox, command: [sh, -c, 'echo one; echo two >&2; exec sleep 1000'], stop_signal: SIGKILL}"
SLEEPER = "{image: busybox, command: sleep 1000, stop_signal: SIGKILL}"


def finish(process: subprocess.Popen[str], timeout_s: float = 20) -> tuple[str, str]:
    try:
        return process.communicate(timeout=timeout_s)
    finally:
        process.kill()


def test_an_attached_up_shows_output_and_ctrl_c_stops_what_it_started(app: App) -> None:
    app.write(f"services: {{talker: {TALKER}, b: {SLEEPER}}}\n")
    process = app.popen("up")
    wait_for("both run", lambda: app.states() == {"talker-1": "running", "b-1": "running"})
    assert process.stdout is not None
    assert process.stdout.readline() == "Attaching to b-1, talker-1\n"
    assert process.stdout.readline() == "talker-1  | one\n"
    process.send_signal(signal.SIGINT)
    out, err = finish(process)
    assert process.returncode == 130
    assert "Gracefully Stopping... press Ctrl+C again to force" in err
    assert "talker-1  | two" in err
    assert "talker-1 exited with code 137" in out and "b-1 exited with code 137" in out
    assert set(app.states().values()) == {"exited"}


def test_a_second_ctrl_c_kills(app: App) -> None:
    stubborn = "{image: busybox, command: [sh, -c, 'trap \"\" TERM; echo ready; while :; do sleep 0.1; done']}"
    app.write(f"services: {{a: {stubborn}}}\n")
    process = app.popen("up")
    assert process.stdout is not None
    while process.stdout.readline() != "a-1  | ready\n":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in process.stderr.readline():
        assert process.poll() is None
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    finish(process)
    assert process.returncode == 130
    assert time.monotonic() - begun < 8  # the grace period is 10 s
    wait_for("it is dead", lambda: app.states() == {"a-1": "exited"})


def test_an_attached_up_ends_when_all_have_ended(app: App) -> None:
    app.write("services: {a: {image: busybox, command: echo bye}}\n")
    up = app.compose("up")
    assert up.returncode == 0
    assert up.stdout == "Attaching to a-1\na-1  | bye\na-1 exited with code 0\n"


def test_an_attached_up_can_show_times_and_leave_prefixes_and_services_out(app: App) -> None:
    app.write("services: {a: {image: busybox, command: echo bye}, b: {image: busybox, command: echo never}}\n")
    up = app.compose("up", "--timestamps", "--no-log-prefix", "--no-attach", "b")
    stamp, text = up.stdout.splitlines()[1].split()
    assert stamp.startswith("20") and stamp.endswith("Z") and text == "bye"
    assert "never" not in up.stdout


def test_abort_on_exit_and_whose_status_counts(app: App) -> None:
    app.write(f"services: {{job: {{image: busybox, command: sh -c 'exit 3'}}, b: {SLEEPER}}}\n")
    up = app.compose("up", "--abort-on-container-exit", check=False)
    assert up.returncode == 3 and "Aborting on container exit..." in up.stderr
    assert set(app.states().values()) == {"exited"}
    up = app.compose("up", "--exit-code-from", "b", check=False)
    assert up.returncode == 137


def test_restarts_are_followed(app: App) -> None:
    app.write("services: {a: {image: busybox, command: sh -c 'echo turn; exit 1', restart: 'on-failure:2'}}\n")
    up = app.compose("up", check=False)
    assert up.stdout.count("a-1  | turn") == 3
    assert up.stdout.count("exited with code 1 (restarting)") == 2
    assert up.stdout.endswith("a-1 exited with code 1\n")


def test_logs_of_one_and_of_all_with_times_and_tail(app: App) -> None:
    app.write("""
services:
  a: {image: busybox, command: [sh, -c, 'echo a1; sleep 0.4; echo a2']}
  b: {image: busybox, command: [sh, -c, 'sleep 0.2; echo b1']}
""")
    app.compose("up", "-d")
    wait_for("both have ended", lambda: set(app.states().values()) == {"exited"})
    assert app.compose("logs").stdout == "a-1  | a1\nb-1  | b1\na-1  | a2\n"
    assert app.compose("logs", "--no-log-prefix", "--tail", "1", "a").stdout == "a2\n"
    stamp = app.compose("logs", "-t", "b").stdout.split()[2]
    assert stamp.startswith("20") and stamp.endswith("Z")
    assert app.compose("logs", "--since", "1h", "b").stdout == "b-1  | b1\n"
    assert app.compose("logs", "--until", "1h", "b").stdout == ""


def test_followed_logs_go_on_until_the_container_ends(app: App) -> None:
    app.write("services: {a: {image: busybox, command: [sh, -c, 'echo 1; sleep 0.5; echo 2']}}\n")
    app.compose("up", "-d")
    assert app.compose("logs", "-f").stdout == "a-1  | 1\na-1  | 2\n"


def test_run_gives_output_input_and_exit_status(app: App) -> None:
    app.write(
        "services: {a: {image: busybox, command: sleep 1000, depends_on: [db], environment: {X: '1'}}, "
        f"db: {SLEEPER}}}\n"
    )
    done = app.compose(
        "run", "--rm", "-e", "Y=2", "-w", "/tmp", "a", "sh", "-c", "echo $X $Y $PWD; exit 7", check=False
    )
    assert (done.returncode, done.stdout) == (7, "1 2 /tmp\n")
    assert set(app.states()) == {"db-1"}  # the dependency stays, the one-off is gone
    done = app.compose("run", "--rm", "--no-deps", "a", "cat", input="typed\n")
    assert done.stdout == "typed\n"
    assert app.compose("run", "--rm", "a", "nothing-like-this", check=False).returncode == 127
    name = f"{app.name}-named"
    app.compose("run", "-d", "--name", name, "a")
    assert "named" in app.states()


def test_run_publishes_ports_only_when_asked(app: App) -> None:
    from tests.support.ports import free_port

    port, other = free_port(), free_port()
    app.write(f"services: {{a: {{image: busybox, command: sleep 1000, ports: ['{port}:80']}}}}\n")
    for flags, wanted in (((), []), (("-P",), [port]), (("-p", f"{other}:80"), [other])):
        app.compose("run", "-d", "--name", f"{app.name}-x", *flags, "a")
        (container,) = app.containers()
        assert sorted({p["PublicPort"] for p in container["Ports"] if p.get("PublicPort")}) == wanted
        app.engine.call("DELETE", f"/containers/{app.name}-x?force=1")


def test_exec_gives_output_input_and_exit_status(app: App) -> None:
    app.write(f"services: {{a: {SLEEPER}}}\n")
    app.compose("up", "-d", "--scale", "a=2")
    done = app.compose("exec", "-T", "-e", "X=1", "a", "sh", "-c", "cat; echo $X; exit 9", input="in\n", check=False)
    assert (done.returncode, done.stdout) == (9, "in\n1\n")
    names = {app.compose("exec", "-T", "--index", str(n), "a", "hostname").stdout for n in (1, 2)}
    assert len(names) == 2
    assert app.compose("exec", "--index", "3", "a", "true", check=False).returncode == 1


def test_exec_and_up_know_a_terminal_when_they_see_one(app: App) -> None:
    app.write(f"services: {{a: {SLEEPER}}}\n")
    shown = on_a_terminal(app, "up", "-d")
    assert "[+] Running 2/2" in shown and "✔" in shown and f"Container {app.name}-a-1" in shown
    assert "rw" in on_a_terminal(app, "exec", "a", "sh", "-c", "test -t 0 && test -t 1 && echo r''w")


def on_a_terminal(app: App, *args: str) -> str:
    """Everything that `shoal compose ARGS` writes to a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(app.folder)
        os.execvpe(app.argv()[0], app.argv(*args), {**app.env, "TERM": "xterm"})
    shown = b""
    while select.select([terminal], [], [], 20)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    return shown.decode()


def test_cp_goes_both_ways(app: App) -> None:
    app.write(f"services: {{a: {SLEEPER}}}\n")
    app.compose("up", "-d")
    app.write("content\n", "file")
    app.compose("cp", "file", "a:/tmp/there")
    app.compose("cp", "a:/tmp/there", "back")
    assert (app.folder / "back").read_text() == "content\n"


def test_events_and_wait(app: App) -> None:
    app.write("services: {job: {image: busybox, command: sh -c 'sleep 0.3; exit 4'}}\n")
    app.compose("up", "-d")
    waited = app.compose("wait", "job", check=False)
    assert waited.returncode == 4 and "exited with status code 4" in waited.stdout
    events = app.compose("events", "--since", "1m", "--until", "0s").stdout
    assert [word for word in ("create", "start", "die") if f" container {word} " in events] == [
        "create",
        "start",
        "die",
    ]


def test_stats_top_and_port(app: App) -> None:
    from tests.support.ports import free_port

    port = free_port()
    app.write(
        f"services: {{a: {{image: busybox, command: sleep 1000, stop_signal: SIGKILL, ports: ['{port}:80/udp']}}}}\n"
    )
    app.compose("up", "-d")
    assert app.compose("port", "--protocol", "udp", "a", "80").stdout == f"0.0.0.0:{port}\n"
    assert "sleep 1000" in app.compose("top").stdout
    assert f"{app.name}-a-1" in app.compose("stats", "--no-stream").stdout
