"""Bad input, as a user gives it: a clear message, the right exit status, nothing lost and nothing left over."""

import contextlib
import gzip
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.apps import App
from tests.support.engine import EngineProcess
from tests.support.images import busybox_archive, busybox_layer, entry, image_archive, tar_of
from tests.support.ports import free_port
from tests.support.running import Node
from tests.support.traces import traces, wait_until_as

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: real namespaces, mounts and networks")


@pytest.fixture
def quiet(engine: EngineProcess) -> Iterator[EngineProcess]:
    """An engine that must have at the end what it had at the beginning."""
    before = traces(engine)
    yield engine
    engine.remove_everything()
    wait_until_as(engine, before)


def refused(engine: EngineProcess, *words: str, status: int = 1) -> str:
    """What `shoal WORDS` says when it fails with this status."""
    done = engine.shoal(*words, check=False)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr
    return done.stderr


# -- compose files --------------------------------------------------------------

COMPOSE = {
    "broken YAML": (
        "services:\n  web:\n    image: busybox\n   command: x\n",
        "compose.yaml:4:4: while parsing a block mapping, did not find expected key",
    ),
    "a tab": ("services:\n\tweb:\n", "compose.yaml:2:1: "),
    "noise": (b"\xff\xfe\x00\x80" * 100, "compose.yaml: not a text file"),
    "empty": ("", "empty compose file"),
    "an alias bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"b{n}: &b{n} [{','.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(8))
        + "services: {web: {image: busybox, command: *b7}}\n",
        "too many aliases",
    ),
    "an alias in itself": ("a: &a [*a]\nservices: {web: {image: busybox}}\n", "refers to what contains it"),
    "an unknown key": (
        "services: {web: {image: busybox, comand: x}}\n",
        'services.web.comand: unknown key "comand", did you mean "command"?',
    ),
    "an unknown key at the top": (
        "servces: {web: {image: busybox}}\n",
        'unknown key "servces", did you mean "services"?',
    ),
    "a wrong type": ("services: {web: {image: [busybox]}}\n", "services.web.image: expected a string, got a list"),
    "a circle of depends_on": (
        "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n"
        "  c: {image: x, depends_on: [a]}\n",
        "dependency cycle detected: a -> b -> c -> a",
    ),
    "a circle of extends": ("services:\n  a: {extends: b}\n  b: {extends: a}\n", "circular reference"),
    "an undefined service": (
        "services:\n  a: {image: x, depends_on: [databse]}\n  database: {image: x}\n",
        'service "a" depends on undefined service "databse", did you mean "database"?',
    ),
    "an undefined network": (
        "services: {a: {image: x, networks: [fromt]}}\nnetworks: {front: {}}\n",
        'service "a" refers to undefined network fromt, did you mean "front"?',
    ),
    "an undefined volume": (
        "services: {a: {image: x, volumes: ['dat:/x']}}\nvolumes: {data: {}}\n",
        'service "a" refers to undefined volume dat, did you mean "data"?',
    ),
    "an undefined secret": (
        "services: {a: {image: x, secrets: [tokn]}}\nsecrets: {token: {file: ./t}}\n",
        'service "a" refers to undefined secret tokn, did you mean "token"?',
    ),
    "an undefined variable": (
        'services: {a: {image: x, command: "${WORD:?give a word}"}}\n',
        "required variable WORD is missing a value: give a word",
    ),
    "a broken variable": (
        'services: {a: {image: "busybox:${TAG"}}\n',
        "invalid interpolation format for services.a.image",
    ),
    "neither image nor build": ("services: {a: {command: x}}\n", "has neither an image nor a build context"),
    "a port that is none": ("services: {a: {image: x, ports: ['80:99999']}}\n", "99999"),
}


