"""What a container, a client or an archive must not be able to do when nobody asked for anything special."""

import io
import json
import os
import secrets
import socket
import stat
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.builds import build
from tests.support.engine import EngineProcess, engine_with_busybox, wait_for
from tests.support.images import busybox_layer, entry, image_archive, tar_of
from tests.support.ports import free_port
from tests.support.running import Node

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: real namespaces, mounts and networks")

#: the host's Python, inside a container
PYTHON = [f"{path}:{path}:ro" for path in ("/usr", "/lib", "/lib64") if Path(path).exists()]

#: {call: (number on x86_64, arguments)}
CALLS = {
    "mount": (165, (b"none", b"/tmp", b"tmpfs", 0, 0)),
    "umount2": (166, (b"/proc", 2)),
    "pivot_root": (155, (b"/", b"/")),
    "unshare user": (272, (0x10000000,)),
    "unshare mounts": (272, (0x00020000,)),
    "setns": (308, (0, 0)),
    "keyctl": (250, (0, -3, 0)),
    "add_key": (248, (b"user", b"x", b"y", 1, -3)),
    "bpf": (321, (0, 0, 0)),
    "perf_event_open": (298, (0, 0, -1, -1, 0)),
    "init_module": (175, (0, 0, 0)),
    "delete_module": (176, (b"x", 0)),
    "kexec_load": (246, (0, 0, 0, 0)),
    "reboot": (169, (0, 0, 0, 0)),
    "swapon": (167, (b"/x", 0)),
    "settimeofday": (164, (0, 0)),
    "clock_settime": (227, (0, b"\0" * 16)),
    "open_by_handle_at": (304, (0, 0, 0)),
    "userfaultfd": (323, (0,)),
    "io_uring_setup": (425, (1, 0)),
    "iopl": (172, (3,)),
    "acct": (163, (0,)),
    "quotactl": (179, (0, 0, 0, 0)),
    "fsopen": (430, (b"tmpfs", 0)),
    "move_mount": (429, (0, 0, 0, 0, 0)),
    "sethostname": (170, (b"x", 1)),
}
PROGRAM = """
import ctypes, json, os
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for name, (number, words) in CALLS.items():
    ctypes.set_errno(0)
    result = libc.syscall(number, *words)
    found[name] = os.strerror(ctypes.get_errno()) if result == -1 else "done"
try:
    import socket
    socket.socket(40, socket.SOCK_STREAM)
    found["vsock"] = "done"
except OSError as error:
    found["vsock"] = error.strerror
print("found", json.dumps(found))
"""


@pytest.fixture
def node(engine: EngineProcess) -> Node:
    return Node(engine)


def system_calls(node: Node, **config: object) -> dict[str, str]:
    """{call: what it ended with} inside a container."""
    program = PROGRAM.replace("CALLS", repr(CALLS), 1)
    output = node.output("python3", "-c", program, host={"Binds": PYTHON}, **config)
    return dict(json.loads(output.partition("found ")[2]))


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls are those of x86_64")
def test_dangerous_system_calls_are_refused(node: Node) -> None:
    for config in ({}, {"User": "1000"}):
        found = system_calls(node, **config)
        # what a kernel does not have at all it may say so
        allowed = {k: v for k, v in found.items() if v not in ("Operation not permitted", "Function not implemented")}
        assert not allowed
    container = node.run("sleep", "1000", host={"Binds": PYTHON})
    program = PROGRAM.replace("CALLS", repr(CALLS), 1)
    in_exec = json.loads(node.engine.docker("exec", container, "python3", "-c", program).stdout.partition("found ")[2])
    assert in_exec == system_calls(node), "an exec is as confined"


