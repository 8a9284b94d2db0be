"""Builds by a real engine: every instruction with its effect on files, config and cache."""

import gzip
import json
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from shoal.client.images import secrets_header
from tests.support.builds import build, layer_names, open_build, run
from tests.support.engine import EngineProcess, wait_for
from tests.support.images import busybox_archive, entry, tar_of


def config(engine: EngineProcess, image: str) -> dict:
    return engine.call("GET", f"/images/{image}/json")[1]["Config"]


def test_the_classic_progress_and_the_tags(engine: EngineProcess):
    built = build(engine, 'ARG V=1\nFROM busybox\nRUN echo hello\nCMD ["sh"]', t=["one", "two:tag"])
    short = built.id.removeprefix("sha256:")[:12]
    assert "Step 1/4 : ARG V=1\nStep 2/4 : FROM busybox\n ---> " in built.text
    assert "Step 3/4 : RUN echo hello\n ---> Running in " in built.text
    assert "\nhello\n ---> Removed intermediate container " in built.text
    assert built.text.endswith(
        f"Successfully built {short}\nSuccessfully tagged one:latest\nSuccessfully tagged two:tag\n"
    )
    tags = engine.call("GET", f"/images/{built.id}/json")[1]["RepoTags"]
    assert sorted(tags) == ["one:latest", "two:tag"]


def test_a_quiet_build_prints_the_id_only(engine: EngineProcess):
    built = build(engine, "FROM busybox\nRUN echo hello", q="1")
    assert built.text == f"{built.id}\n"


def test_an_unchanged_build_comes_from_the_cache_and_is_the_same_image(engine: EngineProcess):
    text = 'FROM busybox\nENV A=1\nRUN date +%N > /x\nCOPY f /d/\nWORKDIR /w\nCMD ["sh"]'
    first = build(engine, text, entry("f", b"1"))
    began = time.monotonic()
    second = build(engine, text, entry("f", b"1", mtime=5))
    assert time.monotonic() - began < 0.3
    assert (second.cached, second.id) == (5, first.id)
    changed = build(engine, text, entry("f", b"2"))
    assert changed.cached == 2
    assert changed.id != first.id
    assert run(engine, changed.id, "cat", "/d/f") == "2"
    fresh = build(engine, text, entry("f", b"1"), nocache="1")
    assert fresh.cached == 0
    # What the fresh build has replaced in the cache must not be mixed with what stood on the old one.
    again = build(engine, text, entry("f", b"1"))
    assert again.id == fresh.id
    assert run(engine, again.id, "cat", "/x") == run(engine, fresh.id, "cat", "/x")


def test_run_sees_variables_user_and_workdir(engine: EngineProcess):
    built = build(
        engine,
        "FROM busybox\nARG A\nARG B=b\nENV C=$B-c\nUSER 33:0\nWORKDIR /tmp/w\n"
        "RUN echo A=$A B=$B C=$C $(id -u):$(id -g) $PWD $HOME; test -w . && echo mine",
        buildargs={"A": "a", "NOBODY": "x"},
    )
    assert "A=a B=b C=b-c 33:0 /tmp/w /\nmine\n" in built.text
    assert "[Warning] One or more build-args [NOBODY] were not consumed" in built.text
    assert [e for e in config(engine, built.id)["Env"] if not e.startswith("PATH")] == ["C=b-c"]


def test_heredocs(engine: EngineProcess):
    built = build(
        engine,
        "FROM busybox\nENV V=1\nRUN <<EOF\nset -e\necho one > /a\nfalse || echo $V >> /a\nEOF\n"
        "RUN cat <<X > /b && cat <<'Y' >> /b\nx $V\nX\ny $V\nY\n"
        "RUN <<EOF\n#!/bin/cat\nthis file\nEOF\n"
        "COPY <<one.txt <<'two.txt' /c/\n$V\none.txt\n$V\ntwo.txt\n",
    )
    assert "#!/bin/cat\nthis file\n" in built.text
    assert run(engine, built.id, "cat", "/a", "/b", "/c/one.txt", "/c/two.txt") == "one\n1\nx 1\ny $V\n1\n$V\n"


