"""enroll: what runs on the engine is found in Consul. Does what gliderlabs/registrator does, in a hundred lines.

Listens to the engine's events. A container that starts is registered with the agent, each exposed or published TCP
port as one service, at the address that it has on its network; one that ends is taken out. At start, and whenever the
line to the engine was cut, both lists are compared, so nothing that was missed stays wrong.

Variables of a container: SERVICE_IGNORE; SERVICE_NAME, SERVICE_TAGS (with commas), SERVICE_CHECK_HTTP (a path),
SERVICE_CHECK_INTERVAL, each also for one port, as SERVICE_3000_NAME. Without a name it is that of the image.

Own variables: CONSUL (host:port), SOCKET (of the engine).
"""

import http.client
import json
import os
import socket
import time
import urllib.error
import urllib.request

CONSUL = "http://" + os.environ.get("CONSUL", "consul:8500")
SOCKET = os.environ.get("SOCKET", "/tmp/docker.sock")
MARK = "enroll"  #: how ids of services that are ours begin
RETRY_S = 1.0


class Engine(http.client.HTTPConnection):
    """A connection to the engine's socket."""

    def __init__(self):
        super().__init__("localhost")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)


def engine(path):
    """The answer of the engine to a GET. Raises: LookupError where there is no such object"""
    line = Engine()
    try:
        line.request("GET", path)
        answer = line.getresponse()
        if answer.status == 404:
            raise LookupError(path)
        return json.loads(answer.read())
    finally:
        line.close()


def consul(method, path, body=None):
    """The answer of Consul's agent."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(CONSUL + path, data, method=method), timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def services_of(container):
    """{id: registration} for each TCP port of an inspected container."""
    config, state = container["Config"], container["State"]
    env = dict(line.partition("=")[::2] for line in config.get("Env") or ())
    networks = container["NetworkSettings"]["Networks"] or {}
    address = next((network["IPAddress"] for network in networks.values() if network.get("IPAddress")), "")
    if not state["Running"] or not address or env.get("SERVICE_IGNORE"):
        return {}
    ports = {*(config.get("ExposedPorts") or {}), *(container["NetworkSettings"]["Ports"] or {})}
    numbers = sorted(int(port.partition("/")[0]) for port in ports if port.endswith("/tcp"))
    image = config["Image"].rpartition("/")[2].partition(":")[0]
    found = {}
    for number in numbers:
        name = said(env, number, "NAME", image if len(numbers) == 1 else f"{image}-{number}")
        page, interval = said(env, number, "CHECK_HTTP"), said(env, number, "CHECK_INTERVAL", "2s")
        id = f"{MARK}:{container['Id'][:12]}:{container['Name'].lstrip('/')}:{number}"
        found[id] = {
            "ID": id,
            "Name": name,
            "Tags": [tag for tag in said(env, number, "TAGS").split(",") if tag],
            "Address": address,
            "Port": number,
            "Check": check(address, number, page, interval),
        }
    return found


def said(env, port, word, default=""):
    """What a container's variables say of one of its ports, or of all."""
    return env.get(f"SERVICE_{port}_{word}") or env.get(f"SERVICE_{word}") or default


def check(address, port, path, interval):
    """How Consul sees whether the service is well: a page, or else that it listens."""
    how = {"HTTP": f"http://{address}:{port}{path}"} if path else {"TCP": f"{address}:{port}"}
    return {**how, "Interval": interval, "Timeout": "2s"}


def add(container_id):
    try:
        wanted = services_of(engine(f"/containers/{container_id}/json"))
    except LookupError:
        return  # it is gone already
    for service in wanted.values():
        consul("PUT", "/v1/agent/service/register", service)
        print(f"+ {service['Name']} {service['Address']}:{service['Port']}", flush=True)


def remove(container_id):
    for id, service in ours().items():
        if id.split(":")[1] == container_id[:12]:
            consul("PUT", f"/v1/agent/service/deregister/{id}")
            print(f"- {service['Service']} {service['Address']}:{service['Port']}", flush=True)


def ours():
    return {id: s for id, s in consul("GET", "/v1/agent/services").items() if id.startswith(f"{MARK}:")}


def compare():
    """Consul knows what runs, and nothing else of ours."""
    running = [container["Id"] for container in engine("/containers/json")]
    known = {id.split(":")[1] for id in ours()}
    for id in {*known} - {id[:12] for id in running}:
        remove(id)
    for id in running:
        if id[:12] not in known:
            add(id)


def follow():
    """Until the line to the engine is cut: what starts is added, what ends removed."""
    line = Engine()
    wanted = json.dumps({"type": ["container"], "event": ["start", "die"]})
    line.request("GET", "/events?filters=" + urllib.request.quote(wanted))
    events = line.getresponse()
    compare()  # after the line is there: nothing falls between
    print("listening to the engine", flush=True)
    while text := events.readline():
        event = json.loads(text)
        (add if event["Action"] == "start" else remove)(event["Actor"]["ID"])


def main():
    while True:
        try:
            follow()
        except (OSError, urllib.error.URLError, http.client.HTTPException, ValueError) as error:
            print(f"again in {RETRY_S:.0f} s: {error}", flush=True)
        time.sleep(RETRY_S)


if __name__ == "__main__":
    main()
