"""Networks through the real docker CLI: names, ports, isolation, wording, and a killed engine."""

import json
import shutil
import urllib.request

import pytest

from tests.support.engine import EngineProcess, wait_for
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed here")

SERVE = ("sh", "-c", "mkdir -p /www && hostname > /www/index.html && httpd -f -p 80 -h /www")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode().strip()


def lookup(engine: EngineProcess, container: str, name: str) -> str:
    """The address that a container is told for a name, "" when there is none."""
    answer = engine.docker("exec", container, "nslookup", "-type=a", name, check=False).stdout
    return next((line.split()[-1] for line in answer.splitlines()[2:] if line.startswith("Address:")), "")


def page(engine: EngineProcess, container: str, address: str, port: int = 80) -> str:
    """The last line of a page, fetched inside a container. (wget of Debian's static busybox crashes.)"""
    command = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {address} {port}"
    answer = engine.docker("exec", container, "sh", "-c", command, check=False).stdout.strip()
    return answer.splitlines()[-1] if answer else ""


def test_names_ports_and_isolation(engine: EngineProcess) -> None:
    for name in ("app", "other"):
        engine.docker("network", "create", "--label", "of=test", name)
    engine.docker("network", "create", "--internal", "inner")
    run = ("run", "-d", "--network")
    engine.docker(
        *run, "app", "--name", "web", "-h", "webhost", "-p", "0:80", "--network-alias", "site", "busybox", *SERVE
    )
    engine.docker(*run, "app", "--name", "client", "busybox", "sleep", "1000")
    engine.docker(*run, "other", "--name", "stranger", "busybox", "sleep", "1000")
    engine.docker(*run, "inner", "--name", "shut-in", "busybox", "sleep", "1000")
    address = engine.docker("port", "web", "80").stdout.splitlines()[0]
    port = int(address.rpartition(":")[2])
    for url in (f"http://127.0.0.1:{port}", f"http://[::1]:{port}"):
        wait_for(url, lambda url=url: fetch(url) == "webhost")
    for name in ("web", "site", "webhost", "web.app"):
        address = lookup(engine, "client", name)
        assert page(engine, "client", address) == "webhost", name
    assert lookup(engine, "stranger", "web") == ""
    assert page(engine, "stranger", address) == ""
    gateway = engine.docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").stdout.strip()
    assert page(engine, "stranger", gateway, port) == "webhost", "by the host's address"
    assert page(engine, "shut-in", gateway, port) == ""

    listed = engine.docker("network", "ls", "--filter", "label=of=test", "--format", "{{.Name}} {{.Driver}} {{.Scope}}")
    assert listed.stdout == "app bridge local\nother bridge local\n"
    found = json.loads(engine.docker("network", "inspect", "app").stdout)[0]
    assert {c["Name"] for c in found["Containers"].values()} == {"web", "client"}
    endpoint = json.loads(engine.docker("inspect", "web").stdout)[0]["NetworkSettings"]["Networks"]["app"]
    assert endpoint["IPAddress"] in {c["IPv4Address"].partition("/")[0] for c in found["Containers"].values()}
    assert "site" in endpoint["DNSNames"]
    refused = engine.docker("network", "rm", "app", check=False)
    assert refused.returncode == 1 and "has active endpoints" in refused.stderr


def test_connect_disconnect_and_modes(engine: EngineProcess) -> None:
    engine.docker("network", "create", "--subnet", "10.213.7.0/24", "fixed")
    engine.docker("run", "-d", "--name", "web", "busybox", *SERVE)
    engine.docker(
        "run", "-d", "--name", "client", "--network", "fixed", "--ip", "10.213.7.77", "busybox", "sleep", "1000"
    )
    engine.docker("network", "connect", "--alias", "site", "--ip", "10.213.7.5", "fixed", "web")
    assert lookup(engine, "client", "site") == "10.213.7.5"
    wait_for("the page", lambda: page(engine, "client", "10.213.7.5") != "")
    assert "10.213.7.5" in engine.docker("exec", "web", "cat", "/etc/hosts").stdout
    assert "10.213.7.77" in engine.docker("exec", "client", "ip", "-4", "addr").stdout
    engine.docker("network", "disconnect", "fixed", "web")
    assert lookup(engine, "client", "site") == ""
    assert page(engine, "client", "10.213.7.5") == ""
    engine.docker("run", "-d", "--name", "side", "--network", "container:web", "busybox", "sleep", "1000")
    assert page(engine, "side", "127.0.0.1") != ""
    links = engine.docker("run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net").stdout
    assert links.split() == ["lo"]
    outside = engine.docker("run", "--rm", "--network", "host", "busybox", "ls", "/sys/class/net").stdout
    assert "lo" in outside.split() and len(outside.split()) > 1
    engine.docker("rm", "-f", "client")
    wrong = engine.docker("run", "--rm", "--network", "fixed", "--ip", "10.9.9.9", "busybox", "true", check=False)
    assert (
        wrong.returncode == 125 and "no configured subnet or ip-range contain the IP address 10.9.9.9" in wrong.stderr
    )


def test_a_taken_port_has_dockers_words(engine: EngineProcess) -> None:
    port = free_port()
    engine.docker("run", "-d", "--name", "first", "-p", f"{port}:80", "busybox", "sleep", "1000")
    second = engine.docker("run", "-d", "--name", "second", "-p", f"{port}:80", "busybox", "sleep", "1000", check=False)
    assert second.returncode == 125
    assert "driver failed programming external connectivity on endpoint second" in second.stderr
    assert f"Bind for 0.0.0.0:{port} failed: port is already allocated" in second.stderr
    engine.docker("rm", "-f", "first")
    engine.docker("start", "second")


def test_names_and_ports_answer_while_the_engine_is_dead(engine: EngineProcess) -> None:
    port = free_port()
    engine.docker("network", "create", "app")
    engine.docker("run", "-d", "--network", "app", "--name", "web", "-h", "web", "-p", f"{port}:80", "busybox", *SERVE)
    script = "while :; do ping -c 1 -W 2 web >/dev/null && echo found || echo lost; sleep 0.05; done"
    engine.docker("run", "-d", "--network", "app", "--name", "client", "busybox", "sh", "-c", script)
    wait_for("the page", lambda: fetch(f"http://127.0.0.1:{port}") == "web")
    wait_for("the client", lambda: "found" in engine.docker("logs", "client").stdout)
    before = engine.docker("logs", "client").stdout.count("found")
    engine.kill()
    for _ in range(20):
        assert fetch(f"http://127.0.0.1:{port}") == "web"
        assert fetch(f"http://[::1]:{port}") == "web"
    engine.start()
    wait_for("more answers", lambda: engine.docker("logs", "client").stdout.count("found") > before + 5)
    assert "lost" not in engine.docker("logs", "client").stdout
    assert fetch(f"http://127.0.0.1:{port}") == "web"
    engine.docker("rm", "-f", "web")
    with pytest.raises(OSError):
        fetch(f"http://127.0.0.1:{port}")