@pytest.mark.parametrize("case", COMPOSE)
def test_a_compose_file_that_is_wrong(module_engine: EngineProcess, tmp_path: Path, case: str) -> None:
    content, message = COMPOSE[case]
    app = App(module_engine, tmp_path, "bad")
    (tmp_path / "compose.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    for command in (("config",), ("up", "-d")):
        done = app.compose(*command, check=False)
        assert done.returncode != 0 and message in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and not done.stdout
    assert app.containers() == []


def test_no_compose_file_at_all(module_engine: EngineProcess, tmp_path: Path) -> None:
    done = App(module_engine, tmp_path, "none").compose("up", check=False)
    assert done.returncode == 1
    assert "no configuration file provided: not found\nhint: looked for compose.yaml here" in done.stderr


def test_an_unset_variable_is_told(module_engine: EngineProcess, tmp_path: Path) -> None:
    app = App(module_engine, tmp_path, "unset")
    app.write('services: {a: {image: busybox, environment: {A: "${NOPE}"}}}')
    done = app.compose("config")
    assert 'The "NOPE" variable is not set. Defaulting to a blank string.' in done.stderr


def test_an_app_that_fails_half_way_keeps_what_ran(quiet: EngineProcess, tmp_path: Path) -> None:
    """A port that is taken ends `up` with its reason; the services that did start go on, the next `up` finishes."""
    app = App(quiet, tmp_path, "half")
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        app.write(f"""
services:
  db: {{image: busybox, command: sleep 1000, stop_signal: SIGKILL}}
  web:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    ports: ["127.0.0.1:{port}:80"]
    depends_on: [db]
""")
        done = app.compose("up", "-d", check=False)
        assert done.returncode == 1
        assert (
            f"failed to bind host port for 127.0.0.1:{port}:" in done.stderr and "address already in use" in done.stderr
        )
        assert app.states() == {"db-1": "running", "web-1": "created"}
        db = app.ids()["db-1"]
    app.compose("up", "-d")
    assert app.states() == {"db-1": "running", "web-1": "running"} and app.ids()["db-1"] == db
    app.down()


# -- containers -------------------------------------------------------------------

RUN = {
    "an image that is nowhere": (["127.0.0.1:1/app:1"], "connection refused"),
    "a name that is no image": (["BAD NAME"], "must be lowercase"),
    "an unknown network": (["--network", "nowhere", "busybox"], "network nowhere not found"),
    "a port beyond all": (["-p", "99999:80", "busybox"], "invalid hostPort: 99999"),
    "a word for a port": (["-p", "web:80", "busybox"], "invalid"),
    "a missing bind source": (
        ["--mount", "type=bind,source=/no/such,target=/x", "busybox"],
        "bind source path does not exist: /no/such",
    ),
    "a relative bind": (["-v", "a/b:/x", "busybox"], "If you intended to pass a host directory, use absolute path"),
    "too little memory": (["-m", "1k", "busybox"], "Minimum memory limit allowed is 6MB"),
    "too many cpus": (["--cpus", "10000", "busybox"], "range of CPUs is from 0.01 to"),
    "an unknown user": (["--user", "nobodyhere", "busybox"], "unable to find user nobodyhere"),
    "an unknown capability": (["--cap-add", "BANANA", "busybox"], 'unknown capability: "CAP_BANANA"'),
    "a missing seccomp profile": (
        ["--security-opt", "seccomp=/no/such", "busybox"],
        "opening seccomp profile (/no/such) failed: no such file or directory",
    ),
    "a bad name": (["--name", "a b", "busybox"], "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
    "an unknown flag": (["--memroy", "1g", "busybox"], "unknown flag: --memroy"),
}


@pytest.mark.parametrize("case", RUN)
def test_a_container_that_can_not_be(quiet: EngineProcess, case: str) -> None:
    words, message = RUN[case]
    told = refused(quiet, "run", "--rm", *words, "true", status=125)
    assert message in told


def test_programs_that_can_not_run(quiet: EngineProcess) -> None:
    assert 'exec: "nowhere": executable file not found in $PATH' in refused(
        quiet, "run", "--rm", "busybox", "nowhere", status=127
    )
    assert 'exec: "/etc"' in refused(quiet, "run", "--rm", "busybox", "/etc", status=126)
    refused(quiet, "run", "--rm", "--device", "/dev/nosuch", "busybox", status=127)


def test_addresses_and_subnets(quiet: EngineProcess) -> None:
    quiet.shoal("network", "create", "--subnet", "10.231.7.0/24", "fixed")
    run = ("run", "--rm", "--network", "fixed")
    told = refused(quiet, *run, "--ip", "10.99.0.1", "busybox", "true", status=125)
    assert "no configured subnet or ip-range contain the IP address 10.99.0.1" in told
    assert "Address already in use" in refused(quiet, *run, "--ip", "10.231.7.1", "busybox", "true", status=125)
    assert "user specified IP address is supported on user defined networks only" in refused(
        quiet, "run", "--rm", "--ip", "10.1.1.1", "busybox", "true", status=125
    )
    assert "Pool overlaps" in refused(quiet, "network", "create", "--subnet", "10.231.7.128/25", "other")
    assert "invalid subnet" in refused(quiet, "network", "create", "--subnet", "banana", "other")
    assert "already exists" in refused(quiet, "network", "create", "fixed")
    quiet.shoal("run", "--rm", *run[2:], "--ip", "10.231.7.9", "busybox", "true")


def test_a_taken_port_of_the_host(quiet: EngineProcess) -> None:
    """The container is there, stopped, and starts as soon as the port is free."""
    port = free_port()
    with socket.create_server(("0.0.0.0", port)):
        told = refused(quiet, "run", "-d", "--name", "web", "-p", f"{port}:80", "busybox", "sleep", "1000", status=125)
        assert f"failed to bind host port for 0.0.0.0:{port}" in told and "address already in use" in told
        assert Node(quiet).state("web")["Status"] == "created"
    quiet.shoal("start", "web")


# -- archives and registries ------------------------------------------------------


def bad_layers() -> dict[str, tuple[bytes, str]]:
    def layer(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
        return tar_of(entry("ok", b"1"), *members)

    target = f"/tmp/shoal-escape-{os.getpid()}"
    link = {"type": tarfile.SYMTYPE}
    return {
        "..": (layer(entry(f"../../../../../..{target}", b"!")), "leads out of its folder"),
        "a symlink out": (layer(entry("l", linkname="/tmp", **link), entry(f"l{target[4:]}", b"!")), ""),
        "a relative symlink out": (
            layer(entry("l", linkname="../../../../../../tmp", **link), entry(f"l{target[4:]}", b"!")),
            "",
        ),
        "a hard link to the host": (
            layer(entry("h", type=tarfile.LNKTYPE, linkname="../../../../../../etc/passwd")),
            "leads out of its folder",
        ),
        "a hard link through a symlink": (
            layer(entry("l", linkname="/etc", **link), entry("h", type=tarfile.LNKTYPE, linkname="l/passwd")),
            "",
        ),
        "an absolute name": (layer(entry(target, b"!")), ""),
        "cut off": (layer(entry("noise", os.urandom(5000)))[:3000], "cut off"),
        "noise": (os.urandom(5000), "no tar archive"),
    }


@pytest.mark.parametrize("case", bad_layers())
def test_an_archive_that_wants_out_or_is_broken(quiet: EngineProcess, tmp_path: Path, case: str) -> None:
    """It is refused, or what it writes lands inside its own image; nothing appears on the host."""
    layer, message = bad_layers()[case]
    image_archive(tmp_path / "bad.tar", "bad:1", [busybox_layer(), layer])
    passwd = hashlib.sha256(Path("/etc/passwd").read_bytes()).hexdigest(), os.stat("/etc/passwd").st_nlink
    done = quiet.shoal("load", "-i", str(tmp_path / "bad.tar"), check=False)
    if message:
        assert done.returncode == 1 and message in done.stderr, done.stderr
    if done.returncode:
        assert "bad" not in quiet.shoal("images").stdout
    else:
        assert quiet.shoal("run", "--rm", "--network=none", "bad:1", "cat", "/ok").stdout == "1"
        quiet.shoal("rmi", "bad:1")
    assert not list(Path("/tmp").glob(f"shoal-escape-{os.getpid()}*"))
    assert passwd == (hashlib.sha256(Path("/etc/passwd").read_bytes()).hexdigest(), os.stat("/etc/passwd").st_nlink)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not contain a manifest.json"),
        (os.urandom(20_000), "this is no tar archive"),
        (b"hello\n" * 500, "this is no tar archive"),
        (tar_of(entry("readme", b"hello")), "does not contain a manifest.json"),
        (gzip.compress(tar_of(entry("manifest.json", b"[]" + os.urandom(90_000))))[:40_000], "broken gzip data"),
    ],
    ids=["empty", "noise", "text", "another tar", "cut off"],
)
def test_a_file_that_is_no_image(quiet: EngineProcess, tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(data)
    assert message in refused(quiet, "load", "-i", str(tmp_path / "file"))


def test_ten_gigabytes_of_zeros(quiet: EngineProcess, tmp_path: Path) -> None:
    """Refused early, the disk stays as it was."""
    header = entry("zeros", type=tarfile.REGTYPE, size=10 << 30)[0].tobuf(tarfile.GNU_FORMAT)
    megabytes = gzip.compress(bytes(1 << 20), 1) * (10 << 10)
    bomb = gzip.compress(header) + megabytes
    assert len(bomb) < 100 << 20
    (tmp_path / "bomb.tar.gz").write_bytes(bomb)
    free = shutil.disk_usage(quiet.root).free
    told = refused(quiet, "load", "-i", str(tmp_path / "bomb.tar.gz"))
    assert "times" in told, told
    assert shutil.disk_usage(quiet.root).free > free - (200 << 20)


class Liar(BaseHTTPRequestHandler):
    """A registry that answers every manifest with one whose layer is not what the digest says."""

    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    lie = "manifest"

    def do_GET(self) -> None:
        digest = "sha256:" + hashlib.sha256(self.config).hexdigest()
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        layer = {
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "size": 9,
            "digest": f"sha256:{'1' * 64}",
        }
        config = {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(self.config),
            "digest": digest,
        }
        body = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}).encode()
        headers = {"Content-Type": kind}
        if "/blobs/" in self.path:
            body = self.config[:-1] + b" "
        elif self.lie == "manifest":
            headers["Docker-Content-Digest"] = f"sha256:{'2' * 64}"
        self.send_response(200)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *words: object) -> None:
        pass