def test_the_kernels_files_are_closed(node: Node) -> None:
    script = r"""
for path in /proc/interrupts /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/scsi /proc/acpi \
    /sys/firmware; do
  [ -e $path ] && { cat $path/* $path 2>/dev/null | head -c 1 | grep -q . && echo "readable: $path"; }
done
for path in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /sys/kernel/mm/ksm/run \
    /sys/fs/cgroup/*/cgroup.procs /proc/irq/default_smp_affinity /proc/bus; do
  [ -e $path ] && { echo 1 >$path; } 2>/dev/null && echo "written: $path"
done
mknod /tmp/disk b 8 0 2>/dev/null && head -c 1 /tmp/disk 2>&1 | grep -v "not permitted"
mknod /tmp/disk2 b 254 0 2>/dev/null && head -c 1 /tmp/disk2 2>&1 | grep -v "not permitted"
mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem 2>&1 | grep -v "not permitted"
mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg 2>&1 | grep -v "not permitted"
ls /dev | sort | tr '\n' ' '
"""
    devices = "console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
    assert node.output("sh", "-c", script) == devices


def test_privileges_can_not_be_regained(node: Node) -> None:
    """no-new-privileges holds against a setuid program; without it a setuid program works as in Docker."""
    program = "import os; print(os.geteuid()); print(open('/proc/self/status').read().split('CapBnd:')[1].split()[0])"
    run_it = f'exec /bin/su nobody -s /bin/sh -c "/tmp/it -c \\"{program}\\""'
    script = f"cp /usr/bin/python3 /tmp/it; chmod 4755 /tmp/it; {run_it}"
    for options, uid in ((["no-new-privileges"], "65534"), ([], "0")):
        lines = node.output("sh", "-c", script, host={"SecurityOpt": options, "Binds": PYTHON}).splitlines()
        assert lines == [uid, "00000000a80425fb"]


def test_a_read_only_container(node: Node) -> None:
    script = "touch /x; touch /etc/hosts; mount -o remount,rw /; touch /dev/shm/ok && echo shm"
    output = node.output("sh", "-c", script, host={"ReadonlyRootfs": True})
    assert output.count("Read-only file system") == 1 + ("hosts: Read-only" in output)
    assert output.splitlines()[-1] == "shm" and "permission denied" in output


def test_namespaces_are_its_own(node: Node) -> None:
    kinds = ("mnt", "net", "pid", "ipc", "uts", "cgroup")
    links = node.output("sh", "-c", "; ".join(f"readlink /proc/self/ns/{kind}" for kind in kinds)).splitlines()
    shared = {kind for kind, link in zip(kinds, links, strict=True) if link == os.readlink(f"/proc/self/ns/{kind}")}
    assert shared <= {"cgroup"}
    assert node.output("sh", "-c", "echo $$; ps | wc -l").splitlines() == ["1", "4"]


# -- the engine ---------------------------------------------------------------------


def listening(pid: int) -> set[str]:
    """TCP and UDP addresses that a process listens on, as in /proc/net."""
    sockets = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    found = set()
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in sockets and (fields[3] == "0A" or kind.startswith("udp")):
                found.add(f"{kind} {fields[1]}")
    return found


def test_the_socket_is_closed_to_others_and_tcp_is_only_where_asked(engine: EngineProcess) -> None:
    mode = engine.socket.stat()
    assert stat.S_IMODE(mode.st_mode) == 0o660 and mode.st_uid == 0
    assert listening(int((engine.run / "shoald.pid").read_text())) == set()
    port = free_port()
    with engine_with_busybox("--host", f"tcp://127.0.0.1:{port}") as other:
        where = f"tcp 0100007F:{port:04X}"
        assert listening(int((other.run / "shoald.pid").read_text())) == {where}
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            assert b"200 OK" in client.recv(1000)


def test_other_users_can_read_and_write_nothing(engine: EngineProcess) -> None:
    """Nor secrets in variables, nor images, nor logs, nor a socket of a supervisor."""
    word = secrets.token_hex(8)
    host = {"Binds": ["data:/data"]}
    container = Node(engine).run("sh", "-c", "echo $TOKEN; sleep 1000", host=host, Env=[f"TOKEN={word}"])
    engine.base.chmod(0o755)
    try:
        for path in (engine.root, engine.run):
            paths = [str(found) for found in path.rglob("*") if not found.is_symlink()]
            program = (
                "import os, sys\n"
                "for p in filter(None, sys.stdin.read().split('\\n')):\n"
                "    if os.access(p, os.W_OK) or os.path.isfile(p) and os.access(p, os.R_OK): print(p)"
            )
            words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", program]
            done = subprocess.run(words, input="\n".join(paths), capture_output=True, text=True, check=True)
            open_ones = {Path(line).name for line in done.stdout.splitlines()}
            assert open_ones <= {"shoald.pid", "mountns", "netd.log"}, open_ones
    finally:
        engine.base.chmod(0o700)
    assert word not in engine.log.read_text(), "the log of the engine has no variables"
    assert word in engine.docker("logs", container).stdout


