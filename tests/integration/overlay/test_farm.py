"""The hosts that cluster tests run on: each is a machine of its own, and nothing of them is left."""

import os
import time
from functools import partial
from pathlib import Path

from tests.support.deadlines import patient
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, Place, hosts


def _reaches(one: Host, other: Host) -> bool:
    return one.exec("busybox", "ping", "-c1", "-W1", other.address, check=False).returncode == 0


def _has_page(place: Place, host: Host) -> bool:
    return place.exec("curl", "-s", f"http://{host.address}/", check=False).stdout == f"{host.name}\n"


def test_hosts_are_machines_of_their_own() -> None:
    with hosts(2) as farm:
        one, two = farm
        assert one.engine.call("GET", "/info")[1]["Name"] == "host1" == one.exec("hostname").stdout.strip()
        assert two.engine.call("GET", "/info")[1]["Name"] == "host2"
        # the same port on both, reached from the other one and from outside
        for host in farm:
            host.engine.docker(
                "run", "-d", "--name", "web", "-p", "80:80", "busybox", "sh", "-c",
                f"mkdir /w; echo {host.name} > /w/index.html; exec httpd -f -p 80 -h /w",
            )  # fmt: skip
        for place in (one, two, farm.outside):
            for host in farm:
                # the container runs before its server listens
                wait_for(f"{place.name} has a page of {host.name}", partial(_has_page, place, host))
        bases = [host.engine.base for host in farm]
        assert one.processes() and two.processes()
    assert not any(base.exists() for base in bases)


def test_cables_are_cut_healed_and_slowed() -> None:
    with hosts(3, images="") as farm:
        one, two, three = farm
        assert _reaches(one, two)
        farm.cut(two)
        assert not _reaches(one, two) and _reaches(one, three)
        farm.heal(two)
        wait_for("host1 reaches host2 again", lambda: _reaches(one, two), 5)
        farm.part([one], [two])
        assert not _reaches(one, two) and _reaches(one, three) and _reaches(three, two)
        farm.part([three], [two])
        assert not _reaches(three, two)
        farm.rejoin()
        assert _reaches(one, two) and _reaches(three, two)
        assert _seconds_for(farm, one, two, "1mbit") > 5 * _seconds_for(farm, one, two, None)


def _seconds_for(farm: Farm, one: Host, two: Host, rate: str | None) -> float:
    """How long 200 kB take from one host to another."""
    farm.slow(two, rate)
    folder = two.engine.base / "files"
    folder.mkdir(exist_ok=True)
    (folder / "big").write_bytes(os.urandom(200_000))
    server = two.spawn("busybox", "httpd", "-f", "-p", "8080", "-h", str(folder))
    url = f"http://{two.address}:8080/big"
    wait_for("httpd", lambda: one.exec("curl", "-s", "-I", url, check=False).returncode == 0)
    start = time.monotonic()
    one.exec("curl", "-s", "-o", "/dev/null", url)
    took = time.monotonic() - start
    server.kill()
    server.wait(patient(5))
    return took


def test_a_killed_host_boots_again() -> None:
    with hosts(1) as farm:
        (host,) = farm
        host.engine.docker("run", "-d", "--name", "sleeper", "--restart", "always", "busybox", "sleep", "1000")
        first = host.engine.call("GET", "/containers/sleeper/json")[1]["State"]["Pid"]
        assert first in host.processes()
        farm.kill(host)
        assert host.processes() == [] and not Path(f"/proc/{first}/exe").exists()
        host.engine.start()

        def pid() -> int:
            state = host.engine.call("GET", "/containers/sleeper/json")[1]["State"]
            return state["Pid"] if state["Running"] else 0

        assert wait_for("the container runs again", pid) != first