@pytest.mark.parametrize("lie", ["manifest", "blob"])
def test_a_registry_that_lies_about_a_digest(quiet: EngineProcess, lie: str) -> None:
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (Liar,), {"lie": lie}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        name = f"127.0.0.1:{server.server_port}/app:1"
        told = refused(quiet, "pull", name)
        assert "digest" in told or "verification failed" in told, told
        assert "app" not in quiet.shoal("images").stdout
    finally:
        server.shutdown()
        server.server_close()


def test_a_registry_that_is_down_or_not_one(quiet: EngineProcess) -> None:
    port = free_port()
    assert "connection refused" in refused(quiet, "pull", f"127.0.0.1:{port}/app")
    assert "no such host" in refused(quiet, "pull", "registry.invalid/app")
    assert "not found" in refused(quiet, "push", f"127.0.0.1:{port}/app").replace("does not exist", "not found")
    hint = refused(quiet, "run", "docker.io/library/redis", status=125)
    assert "shoal image stand-in" in hint


# -- builds ---------------------------------------------------------------------------

DOCKERFILES = {
    "noise": (bytes(range(255, 127, -1)) * 30, "Dockerfile:1:1: expected text in UTF-8, got binary data"),
    "a NUL": (b"FROM busybox\nRUN x\x00y\n", "Dockerfile:2:6: expected text in UTF-8, got binary data (byte 0x00)"),
    "an unknown instruction": (b"FORM busybox\n", "Dockerfile:1:1: unknown instruction: FORM (did you mean FROM?)"),
    "empty": (b"", "the Dockerfile (Dockerfile) cannot be empty"),
    "no FROM": (b"RUN echo\n", "Dockerfile:1:1: RUN: no build stage in current context"),
    "a file outside": (
        b"FROM busybox\nCOPY ../../etc/passwd /x\n",
        "Dockerfile:2:1: COPY: forbidden path outside the build context",
    ),
    "a missing file": (
        b"FROM busybox\nCOPY nothere /x\n",
        "file not found in build context or excluded by .dockerignore",
    ),
    "a failing step": (
        b"FROM busybox\nRUN echo before; exit 3\n",
        "returned a non-zero code: 3\nDockerfile:2:1: RUN echo before; exit 3\nlast lines of its output:\n  before",
    ),
    "a missing base": (b"FROM 127.0.0.1:1/base\n", "Dockerfile:1:1: FROM: "),
    "a missing secret": (b"FROM busybox\nRUN --mount=type=secret,id=s,required=true true\n", 'secret "s" is required'),
}