# -- archives in and out of containers -----------------------------------------------


@pytest.fixture
def host_folder() -> Iterator[Path]:
    """A folder of the host that nobody must reach, with a file in it."""
    folder = Path(f"/srv-shoal-test-{os.getpid()}")
    folder.mkdir()
    (folder / "file").write_text("of the host")
    yield folder
    names = sorted(path.name for path in folder.iterdir())
    content = (folder / "file").read_text()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert (names, content) == (["file"], "of the host")


def test_archives_do_not_leave_a_running_container(engine: EngineProcess, host_folder: Path) -> None:
    """Links to everywhere, in the container and in the archive."""
    out = str(host_folder)
    script = f"ln -s {out} /out; ln -s /../../..{out} /out2; ln -s /proc/1/root{out} /out3; exec sleep 1000"
    engine.docker("run", "-d", "--name", "box", "busybox", "sh", "-c", script)
    wait_for("the links", lambda: engine.call("HEAD", "/containers/box/archive?path=/out3")[0] == 200)
    link = {"type": tarfile.SYMTYPE}
    archives = [
        tar_of(entry("new", b"!")),
        tar_of(entry(f"../../../../../..{host_folder}/new", b"!")),
        tar_of(entry(f"{host_folder}/new", b"!")),
        tar_of(entry("l", linkname=str(host_folder), **link), entry("l/new", b"!")),
        tar_of(entry("l", linkname=f"../../../../../../../..{host_folder}", **link), entry("l/file", b"!")),
        tar_of(entry("h", type=tarfile.LNKTYPE, linkname=f"../../../../..{host_folder}/file"), entry("h", b"!")),
    ]
    for path in ("/out", "/out2", "/out3", "/out/", "/tmp", "/"):
        for archive in archives:
            engine.call("PUT", f"/containers/box/archive?path={path}", archive)
        status, answer = engine.call("GET", f"/containers/box/archive?path={path}/file")
        assert status == 404 or b"of the host" not in bytes(answer), path
    engine.docker("stop", "-t", "0", "box")
    for path in ("/out", "/out2", "/out3"):
        engine.call("PUT", f"/containers/box/archive?path={path}", archives[0])


def test_a_link_that_changes_while_files_are_copied(engine: EngineProcess, host_folder: Path) -> None:
    """A program in the container swaps a folder for a link to the host's path again and again."""
    swap = f"mkdir /a; ln -s {host_folder} /b; while :; do mv -T /a /c; mv -T /b /a; mv -T /c /b; done"
    engine.docker("run", "-d", "--name", "box", "busybox", "sh", "-c", swap)
    archive = tar_of(*(entry(f"new{number}", b"!") for number in range(20)))
    seen = []
    for _ in range(60):
        for name in ("a", "b"):
            engine.call("PUT", f"/containers/box/archive?path=/{name}", archive)
            seen.append(engine.call("GET", f"/containers/box/archive?path=/{name}/file"))
    assert not any(status == 200 and b"of the host" in bytes(answer) for status, answer in seen)