def test_copy_add_chown_chmod_and_names(engine: EngineProcess):
    archive = gzip.compress(tar_of(entry("in/x", b"x", uid=7)))
    built = build(
        engine,
        "FROM busybox\nWORKDIR /w\nCOPY --chown=daemon:www-data a*.txt ./\nCOPY --chmod=u+x,go= a1.txt /bin/tool\n"
        "ADD files.tar.gz /unpacked/\nCOPY files.tar.gz /packed/\nCOPY dir /d\nCOPY --chown=7 dir/in /seven",
        entry("a1.txt", b"1"),
        entry("a2.txt", b"2"),
        entry("files.tar.gz", archive),
        entry("dir/in", b"in"),
        entry("dir/link", type=tarfile.SYMTYPE, linkname="in"),
    )
    listed = run(
        engine, built.id, "sh", "-c", "stat -c '%n %u:%g %a' /w/* /bin/tool /unpacked/in/x /packed/* /d/* /seven"
    )
    assert listed.splitlines() == [
        "/w/a1.txt 1:33 644",
        "/w/a2.txt 1:33 644",
        "/bin/tool 0:0 700",
        "/unpacked/in/x 7:0 644",
        "/packed/files.tar.gz 0:0 644",
        "/d/in 0:0 644",
        "/d/link 0:0 777",
        "/seven 7:7 644",
    ]


def test_dockerignore(engine: EngineProcess):
    built = build(
        engine,
        "FROM busybox\nCOPY . /c\n",
        entry(".dockerignore", b"# no secrets\n*.key\nnode_modules\n!node_modules/keep\nDockerfile\n.dockerignore\n"),
        entry("a.key", b""),
        entry("b.txt", b""),
        entry("node_modules/x/y", b""),
        entry("node_modules/keep", b""),
    )
    assert run(engine, built.id, "sh", "-c", "cd /c && find . -type f | sort").split() == [
        "./b.txt",
        "./node_modules/keep",
    ]


def test_stages_run_side_by_side_and_print_in_order(engine: EngineProcess):
    """Two stages that wait for each other's sign through a shared cache can only end when both run at once."""
    stage = (
        "FROM busybox AS {me}\nRUN --mount=type=cache,id=meet,target=/m touch /m/{me}; echo {me} waits; "
        "for i in $(seq 200); do [ -e /m/{other} ] && echo {me} > /{me} && exit 0; sleep 0.05; done; exit 1\n"
    )
    text = stage.format(me="a", other="b") + stage.format(me="b", other="a")
    text += "FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\nCOPY --from=busybox /bin/busybox /bin/\n"
    built = build(engine, text)
    assert built.text.index("a waits") < built.text.index("FROM busybox AS b") < built.text.index("b waits")
    assert run(engine, built.id, "/bin/busybox", "cat", "/a", "/b") == "a\nb\n"


def test_a_stage_that_the_target_does_not_need_is_not_run(engine: EngineProcess):
    text = "FROM busybox AS base\nRUN echo base\nFROM base AS broken\nRUN exit 1\nFROM base AS good\nRUN echo good"
    assert "good\n" in build(engine, text).text
    assert "exit 1" not in build(engine, text, target="base").text
    assert "returned a non-zero code: 1" in build(engine, text, target="broken").error
    missing = build(engine, text, target="goof")
    assert (missing.status, missing.error) == (400, 'target stage "goof" could not be found (did you mean good?)')


def test_a_stage_built_anew_with_the_same_result_costs_the_others_nothing(engine: EngineProcess):
    text = "FROM busybox AS a\nRUN echo {0} >/dev/null; echo same > /r; touch -d @1000 /r\n"
    text += "FROM busybox\nCOPY --from=a /r /\nRUN date +%N > /when"
    first = build(engine, text.format(1))
    second = build(engine, text.format(2))
    assert run(engine, first.id, "cat", "/when") == run(engine, second.id, "cat", "/when")


def test_cache_mounts_live_on_and_stay_out_of_the_image(engine: EngineProcess):
    line = "RUN --mount=type=cache,target=/c{0} echo {1} >> /c{0}/log; cat /c{0}/log; touch /made\n"
    first = build(engine, f"FROM busybox\n{line.format('', 1)}", nocache="1")
    second = build(engine, f"FROM busybox\n{line.format('', 2)}", nocache="1")
    assert "\n1\n2\n" in second.text
    assert layer_names(engine, first.id) == ["made"]
    private = build(engine, f"FROM busybox\n{line.format('2', 1)}")
    assert "\n1\n ---> Removed" in private.text


def test_a_cache_starts_with_what_another_stage_has(engine: EngineProcess):
    built = build(
        engine,
        "FROM busybox AS seed\nRUN mkdir /s && echo seeded > /s/f\n"
        "FROM busybox\nRUN --mount=type=cache,id=seeded,target=/c,from=seed,source=/s,uid=5,mode=0700 "
        "cat /c/f; stat -c '%u %a' /c",
    )
    assert "seeded\n5 700\n" in built.text