@pytest.mark.parametrize("case", DOCKERFILES)
def test_a_dockerfile_that_is_wrong(quiet: EngineProcess, tmp_path: Path, case: str) -> None:
    content, message = DOCKERFILES[case]
    (tmp_path / "Dockerfile").write_bytes(content)
    assert message in refused(quiet, "build", "-t", "bad:1", str(tmp_path))
    assert "bad" not in quiet.shoal("images").stdout
    quiet.call("POST", "/build/prune?all=1")


def test_a_context_with_links_to_the_outside(quiet: EngineProcess, tmp_path: Path) -> None:
    """A symlink in the context is a symlink in the image; what it points to on the host stays there."""
    (tmp_path / "secret").write_text("of the host\n")
    context = tmp_path / "context"
    context.mkdir()
    (context / "link").symlink_to(tmp_path / "secret")
    (context / "folder").symlink_to("/etc")
    (context / "Dockerfile").write_text("FROM busybox\nCOPY . /all\nCOPY link /copied\nRUN ls -l /all; cat /all/link\n")
    done = quiet.shoal("build", str(context), check=False)
    assert done.returncode == 1
    assert "of the host" not in done.stdout + done.stderr
    (context / "Dockerfile").write_text("FROM busybox\nCOPY folder/shadow /x\n")
    refused(quiet, "build", str(context))
    quiet.call("POST", "/build/prune?all=1")