def test_copies_through_links_in_volumes_and_images(engine: EngineProcess, host_folder: Path, tmp_path: Path) -> None:
    """A volume with a link in it; an image whose folders are links: workdir, volume, user file, mount point."""
    node = Node(engine)
    link = {"type": tarfile.SYMTYPE}
    layer = tar_of(
        entry(str(host_folder)[1:], type=tarfile.DIRTYPE),
        entry("data", linkname=str(host_folder), **link),
        entry("work", linkname=f"../../../../..{host_folder}", **link),
        entry("etc/passwd", linkname=f"{host_folder}/file", **link),
        entry("etc/group", linkname=f"/../../..{host_folder}/file", **link),
    )
    (host_folder / "file").write_text("evil:x:4242:4242::/:/bin/sh\n")
    try:
        image_archive(tmp_path / "links.tar", "links:1", [busybox_layer(), layer])
        engine.load(tmp_path / "links.tar")
        in_volume = node.output("ls", "-A", "/data/", Image="links:1", host={"Binds": ["vol:/data"]})
        assert in_volume == ""
        node.output("true", Image="links:1", WorkingDir="/work/new")
        node.output("true", Image="links:1", host={"Binds": [f"{tmp_path}:/data/inside"]})
        container = node.create("true", Image="links:1", User="evil")
        _, answer = engine.call("POST", f"/containers/{container}/start")
        assert "unable to find user evil" in answer["message"]
    finally:
        (host_folder / "file").write_text("of the host")
    engine.docker("run", "--rm", "-v", "vol:/v", "busybox", "ln", "-s", str(host_folder), "/v/link")
    engine.docker("create", "--name", "holder", "-v", "vol:/v", "busybox")
    engine.call("PUT", "/containers/holder/archive?path=/v/link", tar_of(entry("new", b"!")))
    mount = {"Type": "volume", "Source": "vol", "Target": "/x", "VolumeOptions": {"Subpath": "link"}}
    container = node.create("cat", "/x/file", host={"Mounts": [mount]})
    status, _ = engine.call("POST", f"/containers/{container}/start")
    if status == 204:
        engine.call("POST", f"/containers/{container}/wait")
        assert "of the host" not in engine.docker("logs", container).stdout
    engine.docker("rmi", "-f", "links:1")


# -- secrets ------------------------------------------------------------------------------


def found_on_disk(engine: EngineProcess, word: str) -> list[str]:
    """Files below the engine's directories, and its log, that have these bytes; also in what is compressed."""
    found = []
    for top in (engine.root, engine.run, engine.log):
        for path in top.rglob("*") if top.is_dir() else (top,):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 50_000_000:
                data = path.read_bytes()
                if data[:2] == b"\x1f\x8b":
                    data += subprocess.run(["gzip", "-dc"], input=data, capture_output=True, check=False).stdout
                if word.encode() in data:
                    found.append(str(path))
    return found


def test_build_secrets_stay_nowhere(engine: EngineProcess, tmp_path: Path) -> None:
    """Not in layers, history, inspect, cache, log or anywhere on disk, whether the build succeeds or fails."""
    word = secrets.token_hex(16)
    (tmp_path / "token").write_text(word)
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nRUN --mount=type=secret,id=token wc -c /run/secrets/token >/size && echo $$ >/done\n"
    )
    build_it = ("build", "-t", "app:1", "--secret", f"id=token,src={tmp_path}/token", str(tmp_path))
    (tmp_path / ".dockerignore").write_text("token\n")
    engine.shoal(*build_it)
    assert engine.shoal("run", "--rm", "app:1", "cat", "/size").stdout.startswith("32 ")
    assert "No such file" in engine.shoal("run", "--rm", "app:1", "ls", "/run", check=False).stderr
    for words in (("image", "inspect", "app:1"), ("history", "--no-trunc", "app:1")):
        assert word not in engine.shoal(*words).stdout
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN --mount=type=secret,id=token false\n")
    assert engine.shoal(*build_it, check=False).returncode == 1
    assert found_on_disk(engine, word) == []
    saved = engine.call("GET", "/images/app:1/get")[1]
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        assert all(word.encode() not in archive.extractfile(m).read() for m in archive if m.isfile())  # type: ignore[union-attr]
    engine.shoal("rmi", "app:1")
    engine.call("POST", "/build/prune?all=1")