def test_large_secrets_and_arguments_arrive_whole(engine: EngineProcess):
    secrets, argument = {f"s{n}": bytes([65 + n]) * 500 * 1024 for n in range(2)}, "x" * 100_000
    text = (
        "FROM busybox\nARG LONG\n"
        "RUN --mount=type=secret,id=s0 --mount=type=secret,id=s1 cat /run/secrets/* | tr -d A | wc -c; echo ${#LONG}\n"
    )
    built = build(engine, text, headers=secrets_header(secrets), buildargs={"LONG": argument}, nocache="1")
    assert "512000\n100000\n" in built.text, built.error


def test_secrets_are_seen_by_their_step_only(engine: EngineProcess):
    headers = secrets_header({"token": b"hunter2", "other": b"x"})
    text = (
        "FROM busybox\nRUN --mount=type=secret,id=token,uid=33,mode=0440 --mount=type=secret,id=other,env=OTHER "
        "stat -c '%u %a' /run/secrets/token; wc -c < /run/secrets/token; echo $OTHER > /o; ls /run/secrets | wc -l\n"
        "RUN ls /run/secrets 2>&1; echo OTHER=$OTHER\n"
        "RUN --mount=type=secret,id=missing test ! -e /run/secrets/missing\n"
    )
    built = build(engine, text, headers=headers)
    assert "33 440\n7\n1\n" in built.text
    assert "No such file or directory\nOTHER=\n" in built.text
    again = build(engine, text, headers=secrets_header({"token": b"another", "other": b"y"}))
    assert again.cached == 3
    assert "hunter2" not in json.dumps(engine.call("GET", f"/images/{built.id}/history")[1])
    _, archive = engine.call("GET", f"/images/{built.id}/get")
    assert b"hunter2" not in archive
    needed = build(engine, "FROM busybox\nRUN --mount=type=secret,id=no,required=true true")
    assert 'Dockerfile:2:1: RUN: --mount: secret "no" is required' in needed.error


def test_bind_and_tmpfs_mounts(engine: EngineProcess):
    built = build(
        engine,
        "FROM busybox AS a\nRUN echo from-a > /f\nFROM busybox\n"
        "RUN --mount=target=/ctx --mount=from=a,source=/f,target=/in/f --mount=type=tmpfs,target=/t,size=2m "
        "cat /ctx/hello /in/f; touch /ctx/no 2>&1; df -k /t | tail -1 | awk '{print $2}'; touch /t/gone; "
        "cp /bin/echo /t/echo && /t/echo runs\n"
        "RUN --mount=target=/ctx,source=sub,rw --mount=from=a,target=/a,rw "
        "echo written > /ctx/new && rm /a/f && ls /ctx\n"
        "RUN --mount=target=/ctx cat /ctx/sub/x; ls /ctx/sub",
        entry("hello", b"hello\n"),
        entry("sub/x", b"x\n"),
    )
    assert "hello\nfrom-a\ntouch: /ctx/no: Read-only file system\n2048\nruns\n" in built.text
    assert "new\nx\n ---> Removed" in built.text
    assert "x\nx\n ---> Removed" in built.text
    names = run(engine, built.id, "sh", "-c", "ls -d /ctx /in /t /a 2>/dev/null; true")
    assert names == ""


def test_the_layer_has_what_the_step_made_and_nothing_else(engine: EngineProcess):
    built = build(
        engine, "FROM busybox\nRUN cat /etc/hosts /etc/resolv.conf > /dev/null; mkdir -p /new/dir; rm /bin/wget"
    )
    assert layer_names(engine, built.id) == ["bin", "bin/.wh.wget", "new", "new/dir"]
    nothing = build(engine, "FROM busybox\nRUN env; test -s $SSL_CERT_FILE")
    assert "PIP_CERT=/dev/shoal/ca-certificates.crt\n" in nothing.text
    layers = [engine.call("GET", f"/images/{image}/json")[1]["RootFS"]["Layers"] for image in (nothing.id, "busybox")]
    assert layers[0] == layers[1]
    assert "CERT" not in json.dumps(config(engine, nothing.id))