# -- the host -------------------------------------------------------------------------


def shoald(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "shoal.daemon", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False, **options)  # type: ignore[call-overload,no-any-return]


def nothing_was_made(folder: Path) -> bool:
    return not (folder / "root").exists() and not (folder / "run").exists()


def places(folder: Path) -> list[str]:
    return ["--root", str(folder / "root"), "--run", str(folder / "run")]


def test_missing_programs(tmp_path: Path) -> None:
    done = shoald(*places(tmp_path), env={"PATH": "/nonexistent"})
    assert done.returncode == 1
    assert done.stderr == (
        "shoald: missing on this host: crun, conmon\n"
        "hint: install them: apt-get install -y crun conmon  (see also: shoal doctor)\n"
    )
    assert nothing_was_made(tmp_path)


def test_missing_nftables(tmp_path: Path) -> None:
    """Its library is hidden in a mount namespace."""
    (library,) = {str(path.resolve()) for path in Path("/usr/lib").glob("*/libnftables.so.1")}
    script = f'mount --bind /dev/null {library} && exec "$@"'
    argv = ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, "-m", "shoal.daemon", *places(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "shoald: missing on this host: nftables\nhint: install them: apt-get install -y nftables" in done.stderr
    assert nothing_was_made(tmp_path)


def as_nobody(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-m", *argv]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, env={**os.environ, **env})


def test_without_root(quiet: EngineProcess, tmp_path: Path) -> None:
    for done in (
        as_nobody("shoal.daemon", *places(tmp_path)),
        as_nobody("shoal.cli", "daemon", "start", *places(tmp_path)),
    ):
        assert done.returncode == 1
        assert "shoald must be run as root\nhint: use sudo" in done.stderr
    done = as_nobody("shoal.cli", "ps", SHOAL_HOST=f"unix://{quiet.socket}")
    assert done.returncode == 1
    assert f"permission denied while trying to connect to the Shoal engine at unix://{quiet.socket}" in done.stderr
    assert 'join the group that owns the socket (by default "shoal")' in done.stderr
    doctor = as_nobody("shoal.cli", "doctor")
    assert (
        doctor.returncode == 1 and "not running as root" in doctor.stdout and "not tried: needs root" in doctor.stdout
    )


def test_no_engine_there(tmp_path: Path) -> None:
    environment = {**os.environ, "SHOAL_HOST": f"unix://{tmp_path}/shoal.sock"}
    argv = [sys.executable, "-m", "shoal.cli", "ps"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False, env=environment)
    assert done.returncode == 1
    assert re.fullmatch(
        r"Error: Cannot connect to the Shoal engine at unix://\S+ Is shoald running\?\nhint: .*\n", done.stderr
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--log-level", "loud"], 'log_level: expected debug, info, warning or error, got "loud"'),
        (["--host", "127.0.0.1:80"], "hosts: expected unix:///PATH or tcp://ADDRESS:PORT"),
        (["--dns", "banana"], "dns: expected an IP address"),
        (["--config", "/no/such.toml"], 'settings file "/no/such.toml": No such file or directory'),
        (["--mtu", "x"], "mtu: expected a number of bytes"),
        (["--root", "/proc/nowhere"], 'cannot make "/proc/nowhere"'),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, words: list[str], message: str) -> None:
    done = shoald(*places(tmp_path), *words)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def test_a_database_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    noise = os.urandom(9000)
    (tmp_path / "root" / "shoal.db").write_bytes(noise)
    done = shoald(*places(tmp_path))
    assert done.returncode == 1
    assert f'shoald: cannot read the database "{tmp_path}/root/shoal.db": file is not a database' in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "root" / "shoal.db").read_bytes() == noise, "it stays as it was"


# -- the disk -------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[EngineProcess]:
    """An engine whose root is a disk of a few megabytes."""
    engine = EngineProcess()
    engine.root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(engine.root)], check=True)
    try:
        with engine:
            busybox_archive(tmp_path / "busybox.tar")
            engine.load(tmp_path / "busybox.tar")
            yield engine
            subprocess.run(["umount", "--lazy", str(engine.root)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(engine.root)], check=False, capture_output=True)