def test_a_secret_in_a_variable_of_a_step_is_on_no_disk_while_it_runs(engine: EngineProcess, tmp_path: Path) -> None:
    word = secrets.token_hex(16)
    seen: list[str] = []

    class Page(BaseHTTPRequestHandler):
        """Asked by the step, while it has the secret."""

        def do_GET(self) -> None:
            seen.extend([self.path, *found_on_disk(engine, word)])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever).start()
        asking = f"wget -qO- http://127.0.0.1:{server.server_address[1]}/$(echo $TOKEN | wc -c)"
        (tmp_path / "Dockerfile").write_text(f"FROM busybox\nRUN --mount=type=secret,id=token,env=TOKEN {asking}\n")
        env = {**engine.env, "TOKEN": word}
        flags = ("--no-cache", "--network", "host", "--secret", "id=token,env=TOKEN")
        engine.shoal("build", "-t", "app:2", *flags, str(tmp_path), env=env)
        server.shutdown()
    assert seen == ["/33"]
    engine.shoal("rmi", "app:2")


def test_compose_secrets_stay_nowhere(engine: EngineProcess, tmp_path: Path) -> None:
    """Not in what an engine keeps, nor in what is made of the container: a commit, an export, a saved image."""
    word = secrets.token_hex(16)
    (tmp_path / "compose.yaml").write_text("""
name: hush
services:
  a: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, secrets: [token], configs: [{source: c, target: /c}]}
secrets: {token: {environment: TOKEN}}
configs: {c: {content: "password=${TOKEN}"}}
""")
    file, env = str(tmp_path / "compose.yaml"), {**engine.env, "TOKEN": word}
    engine.shoal("compose", "-f", file, "up", "-d", env=env)
    assert word in engine.docker("exec", "hush-a-1", "cat", "/run/secrets/token", "/c").stdout
    engine.docker("commit", "hush-a-1", "hush:1")
    engine.docker("stop", "hush-a-1")
    for path in ("/containers/hush-a-1/json", "/containers/hush-a-1/export", "/images/hush:1/get", "/events?until=1"):
        status, answer = engine.call("GET", path)
        assert status == 200
        assert word not in (answer.decode(errors="replace") if isinstance(answer, bytes) else json.dumps(answer))
    assert found_on_disk(engine, word) == []
    engine.docker("start", "hush-a-1")
    assert word in engine.docker("exec", "hush-a-1", "cat", "/c").stdout
    engine.shoal("compose", "-f", file, "down", env=env)
    engine.docker("rmi", "hush:1")


def test_passwords_of_root_are_not_sent_for_a_dockerfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ADD asks a host that root's ~/.netrc has a password for."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login root password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server, EngineProcess() as engine:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(10_000))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        assert build(engine, f"FROM scratch\nADD http://127.0.0.1:{port}/file /\n").id
        thread.join(10)
    assert asked[0].startswith(b"GET /file ") and b"authorization" not in asked[0].lower()


def test_passwords_of_registries_stay_nowhere(engine: EngineProcess) -> None:
    import base64

    word = secrets.token_hex(16)
    auth = base64.urlsafe_b64encode(json.dumps({"username": "ann", "password": word}).encode()).decode()
    for _ in range(2):
        engine.call("POST", "/images/create?fromImage=127.0.0.1:1/app&tag=1", **{"X-Registry-Auth": auth})
        engine.call("POST", "/auth", {"username": "ann", "password": word, "serveraddress": "127.0.0.1:1"})
        config = base64.urlsafe_b64encode(json.dumps({"127.0.0.1:1": {"username": "a", "password": word}}).encode())
        build(engine, "FROM 127.0.0.1:1/app\n", headers={"X-Registry-Config": config.decode()})
    assert found_on_disk(engine, word) == []
    encoded = base64.b64encode(f"ann:{word}".encode()).decode()
    assert found_on_disk(engine, encoded) == []


def test_variables_of_containers_are_in_closed_files_only(engine: EngineProcess) -> None:
    word = secrets.token_hex(16)
    container = Node(engine).run("sleep", "1000", Env=[f"TOKEN={word}"])
    for path in found_on_disk(engine, word):
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0 or _is_below_closed_folder(Path(path), engine), path
    Node(engine).delete(container, force=1)


def _is_below_closed_folder(path: Path, engine: EngineProcess) -> bool:
    tops = (engine.root, engine.run)
    return any(
        not stat.S_IMODE(folder.stat().st_mode) & 0o077
        for folder in path.parents
        if any(top in folder.parents for top in tops)
    )
