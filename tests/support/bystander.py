"""Containers that run while an engine dies and comes back: they must not notice, and nobody must miss them."""

import urllib.request
from pathlib import Path

from tests.support.engine import EngineProcess
from tests.support.running import Node

NETWORK = "steady"
_WEB = "echo ok >/index.html; exec httpd -f -p 80 -h /"
#: a number for each answer; whatever is missed in between is told
_ASKER = """i=0; while :; do
[ "$(wget -qO- http://steady-web/index.html)" = ok ] && echo $i || echo missed $i
i=$((i+1)); usleep 30000; done"""


class Bystander:
    """A server with a published port, and a client that asks it by its name all the time and logs what it gets."""

    def __init__(self, engine: EngineProcess) -> None:
        self._node = node = Node(engine)
        status, answer = engine.call("POST", "/networks/create", {"Name": NETWORK})
        assert status == 201, answer
        self._ports = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
        host = {"NetworkMode": NETWORK, "PortBindings": self._ports}
        web = node.run("sh", "-c", _WEB, name="steady-web", host=host, ExposedPorts={"80/tcp": {}})
        self._asker = node.run("sh", "-c", _ASKER, name="steady-asker", host={"NetworkMode": NETWORK})
        self.pids = {container: node.state(container)["Pid"] for container in (web, self._asker)}
        (bound,) = node.inspect(web)["NetworkSettings"]["Ports"]["80/tcp"]
        self._url = f"http://127.0.0.1:{bound['HostPort']}/index.html"
        self._web = web

    def check(self) -> None:
        """The same processes run, the engine knows them, and the published port answers."""
        for container, pid in self.pids.items():
            state = self._node.state(container)
            assert (state["Status"], state["Pid"]) == ("running", pid) and Path(f"/proc/{pid}").exists()
        with urllib.request.urlopen(self._url, timeout=3) as answer:
            assert answer.read() == b"ok\n"

    def end(self) -> None:
        """No answer was missed and no line of the log is missing; then it is gone."""
        self._node.post(self._asker, "kill")
        self._node.wait_state(self._asker, Status="exited")
        lines = self._node.engine.docker("logs", self._asker).stdout.splitlines()
        strange = [(number, line) for number, line in enumerate(lines) if line != str(number)]
        assert lines and not strange, f"of {len(lines)}: {strange[:5]}"
        for container in self.pids:
            self._node.delete(container, force=1)
        assert self._node.engine.call("DELETE", f"/networks/{NETWORK}")[0] == 204
