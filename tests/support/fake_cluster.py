"""A manager in memory: FakeDocker with services, tasks, secrets, configs and overlay networks.

For stacks: the docker CLI and ours deploy to it, and what they asked for is compared. Every task of a service runs at
once; nothing is scheduled. As Docker's: an update names the version that it was made from, secrets and configs keep
their content, networks stay while a service or a task that is not gone yet uses them.
"""

import json
import re

from tests.support.fake_docker import FakeDocker, Json, Refused, Reply, filters_of, has_labels

NODE = "r9nhblzo7ie5jcbz9nlwudy4r"
CREATED = "2026-01-01T00:00:00Z"


class FakeCluster(FakeDocker):
    """busy_removals: how often a network of a removed service is still in use when somebody wants to remove it

    ghosts: a removed network is still listed so many times
    """

    def __init__(self, images: tuple[str, ...] = ()) -> None:
        super().__init__(images)
        self.services: dict[str, dict[str, Json]] = {}
        self.secrets: dict[str, dict[str, Json]] = {}
        self.configs: dict[str, dict[str, Json]] = {}
        self.bodies: list[tuple[str, str, Json]] = []
        self.queries: list[dict[str, str]] = []
        self.headers: dict[str, str] = {}
        self.version = 100
        self.is_manager = True
        #: {network id: failed removals that are left}
        self.busy: dict[str, int] = {}
        self.busy_removals = 0
        self.ghosts = 0
        self._ghost: list[dict[str, Json]] = []

    def handle(self, method: str, target: str, body: bytes = b"") -> Reply:
        path, _, query = target.partition("?")
        path = re.sub(r"^/v1\.\d+", "", path)
        with self.lock:
            if method == "POST" and body and not path.startswith("/build"):
                self.bodies.append((method, path, json.loads(body)))
            for pattern, verb, name in CLUSTER_ROUTES:
                match = re.fullmatch(pattern, path)
                if match and verb == method:
                    from urllib.parse import parse_qsl

                    self.calls.append(f"{method} {path}")
                    asked = dict(parse_qsl(query, keep_blank_values=True))
                    try:
                        if not self.is_manager and name != "cluster_info":
                            raise Refused(503, "This node is not a swarm manager.")
                        reply: Reply = getattr(self, name)(*match.groups(), asked, body)
                    except Refused as error:
                        reply = Reply(error.status, {"message": error.message})
                    return reply
        return super().handle(method, target, body)

    def sent(self, path: str) -> list[Json]:
        """Bodies that were sent to a path (a pattern), in order."""
        return [body for _, one, body in self.bodies if re.fullmatch(path, one)]

    def new_id(self) -> str:
        self.count += 1
        return f"{self.count:04d}" + "abcdefghijklmnopqrstu"

    # -- the cluster

    def cluster_info(self, _query: Json, _body: bytes) -> Reply:
        state = {"LocalNodeState": "active", "ControlAvailable": True, "NodeID": NODE}
        swarm = state if self.is_manager else {"LocalNodeState": "inactive", "ControlAvailable": False}
        return Reply(200, {"ID": "fake", "Driver": "overlay2", "OSType": "linux", "Swarm": swarm})

    def nodes(self, _query: Json, _body: bytes) -> Reply:
        return Reply(200, [self._node()])

    def node(self, _key: str, _query: Json, _body: bytes) -> Reply:
        return Reply(200, self._node())

    def _node(self) -> dict[str, Json]:
        return {
            "ID": NODE,
            "Version": {"Index": 9},
            "Spec": {"Role": "manager", "Availability": "active"},
            "Description": {"Hostname": "pop-os", "Platform": {"Architecture": "x86_64", "OS": "linux"}},
            "Status": {"State": "ready", "Addr": "127.0.0.1"},
            "ManagerStatus": {"Leader": True, "Reachability": "reachable", "Addr": "127.0.0.1:2377"},
        }

    # -- services

    def service_list(self, query: Json, _body: bytes) -> Reply:
        wanted = filters_of(query)
        rows = [
            {**one, "ServiceStatus": {"RunningTasks": _tasks(one), "DesiredTasks": _tasks(one)}}
            for one in self.services.values()
            if has_labels(one["Spec"].get("Labels") or {}, wanted.get("label", []))
            and (not wanted.get("name") or any(one["Spec"]["Name"].startswith(name) for name in wanted["name"]))
        ]
        return Reply(200, rows)

    def service_create(self, query: Json, body: bytes) -> Reply:
        spec = json.loads(body)
        if any(one["Spec"]["Name"] == spec["Name"] for one in self.services.values()):
            raise Refused(409, f"rpc error: code = AlreadyExists desc = name conflicts with {spec['Name']}")
        self.queries.append(query)
        self._check_files(spec)
        identity = self.new_id()
        self.services[identity] = self._record(identity, spec)
        return Reply(201, {"ID": identity, "Warnings": None})

    def service_update(self, key: str, query: Json, body: bytes) -> Reply:
        service = self._service(key)
        if int(query["version"]) != service["Version"]["Index"]:
            raise Refused(500, "rpc error: code = Unknown desc = update out of sequence")
        self.queries.append(query)
        spec = json.loads(body)
        self._check_files(spec)
        self.services[service["ID"]] = {**self._record(service["ID"], spec), "PreviousSpec": service["Spec"]}
        return Reply(200, {"Warnings": None})

    def service_delete(self, key: str, _query: Json, _body: bytes) -> Reply:
        service = self._service(key)
        del self.services[service["ID"]]
        for network in service["Spec"]["TaskTemplate"].get("Networks") or ():
            self.busy[network["Target"]] = self.busy_removals
        return Reply(200)

    def service_inspect(self, key: str, _query: Json, _body: bytes) -> Reply:
        return Reply(200, self._service(key))

    def _record(self, identity: str, spec: dict[str, Json]) -> dict[str, Json]:
        self.version += 1
        template = spec["TaskTemplate"]
        networks = [{**one, "Target": self._network(one["Target"])["Id"]} for one in template.get("Networks") or ()]
        stored = {**spec, "TaskTemplate": {**template, **({"Networks": networks} if networks else {})}}
        return {
            "ID": identity,
            "Version": {"Index": self.version},
            "CreatedAt": CREATED,
            "UpdatedAt": CREATED,
            "Spec": stored,
            "Endpoint": {
                "Spec": spec.get("EndpointSpec") or {},
                "Ports": (spec.get("EndpointSpec") or {}).get("Ports"),
            },
        }

    def _check_files(self, spec: dict[str, Json]) -> None:
        container = spec["TaskTemplate"]["ContainerSpec"]
        for kind, key in (("secrets", "SecretID"), ("configs", "ConfigID")):
            for one in container.get(kind.capitalize()) or ():
                if one[key] not in getattr(self, kind):
                    raise Refused(400, f"{kind[:-1]} not found: {one[key]}")

    def _service(self, key: str) -> dict[str, Json]:
        for identity, service in self.services.items():
            if key in (identity, service["Spec"]["Name"]):
                return service
        raise Refused(404, f"service {key} not found")

    def task_list(self, query: Json, _body: bytes) -> Reply:
        wanted = filters_of(query)
        rows = []
        for service in self.services.values():
            if wanted.get("service") and not {service["ID"], service["Spec"]["Name"]} & set(wanted["service"]):
                continue
            labels = service["Spec"]["TaskTemplate"]["ContainerSpec"].get("Labels") or {}
            if not has_labels({**labels, **(service["Spec"].get("Labels") or {})}, wanted.get("label", [])):
                continue
            rows += [self._task(service, slot) for slot in range(1, _tasks(service) + 1)]
        return Reply(200, rows)

    @staticmethod
    def _task(service: dict[str, Json], slot: int) -> dict[str, Json]:
        return {
            "ID": f"task{slot:02d}{service['ID']}"[:25],
            "Version": {"Index": 5},
            "CreatedAt": CREATED,
            "UpdatedAt": CREATED,
            "ServiceID": service["ID"],
            "Slot": slot,
            "NodeID": NODE,
            "Spec": service["Spec"]["TaskTemplate"],
            "SpecVersion": service["Version"],
            "Status": {"Timestamp": CREATED, "State": "running", "Message": "started"},
            "DesiredState": "running",
        }

    # -- secrets and configs

    def file_list(self, kind: str, query: Json, _body: bytes) -> Reply:
        wanted = filters_of(query)
        rows = []
        for one in getattr(self, kind).values():
            spec = one["Spec"]
            if not has_labels(spec.get("Labels") or {}, wanted.get("label", [])):
                continue
            if wanted.get("name") and not any(spec["Name"].startswith(name) for name in wanted["name"]):
                continue
            rows.append(_shown(kind, one))
        return Reply(200, rows)

    def file_create(self, kind: str, _query: Json, body: bytes) -> Reply:
        spec = json.loads(body)
        if any(one["Spec"]["Name"] == spec["Name"] for one in getattr(self, kind).values()):
            raise Refused(409, f"rpc error: code = AlreadyExists desc = {kind[:-1]} {spec['Name']} already exists")
        identity = self.new_id()
        self.version += 1
        getattr(self, kind)[identity] = {"ID": identity, "Version": {"Index": self.version}, "Spec": spec}
        return Reply(201, {"ID": identity})

    def file_inspect(self, kind: str, key: str, _query: Json, _body: bytes) -> Reply:
        return Reply(200, _shown(kind, self._file(kind, key)))

    def file_update(self, kind: str, key: str, _query: Json, body: bytes) -> Reply:
        one, spec = self._file(kind, key), json.loads(body)
        if spec.get("Data") not in (None, one["Spec"].get("Data")):
            raise Refused(400, "rpc error: code = InvalidArgument desc = only updates to Labels are allowed")
        one["Spec"] = {**one["Spec"], "Labels": spec.get("Labels") or {}}
        return Reply(200)

    def file_delete(self, kind: str, key: str, _query: Json, _body: bytes) -> Reply:
        one = self._file(kind, key)
        for service in self.services.values():
            container = service["Spec"]["TaskTemplate"]["ContainerSpec"]
            used = [ref[f"{kind[:-1].capitalize()}ID"] for ref in container.get(kind.capitalize()) or ()]
            if one["ID"] in used:
                words = f"{kind[:-1]} '{one['Spec']['Name']}' is in use by the following service: "
                raise Refused(400, f"rpc error: code = InvalidArgument desc = {words}{service['Spec']['Name']}")
        del getattr(self, kind)[one["ID"]]
        return Reply(204)

    def _file(self, kind: str, key: str) -> dict[str, Json]:
        for identity, one in getattr(self, kind).items():
            if key in (identity, one["Spec"]["Name"]):
                found: dict[str, Json] = one
                return found
        raise Refused(404, f"{kind[:-1]} {key} not found")

    # -- networks

    def network_create(self, query: Json, body: bytes) -> Reply:
        reply = super().network_create(query, body)
        network = self.networks[json.loads(body)["Name"]]
        network["Scope"] = "swarm" if network["Driver"] == "overlay" else "local"
        return reply

    def network_delete(self, key: str, query: Json, body: bytes) -> Reply:
        network = self._network(key)
        left = self.busy.get(network["Id"], 0)
        if left > 0:
            self.busy[network["Id"]] = left - 1
            raise Refused(
                400, f"rpc error: code = FailedPrecondition desc = network {network['Id']} is in use by task x"
            )
        self._ghost = [network] * self.ghosts
        return super().network_delete(key, query, body)

    def network_list(self, query: Json, body: bytes) -> Reply:
        reply = super().network_list(query, body)
        seen = [self._ghost.pop()] if self._ghost else []
        return Reply(200, [*seen, *reply.body])

    # -- images

    def distribution(self, name: str, _query: Json, _body: bytes) -> Reply:
        digest = "sha256:" + "d1" * 32
        return Reply(
            200,
            {
                "Descriptor": {"mediaType": "application/x", "digest": digest, "size": 1},
                "Platforms": [{"architecture": "amd64", "os": "linux"}],
            },
        )


