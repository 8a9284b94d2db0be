"""A Docker engine in memory: the calls that Compose makes, answered from dictionaries.

Honest in this sense: the real Compose 2.40.3 binary, pointed at `serve()`, brings apps up and down against it
(tests/e2e/test_foreign_compose_on_fake.py). Containers run nothing: what a container does is read from its command
(`exit 3` ends at once with status 3; everything else runs until it is stopped).
"""

import contextlib
import json
import queue
import re
import shlex
import socketserver
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Json = Any


@dataclass
class Reply:
    status: int = 200
    body: Json = None
    #: chunks of a streaming answer; takes the place of `body`
    stream: Iterator[bytes] | None = None


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class FakeContainer:
    id: str
    name: str
    spec: dict[str, Json]
    number: int
    status: str = "created"
    exit_code: int = 0
    health: str = ""
    started_at: float = 0.0
    created_at: float = field(default_factory=time.time)
    #: (folder, tar) of what was put into it
    files: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def labels(self) -> dict[str, str]:
        return self.spec.get("Labels") or {}

    @property
    def networks(self) -> dict[str, Json]:
        return (self.spec.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}


def hex_id(number: int) -> str:
    return f"{number:06x}" + "ab" * 29


class FakeDocker:
    """The engine's state and its answers. Every call is kept in `calls` as `METHOD /path`."""

    def __init__(self, images: tuple[str, ...] = ()) -> None:
        self.lock = threading.RLock()
        self.calls: list[str] = []
        self.containers: dict[str, FakeContainer] = {}
        self.networks: dict[str, dict[str, Json]] = {}
        self.volumes: dict[str, dict[str, Json]] = {}
        self.images: dict[str, dict[str, Json]] = {}
        self.listeners: list[queue.Queue[dict[str, Json] | None]] = []
        self.past: list[dict[str, Json]] = []
        self.count = 0
        #: {"POST /containers/create": Refused(…)}: calls that fail, by `METHOD /path` prefix
        self.faults: dict[str, Refused] = {}
        #: {reference: what its pull streams}
        self.pull_lines: dict[str, list[dict[str, Json]]] = {}
        self.call_delay_s = 0.0
        self.health_delay_s = 0.05
        self.health_result = "healthy"
        for reference in images:
            self.add_image(reference)

    # -- helpers -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End all streams of events."""
        for listener in self.listeners:
            listener.put(None)

    def next_id(self) -> str:
        self.count += 1
        return hex_id(self.count)

    def add_image(self, reference: str) -> None:
        name = reference if ":" in reference.rsplit("/", 1)[-1] else reference + ":latest"
        self.images[name] = {
            "Id": "sha256:" + self.next_id(),
            "RepoTags": [name],
            "RepoDigests": [name.rsplit(":", 1)[0] + "@sha256:" + self.next_id()],
            "Created": "2026-01-01T00:00:00Z",
            "Size": 1234567,
            "Os": "linux",
            "Architecture": "amd64",
            "Config": {"Env": ["PATH=/bin"], "Cmd": ["sh"], "Labels": None},
            "RootFS": {"Type": "layers", "Layers": []},
        }

    def publish(self, kind: str, action: str, identity: str, attributes: dict[str, str]) -> None:
        event = {
            "Type": kind,
            "Action": action,
            "Actor": {"ID": identity, "Attributes": attributes},
            "status": action,
            "id": identity,
            "scope": "local",
            "time": int(time.time()),
            "timeNano": time.time_ns(),
        }
        self.past.append(event)
        for listener in self.listeners:
            listener.put(event)

    def container_event(self, container: FakeContainer, action: str, **more: str) -> None:
        attributes = {**container.labels, "name": container.name, "image": container.spec.get("Image", ""), **more}
        self.publish("container", action, container.id, attributes)

    def find(self, key: str) -> FakeContainer:
        for container in self.containers.values():
            if container.name == key or container.id == key or (len(key) >= 6 and container.id.startswith(key)):
                return container
        raise Refused(404, f"No such container: {key}")

    def image(self, reference: str) -> dict[str, Json]:
        name = (
            reference
            if ":" in reference.rsplit("/", 1)[-1] or reference.startswith("sha256:")
            else f"{reference}:latest"
        )
        name = name.removeprefix("docker.io/").removeprefix("library/")
        for tag, image in self.images.items():
            if tag == name or image["Id"] == name:
                return image
        raise Refused(404, f"No such image: {name}")

    # -- dispatch ------------------------------------------------------------------------------------------

    def handle(self, method: str, target: str, body: bytes = b"") -> Reply:
        """The answer to one request; `target` is the path with its query."""
        parts = urllib.parse.urlsplit(target)
        path = urllib.parse.unquote(re.sub(r"^/v1\.\d+", "", parts.path))
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        if self.call_delay_s:
            time.sleep(self.call_delay_s)
        with self.lock:
            self.calls.append(f"{method} {path}")
            try:
                for prefix, fault in self.faults.items():
                    if f"{method} {path}".startswith(prefix):
                        raise fault
                for pattern, verb, name in ROUTES:
                    match = re.fullmatch(pattern, path)
                    if match and verb == method:
                        reply: Reply = getattr(self, name)(*match.groups(), query, body)
                        return reply
                raise Refused(404, f"page not found: {method} {path}")
            except Refused as error:
                return Reply(error.status, {"message": error.message})

    # -- system --------------------------------------------------------------------------------------------

    def ping(self, _query: Json, _body: bytes) -> Reply:
        return Reply(200, b"OK")

    def version(self, _query: Json, _body: bytes) -> Reply:
        return Reply(
            200, {"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"}
        )

    def info(self, _query: Json, _body: bytes) -> Reply:
        return Reply(
            200, {"ID": "fake", "Driver": "overlay2", "OSType": "linux", "Swarm": {"LocalNodeState": "inactive"}}
        )

    def events(self, query: Json, _body: bytes) -> Reply:
        wanted = filters_of(query)
        listener: queue.Queue[dict[str, Json] | None] = queue.Queue()
        if "since" in query:
            for event in self.past:
                listener.put(event)
        left_s = float(query["until"]) - time.time() if "until" in query else None
        if left_s is not None and left_s <= 0:
            listener.put(None)
        else:
            self.listeners.append(listener)
        if left_s is not None and left_s > 0:
            end = threading.Timer(left_s, listener.put, (None,))
            end.daemon = True
            end.start()

        def stream() -> Iterator[bytes]:
            yield b""
            while (event := listener.get()) is not None:
                kinds = wanted.get("type") or [event["Type"]]
                labels = wanted.get("label") or []
                names = wanted.get("container") or [event["Actor"]["Attributes"].get("name", "")]
                is_named = event["Actor"]["ID"] in names or event["Actor"]["Attributes"].get("name", "") in names
                if event["Type"] in kinds and is_named and has_labels(event["Actor"]["Attributes"], labels):
                    yield json.dumps(event).encode() + b"\n"

        return Reply(200, stream=stream())

    # -- images --------------------------------------------------------------------------------------------

    def image_list(self, _query: Json, _body: bytes) -> Reply:
        rows = [
            {
                "Id": i["Id"],
                "RepoTags": i["RepoTags"],
                "RepoDigests": i["RepoDigests"],
                "Size": i["Size"],
                "Created": 1,
                "Labels": None,
            }
            for i in self.images.values()
        ]
        return Reply(200, rows)

    def image_inspect(self, name: str, _query: Json, _body: bytes) -> Reply:
        return Reply(200, self.image(name))

    def image_create(self, query: Json, _body: bytes) -> Reply:
        reference = f"{query['fromImage']}:{query.get('tag') or 'latest'}"
        reference = reference.removeprefix("docker.io/").removeprefix("library/")
        if "missing" in reference:
            raise Refused(404, f"manifest for {reference} not found: manifest unknown: manifest unknown")
        self.add_image(reference)
        lines = self.pull_lines.get(reference) or [
            {"status": "Pulling from library/x", "id": query.get("tag", "latest")},
            {"status": "Pulling fs layer", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
            {"status": "Downloading", "progressDetail": {"current": 5, "total": 10}, "id": "aaaaaaaaaaaa"},
            {"status": "Download complete", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
            {"status": "Pull complete", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
            {"status": f"Status: Downloaded newer image for {reference}"},
        ]
        return Reply(200, stream=iter([json.dumps(line).encode() + b"\r\n" for line in lines]))

    def image_delete(self, name: str, _query: Json, _body: bytes) -> Reply:
        image = self.image(name)
        tag = image["RepoTags"][0]
        del self.images[tag]
        return Reply(200, [{"Untagged": tag}, {"Deleted": image["Id"]}])

    def build(self, query: Json, body: bytes) -> Reply:
        if not body:
            raise Refused(400, "the build context is empty")
        self.add_image(query["t"])
        lines = [
            {"stream": "Step 1/1 : FROM scratch\n"},
            {"aux": {"ID": self.image(query["t"])["Id"]}},
            {"stream": "Successfully built x\n"},
        ]
        return Reply(200, stream=iter([json.dumps(line).encode() + b"\r\n" for line in lines]))

    # -- networks and volumes ------------------------------------------------------------------------------

    def network_list(self, query: Json, _body: bytes) -> Reply:
        wanted = filters_of(query)
        rows = [n for n in self.networks.values() if has_labels(n["Labels"], wanted.get("label", []))]
        if names := wanted.get("name"):
            rows = [n for n in rows if any(name in n["Name"] for name in names)]
        return Reply(200, rows)

    def network_create(self, _query: Json, body: bytes) -> Reply:
        spec = json.loads(body)
        if spec["Name"] in self.networks:
            raise Refused(409, f"network with name {spec['Name']} already exists")
        network = {
            "Id": self.next_id(),
            "Driver": "bridge",
            "Scope": "local",
            "Containers": {},
            "Options": {},
            **spec,
            "Labels": spec.get("Labels") or {},
            "IPAM": spec.get("IPAM") or {"Driver": "default", "Config": [{"Subnet": "172.18.0.0/16"}]},
        }
        self.networks[spec["Name"]] = network
        self.publish("network", "create", network["Id"], {"name": spec["Name"]})
        return Reply(201, {"Id": network["Id"], "Warning": ""})

    def _network(self, key: str) -> dict[str, Json]:
        for network in self.networks.values():
            if key in (network["Name"], network["Id"]):
                return network
        raise Refused(404, f"network {key} not found")

    def network_inspect(self, key: str, _query: Json, _body: bytes) -> Reply:
        return Reply(200, self._network(key))

    def network_delete(self, key: str, _query: Json, _body: bytes) -> Reply:
        network = self._network(key)
        for container in self.containers.values():
            if container.status == "running" and network["Name"] in container.networks:
                words = f"network {network['Name']} id {network['Id']} has active endpoints"
                raise Refused(403, f"error while removing network: {words}")
        del self.networks[network["Name"]]
        return Reply(204)

    def network_connect(self, key: str, _query: Json, body: bytes) -> Reply:
        request = json.loads(body)
        container = self.find(request["Container"])
        networking = container.spec.setdefault("NetworkingConfig", {})
        networking.setdefault("EndpointsConfig", {})[self._network(key)["Name"]] = request.get("EndpointConfig") or {}
        return Reply(200)

    def network_disconnect(self, key: str, _query: Json, body: bytes) -> Reply:
        container = self.find(json.loads(body)["Container"])
        container.networks.pop(self._network(key)["Name"], None)
        return Reply(200)

    def volume_list(self, query: Json, _body: bytes) -> Reply:
        wanted = filters_of(query)
        rows = [v for v in self.volumes.values() if has_labels(v["Labels"], wanted.get("label", []))]
        return Reply(200, {"Volumes": rows, "Warnings": None})

    def volume_create(self, _query: Json, body: bytes) -> Reply:
        spec = json.loads(body)
        name = spec.get("Name") or self.next_id()
        volume = self.volumes.setdefault(
            name,
            {
                "Name": name,
                "Driver": "local",
                "Scope": "local",
                "Mountpoint": f"/volumes/{name}",
                "Labels": spec.get("Labels") or {},
                "Options": spec.get("DriverOpts"),
            },
        )
        return Reply(201, volume)

    def volume_inspect(self, name: str, _query: Json, _body: bytes) -> Reply:
        if name not in self.volumes:
            raise Refused(404, f"get {name}: no such volume")
        return Reply(200, self.volumes[name])

    def volume_delete(self, name: str, _query: Json, _body: bytes) -> Reply:
        if name not in self.volumes:
            raise Refused(404, f"get {name}: no such volume")
        users = [c.id for c in self.containers.values() if name in (mount["Name"] for mount in mounts_of(c.spec))]
        if users:
            raise Refused(409, f"remove {name}: volume is in use - [{', '.join(users)}]")
        del self.volumes[name]
        return Reply(204)

    # -- containers ----------------------------------------------------------------------------------------

    def container_list(self, query: Json, _body: bytes) -> Reply:
        wanted = filters_of(query)
        rows = []
        for container in sorted(self.containers.values(), key=lambda c: -c.number):
            if query.get("all") not in ("1", "true") and container.status not in ("running", "paused"):
                continue
            if not has_labels(container.labels, wanted.get("label", [])):
                continue
            if "status" in wanted and container.status not in wanted["status"]:
                continue
            rows.append(self.summary(container))
        return Reply(200, rows)

    def summary(self, container: FakeContainer) -> dict[str, Json]:
        return {
            "Id": container.id,
            "Names": ["/" + container.name],
            "Image": container.spec["Image"],
            "ImageID": self.image(container.spec["Image"])["Id"],
            "Command": shlex.join(container.spec.get("Cmd") or ["sh"]),
            "Created": int(container.created_at),
            "State": container.status,
            "Status": self.status_text(container),
            "Ports": ports_of(container.spec) if container.status == "running" else [],
            "Labels": container.labels,
            "HostConfig": {"NetworkMode": (container.spec.get("HostConfig") or {}).get("NetworkMode", "default")},
            "NetworkSettings": {"Networks": {n: {"NetworkID": self._maybe_network_id(n)} for n in container.networks}},
            "Mounts": mounts_of(container.spec),
        }

    def _maybe_network_id(self, name: str) -> str:
        network = self.networks.get(name)
        return network["Id"] if network else ""

    @staticmethod
    def status_text(container: FakeContainer) -> str:
        if container.status == "running":
            health = f" ({'health: starting' if container.health == 'starting' else container.health})"
            return "Up 1 second" + (health if container.health else "")
        if container.status == "paused":
            return "Up 1 second (Paused)"
        if container.status == "created":
            return "Created"
        return f"Exited ({container.exit_code}) 1 second ago"

    def container_create(self, query: Json, body: bytes) -> Reply:
        spec = json.loads(body)
        name = query.get("name") or f"fake_{self.count}"
        self.image(spec["Image"])
        if any(c.name == name for c in self.containers.values()):
            raise Refused(409, f'Conflict. The container name "/{name}" is already in use by container')
        for network in (spec.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}:
            if network not in ("bridge", "host", "none"):
                self._network(network)
        identity = self.next_id()
        self.containers[identity] = FakeContainer(id=identity, name=name, spec=spec, number=self.count)
        self.container_event(self.containers[identity], "create")
        return Reply(201, {"Id": identity, "Warnings": []})

    def container_inspect(self, key: str, _query: Json, _body: bytes) -> Reply:
        c = self.find(key)
        state: dict[str, Json] = {
            "Status": c.status,
            "Running": c.status in ("running", "paused"),
            "Paused": c.status == "paused",
            "ExitCode": c.exit_code,
            "StartedAt": "2026-01-01T00:00:00Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
        }
        if c.health:
            state["Health"] = {"Status": c.health, "FailingStreak": 0, "Log": []}
        return Reply(
            200,
            {
                "Id": c.id,
                "Name": "/" + c.name,
                "Created": "2026-01-01T00:00:00Z",
                "Image": self.image(c.spec["Image"])["Id"],
                "State": state,
                "Config": {k: v for k, v in c.spec.items() if k not in ("HostConfig", "NetworkingConfig")},
                "HostConfig": c.spec.get("HostConfig") or {},
                "NetworkSettings": {
                    "Networks": {n: {"NetworkID": self._maybe_network_id(n)} for n in c.networks},
                    "Ports": {},
                },
                "Mounts": self.summary(c)["Mounts"],
            },
        )

    def container_start(self, key: str, _query: Json, _body: bytes) -> Reply:
        container = self.find(key)
        if container.status == "running":
            return Reply(304)
        mode = (container.spec.get("HostConfig") or {}).get("NetworkMode") or "default"
        if mode not in ("default", "bridge", "host", "none") and ":" not in mode:
            self._network(mode)
        container.status, container.started_at = "running", time.time()
        self.container_event(container, "start")
        command = " ".join(container.spec.get("Cmd") or [])
        if match := re.search(r"exit (\d+)", command):
            self.finish(container, int(match.group(1)))
        elif (container.spec.get("Healthcheck") or {}).get("Test"):
            container.health = "starting"
            timer = threading.Timer(self.health_delay_s, self.set_health, (container, self.health_result))
            timer.daemon = True
            timer.start()
        return Reply(204)

    def set_health(self, container: FakeContainer, health: str) -> None:
        with self.lock:
            container.health = health
            self.container_event(container, f"health_status: {health}")

    def finish(self, container: FakeContainer, exit_code: int) -> None:
        container.status, container.exit_code = "exited", exit_code
        self.container_event(container, "die", exitCode=str(exit_code))

    def container_stop(self, key: str, _query: Json, _body: bytes) -> Reply:
        container = self.find(key)
        if container.status not in ("running", "paused"):
            return Reply(304)
        self.finish(container, 143)
        self.container_event(container, "stop")
        return Reply(204)

    def container_kill(self, key: str, query: Json, _body: bytes) -> Reply:
        try:
            container = self.find(key)
        except Refused as error:
            raise Refused(error.status, f"cannot kill container: {key}: {error.message}") from None
        if container.status != "running":
            raise Refused(409, f"cannot kill container: {key}: container {container.id} is not running")
        self.container_event(container, "kill")
        if query.get("signal", "SIGKILL") in ("SIGKILL", "KILL", "9"):
            self.finish(container, 137)
        return Reply(204)

    def container_restart(self, key: str, query: Json, body: bytes) -> Reply:
        self.container_stop(key, query, body)
        return self.container_start(key, query, body)

    def container_pause(self, key: str, _query: Json, _body: bytes) -> Reply:
        container = self.find(key)
        if container.status != "running":
            raise Refused(409, f"container {key} is not running")
        container.status = "paused"
        self.container_event(container, "pause")
        return Reply(204)

    def container_unpause(self, key: str, _query: Json, _body: bytes) -> Reply:
        container = self.find(key)
        container.status = "running"
        self.container_event(container, "unpause")
        return Reply(204)

    def container_delete(self, key: str, query: Json, _body: bytes) -> Reply:
        container = self.find(key)
        if container.status == "running" and query.get("force") not in ("1", "true"):
            raise Refused(
                409,
                f"cannot remove container {key!r}: container is running: "
                "stop the container before removing or force remove",
            )
        del self.containers[container.id]
        self.container_event(container, "destroy")
        return Reply(204)

    def container_rename(self, key: str, query: Json, _body: bytes) -> Reply:
        self.find(key).name = query["name"]
        return Reply(204)

    def container_wait(self, key: str, _query: Json, _body: bytes) -> Reply:
        container = self.find(key)
        return Reply(200, {"StatusCode": container.exit_code})

    def container_logs(self, key: str, query: Json, _body: bytes) -> Reply:
        container = self.find(key)
        stamp = f"2026-01-01T00:00:{60 - container.number:02d}.000000000Z " if query.get("timestamps") == "1" else ""
        line = f"{stamp}hello from {container.name}\n".encode()
        frame = b"\x01\0\0\0" + len(line).to_bytes(4, "big") + line
        return Reply(200, stream=iter([frame]))

    def container_archive(self, key: str, query: Json, body: bytes) -> Reply:
        self.find(key).files.append((query["path"], body))
        return Reply(200)

    def container_top(self, key: str, _query: Json, _body: bytes) -> Reply:
        self.find(key)
        return Reply(200, {"Titles": ["UID", "PID", "CMD"], "Processes": [["root", "1", "sh"]]})


ROUTES = [
    (r"/_ping", "HEAD", "ping"),
    (r"/_ping", "GET", "ping"),
    (r"/version", "GET", "version"),
    (r"/info", "GET", "info"),
    (r"/events", "GET", "events"),
    (r"/build", "POST", "build"),
    (r"/images/json", "GET", "image_list"),
    (r"/images/create", "POST", "image_create"),
    (r"/images/(.+)/json", "GET", "image_inspect"),
    (r"/images/(.+)", "DELETE", "image_delete"),
    (r"/networks", "GET", "network_list"),
    (r"/networks/create", "POST", "network_create"),
    (r"/networks/([^/]+)", "GET", "network_inspect"),
    (r"/networks/([^/]+)", "DELETE", "network_delete"),
    (r"/networks/([^/]+)/connect", "POST", "network_connect"),
    (r"/networks/([^/]+)/disconnect", "POST", "network_disconnect"),
    (r"/volumes", "GET", "volume_list"),
    (r"/volumes/create", "POST", "volume_create"),
    (r"/volumes/([^/]+)", "GET", "volume_inspect"),
    (r"/volumes/([^/]+)", "DELETE", "volume_delete"),
    (r"/containers/json", "GET", "container_list"),
    (r"/containers/create", "POST", "container_create"),
    (r"/containers/([^/]+)", "DELETE", "container_delete"),
    (r"/containers/([^/]+)/json", "GET", "container_inspect"),
    *(
        (rf"/containers/([^/]+)/{verb}", "POST", f"container_{verb}")
        for verb in ("start", "stop", "kill", "restart", "pause", "unpause", "rename", "wait")
    ),
    (r"/containers/([^/]+)/archive", "PUT", "container_archive"),
    (r"/containers/([^/]+)/logs", "GET", "container_logs"),
    (r"/containers/([^/]+)/top", "GET", "container_top"),
]


def filters_of(query: Json) -> dict[str, list[str]]:
    raw = json.loads(query.get("filters") or "{}")
    return {k: list(v) if isinstance(v, list) else [name for name, on in v.items() if on] for k, v in raw.items()}


def has_labels(labels: dict[str, str], wanted: list[str]) -> bool:
    for item in wanted:
        name, equals, value = item.partition("=")
        if name not in labels or (equals and labels[name] != value):
            return False
    return True


def mounts_of(spec: dict[str, Json]) -> list[dict[str, Json]]:
    """Mounts as lists and inspect show them, of both spellings that a create body has."""
    host = spec.get("HostConfig") or {}
    given = [(m["Type"], m.get("Source", ""), m["Target"]) for m in host.get("Mounts") or []]
    for bind in host.get("Binds") or []:
        source, target, *_ = bind.split(":")
        given.append(("bind" if source.startswith("/") else "volume", source, target))
    return [
        {
            "Type": kind,
            "Name": source if kind == "volume" else "",
            "Source": source,
            "Destination": target,
            "Driver": "local" if kind == "volume" else "",
            "RW": True,
        }
        for kind, source, target in given
    ]


def ports_of(spec: dict[str, Json]) -> list[dict[str, Json]]:
    rows = []
    for port, bindings in ((spec.get("HostConfig") or {}).get("PortBindings") or {}).items():
        number, _, protocol = port.partition("/")
        for binding in bindings:
            rows.append(
                {
                    "IP": binding.get("HostIp") or "0.0.0.0",
                    "PrivatePort": int(number),
                    "PublicPort": int(binding.get("HostPort") or 32768),
                    "Type": protocol or "tcp",
                }
            )
    return rows


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128
    docker: FakeDocker
    #: accepted connections: shows whether a client keeps its connections
    connections = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def log_message(self, *_args: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        reply = self.server.docker.handle(self.command, self.path, body)
        self.send_response(reply.status)
        self.send_header("Api-Version", "1.51")
        self.send_header("Ostype", "linux")
        self.send_header("Builder-Version", "1")
        self.send_header("Server", "Fake/1")
        if reply.stream is not None:
            self.send_header("Content-Type", "application/vnd.docker.multiplexed-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for chunk in reply.stream:
                    if chunk:
                        self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
            return
        data, kind = reply.body, "text/plain"
        if not isinstance(data, bytes):
            data, kind = b"" if data is None else json.dumps(data).encode(), "application/json"
        self.send_header("Content-Type", kind)
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and reply.status not in (204, 304):
            self.wfile.write(data)

    do_GET = do_POST = do_DELETE = do_HEAD = do_PUT = answer


@contextlib.contextmanager
def serve(docker: FakeDocker, path: Path) -> Iterator[_Server]:
    """`docker` listening on the UNIX socket `path` while the block runs."""
    server = _Server(str(path), _Handler)
    server.docker = docker
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        docker.close()
        server.shutdown()
        server.server_close()
        thread.join(5)