def test_onbuild_runs_in_the_child(engine: EngineProcess):
    build(
        engine,
        "FROM busybox\nONBUILD COPY . /app\nONBUILD RUN <<E\ncat /app/f > /triggered\nE\nONBUILD ENV T=1\n",
        t="onbuild-base",
    )
    assert config(engine, "onbuild-base")["OnBuild"] == [
        "COPY . /app",
        "RUN <<E\ncat /app/f > /triggered\nE",
        "ENV T=1",
    ]
    child = build(engine, "FROM onbuild-base\nRUN echo own $T", entry("f", b"data"))
    assert "# Executing 3 build triggers\n" in child.text
    assert "own 1\n" in child.text
    assert run(engine, child.id, "cat", "/triggered") == "data"
    assert not config(engine, child.id).get("OnBuild")


def test_the_config_of_every_instruction(engine: EngineProcess):
    built = build(
        engine,
        'FROM busybox\nMAINTAINER me\nLABEL a=1 b="two words"\nEXPOSE 80 53/udp\nVOLUME /data\nUSER daemon\n'
        'WORKDIR /w\nSTOPSIGNAL SIGINT\nSHELL ["/bin/sh", "-ec"]\nHEALTHCHECK --interval=5s CMD true\n'
        'ENTRYPOINT ["entry"]\nCMD run me\n',
        labels={"b": "over", "c": "3"},
    )
    got = config(engine, built.id)
    assert got["Labels"] == {"a": "1", "b": "over", "c": "3"}
    assert got["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert got["Volumes"] == {"/data": {}}
    assert (got["User"], got["WorkingDir"], got["StopSignal"]) == ("daemon", "/w", "SIGINT")
    assert got["Shell"] == ["/bin/sh", "-ec"]
    assert got["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000}
    assert (got["Entrypoint"], got["Cmd"]) == (["entry"], ["/bin/sh", "-ec", "run me"])
    assert engine.call("GET", f"/images/{built.id}/json")[1]["Author"] == "me"


def test_a_failing_run_says_where_what_and_how(engine: EngineProcess):
    built = build(engine, "FROM busybox\n\nRUN seq 30; \\\n    echo broken >&2; exit 3\nRUN never")
    last = built.lines[-1]
    assert last["errorDetail"]["code"] == 3
    assert last["error"].startswith(
        "The command '/bin/sh -c seq 30;     echo broken >&2; exit 3' returned a non-zero code: 3\n"
    )
    assert "\nDockerfile:3:1: RUN seq 30;" in last["error"]
    assert last["error"].endswith("  29\n  30\n  broken")
    assert "never" not in built.text


@pytest.mark.parametrize(
    ("text", "status", "wanted"),
    [
        ("FROM busybox\nCOPPY a b", 400, "Dockerfile:2:1: unknown instruction: COPPY (did you mean COPY?)"),
        ("\x7fELF\x02\x01\x00", 400, "expected text in UTF-8, got binary data"),
        ("FROM busybox\nCOPY nope /", 200, "Dockerfile:2:1: COPY: COPY failed: file not found in build context"),
        ("FROM busybox\nCOPY ../x /", 200, "forbidden path outside the build context"),
        ('FROM busybox\nRUN ["nope"]', 200, "Dockerfile:2:1: RUN: failed to create task for container"),
        ("FROM busybox\nUSER nobody-here\nRUN true", 200, "unable to find user nobody-here"),
        ("FROM busybox\nCOPY --chown=nope Dockerfile /", 200, "unable to convert uid/gid chown string"),
        ("FROM UPPER", 400, "Dockerfile:1:1: FROM: failed to parse stage name"),
    ],
)
def test_errors_say_where(engine: EngineProcess, text: str, status: int, wanted: str):
    built = build(engine, text)
    assert wanted in built.error
    assert built.status == status


def test_a_context_without_the_dockerfile(engine: EngineProcess):
    built = build(engine, "FROM busybox", dockerfile="other/Dockerfile")
    assert (built.status, built.error) == (400, "Cannot locate specified Dockerfile: other/Dockerfile")


def test_networks(engine: EngineProcess):
    own = build(engine, "FROM busybox\nRUN ip -o addr show eth0; cat /etc/hosts", extrahosts="db:10.1.2.3", nocache="1")
    assert "eth0" in own.text
    assert "10.1.2.3\tdb" in own.text
    none = build(engine, "FROM busybox\nRUN --network=none ls /sys/class/net")
    assert "\nlo\n ---> Removed" in none.text
    host = build(engine, "FROM busybox\nRUN ls /sys/class/net", networkmode="host", nocache="1")
    assert sorted(Path("/sys/class/net").iterdir())[0].name in host.text


def test_networks_of_others(engine: EngineProcess):
    engine.docker("network", "create", "build-net")
    engine.docker("run", "-d", "--name", "build-db", "--network", "build-net", "busybox", "sleep", "600")
    for mode in ("build-net", "container:build-db"):
        built = build(engine, "FROM busybox\nRUN ping -c1 build-db", networkmode=mode, nocache="1")
        assert "1 packets received" in built.text
    missing = build(engine, "FROM busybox\nRUN true", networkmode="no-such-net", nocache="1")
    assert missing.error == "Dockerfile:2:1: RUN: network no-such-net not found"


def test_limits_reach_the_step(engine: EngineProcess):
    built = build(
        engine,
        "FROM busybox\nRUN ulimit -n; df -k /dev/shm | tail -1 | awk '{print $2}'; cat /proc/self/cgroup",
        ulimits=[{"Name": "nofile", "Soft": 321, "Hard": 321}],
        shmsize=str(2 << 20),
        memory=str(64 << 20),
        nocache="1",
    )
    assert "321\n2048\n" in built.text
    hungry = build(
        engine, "FROM busybox\nRUN head -c 200m /dev/zero | tail", memory=str(32 << 20), memswap=str(32 << 20)
    )
    assert "returned a non-zero code" in hungry.error


class _Files(BaseHTTPRequestHandler):
    content: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        body = self.content.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def files():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_add_from_a_url(engine: EngineProcess, files: str):
    import hashlib

    _Files.content = {"/a.txt": b"one", "/b.tar": tar_of(entry("x", b"y"))}
    text = f"FROM busybox\nADD {files}/a.txt /d/\nADD {files}/b.tar /t/\nRUN cat /d/a.txt; stat -c %a /d/a.txt; ls /t"
    assert "one600\nb.tar\n" in build(engine, text).text
    assert build(engine, text).cached == 3
    _Files.content["/a.txt"] = b"two"
    assert "two600\n" in build(engine, text).text
    right = f"FROM busybox\nADD --checksum=sha256:{hashlib.sha256(b'two').hexdigest()} {files}/a.txt /x"
    assert build(engine, right).id
    wrong = f"FROM busybox\nADD --checksum=sha256:{'0' * 64} {files}/a.txt /x"
    assert "digest mismatch" in build(engine, wrong).error
    assert "got status 404" in build(engine, f"FROM busybox\nADD {files}/nope /x").error


def test_a_remote_context(engine: EngineProcess, files: str):
    _Files.content = {
        "/ctx.tar.gz": gzip.compress(tar_of(entry("Dockerfile", b"FROM busybox\nCOPY f /\n"), entry("f", b"remote"))),
        "/Dockerfile": b"FROM busybox\nRUN echo text > /f\n",
    }
    assert run(engine, build(engine, "", remote=f"{files}/ctx.tar.gz").id, "cat", "/f") == "remote"
    assert run(engine, build(engine, "", remote=f"{files}/Dockerfile").id, "cat", "/f") == "text\n"
    git = build(engine, "", remote="https://example.org/x.git#main")
    assert (git.status, "git repositories are not supported" in git.error) == (400, True)


def _steps(engine: EngineProcess) -> list[str]:
    return [path.name for path in (engine.run_inside / "builds/steps").iterdir()]


def _left(engine: EngineProcess) -> list[str]:
    """What a build makes and must take away."""
    folders = [
        engine.run_inside / "builds/steps",
        engine.run_inside / "builds/crun",
        engine.root / "build",
        engine.run / "build-steps",
    ]
    found = [str(path) for folder in folders if folder.exists() for path in folder.iterdir()]
    mounts = Path(f"/proc/{engine.process.pid}/mountinfo").read_text()
    return found + [line for line in mounts.splitlines() if "/build-" in line or "/secrets-" in line]


SLOW = "FROM busybox\nRUN --mount=type=secret,id=s echo begun; touch /x; sleep 600\n"


def test_a_build_ends_when_the_client_goes_away(engine: EngineProcess):
    from tests.support.builds import context

    connection = open_build(engine, context(SLOW), {"nocache": "1"}, secrets_header({"s": b"1"}))
    wait_for("the step runs", lambda: _steps(engine))
    connection.close()
    wait_for("nothing of it is left", lambda: not _left(engine))


def test_a_crash_in_the_middle_of_a_build_leaves_nothing(engine: EngineProcess):
    from tests.support.builds import context

    connection = open_build(engine, context(SLOW), {"nocache": "1"}, secrets_header({"s": b"1"}))
    wait_for("the step runs", lambda: _steps(engine))
    engine.kill()
    connection.close()
    engine.start()
    assert _left(engine) == []
    assert not [line for line in engine.leftovers() if "sleep 600" in line]
    assert build(engine, "FROM busybox\nRUN echo alive").id


@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12])
def test_killed_at_any_moment_the_next_start_repairs(engine: EngineProcess, delay_s: float):
    """The engine is killed while a short build is at one of its steps; the same build then works."""
    from tests.support.builds import context

    text = (
        f"FROM busybox AS a\nRUN echo {delay_s} > /a\nFROM busybox\nCOPY f /d/\nWORKDIR /w\nCOPY --from=a /a /\n"
        f"RUN --mount=type=cache,target=/c cp /a /b; seq 1000 > /c/x; echo {delay_s}\nCMD true\n"
    )
    body = context(text, entry("f", bytes(200_000)))
    connection = open_build(engine, body, {"t": "killed"}, {})
    time.sleep(delay_s)  # not a wait for anything: it chooses the moment
    engine.kill()
    connection.close()
    engine.start()
    assert _left(engine) == []
    built = build(engine, text, entry("f", bytes(200_000)), t="killed")
    assert run(engine, built.id, "sh", "-c", "cat /a /b; wc -c < /d/f") == f"{delay_s}\n{delay_s}\n200000\n"