def _tasks(service: dict[str, Json]) -> int:
    mode = service["Spec"].get("Mode") or {}
    replicated = mode.get("Replicated")
    if replicated is not None:
        return int(replicated.get("Replicas", 1))
    return int((mode.get("ReplicatedJob") or {}).get("TotalCompletions", 1)) if mode else 1


def _shown(kind: str, one: dict[str, Json]) -> dict[str, Json]:
    """A secret's content is never shown."""
    if kind == "configs":
        return one
    return {**one, "Spec": {key: value for key, value in one["Spec"].items() if key != "Data"}}


CLUSTER_ROUTES = [
    (r"/info", "GET", "cluster_info"),
    (r"/nodes", "GET", "nodes"),
    (r"/nodes/([^/]+)", "GET", "node"),
    (r"/services", "GET", "service_list"),
    (r"/services/create", "POST", "service_create"),
    (r"/services/([^/]+)", "GET", "service_inspect"),
    (r"/services/([^/]+)", "DELETE", "service_delete"),
    (r"/services/([^/]+)/update", "POST", "service_update"),
    (r"/tasks", "GET", "task_list"),
    (r"/(secrets|configs)", "GET", "file_list"),
    (r"/(secrets|configs)/create", "POST", "file_create"),
    (r"/(secrets|configs)/([^/]+)", "GET", "file_inspect"),
    (r"/(secrets|configs)/([^/]+)", "DELETE", "file_delete"),
    (r"/(secrets|configs)/([^/]+)/update", "POST", "file_update"),
    (r"/distribution/(.+)/json", "GET", "distribution"),
]