def test_a_full_disk(small: EngineProcess, tmp_path: Path) -> None:
    """What needs room says so; what runs goes on, can be stopped, started, removed; room that is made is used."""
    engine, node = small, Node(small)
    image_archive(tmp_path / "big.tar", "big:1", [tar_of(entry("x", os.urandom(20_000_000)))])
    engine.shoal("run", "-d", "--name", "web", "--network=none", "busybox", "sleep", "1000")
    before = traces(engine)
    full = "no space left on device\nhint: free some space: shoal system prune"
    assert full in refused(engine, "load", "-i", str(tmp_path / "big.tar"))
    wait_until_as(engine, before)

    done = engine.shoal("run", "--name", "filler", "busybox", "dd", "if=/dev/zero", "of=/file", "bs=64k", check=False)
    assert done.returncode == 1
    assert node.state("filler")["Status"] == "exited"
    with contextlib.suppress(OSError), (engine.root / "fill").open("wb") as fill:
        while True:
            fill.write(bytes(4096))
    assert full in refused(engine, "run", "--name", "more", "busybox", "true", status=125)
    assert "more" not in engine.shoal("ps", "-a").stdout
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo x >/x\n")
    (tmp_path / "big.tar").unlink()
    assert "o space left on device" in refused(engine, "build", str(tmp_path))

    engine.shoal("stop", "-t", "0", "web")
    engine.shoal("start", "web")
    assert engine.shoal("exec", "web", "echo", "here").stdout == "here\n"
    engine.kill()
    engine.start()
    assert node.state("web")["Running"] and node.state("filler")["ExitCode"] == 1
    engine.shoal("rm", "-f", "web", "filler")
    assert engine.shoal("ps", "-aq").stdout == ""
    (engine.root / "fill").unlink()
    assert engine.shoal("run", "--rm", "busybox", "echo", "room").stdout == "room\n"