def test_a_full_disk_is_told_and_survived(tmp_path: Path):
    from shoal.drivers.mount import mount, unmount

    base = Path("/tmp/shfull")
    base.mkdir()
    mount("tmpfs", str(base), "tmpfs", 0, "size=24m")
    try:
        with EngineProcess(base=base) as engine:
            archive = tmp_path / "busybox.tar"
            busybox_archive(archive)
            engine.load(archive)
            spool = build(engine, "FROM busybox\nCOPY big /", entry("big", bytes(40 << 20)))
            assert (spool.status, "No space left on device" in spool.error) == (500, True)
            copy = build(engine, "FROM busybox\nCOPY big /1\nCOPY big /2\nCOPY big /3", entry("big", bytes(5 << 20)))
            assert "No space left on device" in copy.error
            step = build(engine, "FROM busybox\nRUN cat /dev/zero > /big")
            assert "Dockerfile:2:1" in step.error
            assert _left(engine) == []
            engine.call("POST", "/build/prune?all=1")
            assert run(engine, build(engine, "FROM busybox\nRUN echo fits > /x").id, "cat", "/x") == "fits\n"
    finally:
        unmount(str(base))
        base.rmdir()


def test_prune_removes_the_cache_and_nothing_that_an_image_needs(fresh_engine: EngineProcess):
    engine = fresh_engine
    kept = build(engine, "FROM busybox\nRUN echo kept > /kept", t="kept")
    lost = build(engine, "FROM busybox\nRUN head -c 1000000 /dev/zero > /lost", t="lost")
    engine.call("DELETE", "/images/lost")
    usage = engine.call("GET", "/system/df")[1]["BuildCache"]
    assert {entry["Type"] for entry in usage} == {"regular"}
    status, pruned = engine.call("POST", "/build/prune")
    assert status == 200
    assert pruned["SpaceReclaimed"] >= 1_000_000
    assert len(pruned["CachesDeleted"]) == 1
    assert build(engine, "FROM busybox\nRUN echo kept > /kept").cached == 1
    assert build(engine, "FROM busybox\nRUN head -c 1000000 /dev/zero > /lost").cached == 0
    engine.call("POST", "/build/prune?all=1")
    assert run(engine, kept.id, "cat", "/kept") == "kept\n"
    assert lost.id != kept.id


def test_no_session(engine: EngineProcess):
    assert engine.call("POST", "/session")[0] == 404
    assert engine.call("POST", "/grpc")[0] == 404


def test_the_docker_cli_builds(engine: EngineProcess, tmp_path: Path):
    (tmp_path / "Dockerfile").write_text("FROM busybox\nARG A\nCOPY . /c\nRUN echo built with $A\n")
    (tmp_path / ".dockerignore").write_text("no\n")
    (tmp_path / "no").write_text("")
    done = engine.docker("build", "--build-arg", "A=cli", "-t", "by-cli", "--label", "x=y", str(tmp_path))
    assert "built with cli\n" in done.stdout
    assert "Successfully tagged by-cli:latest" in done.stdout
    assert run(engine, "by-cli", "ls", "/c") == "Dockerfile\n"
