"""A cluster of answers: what a manager would say of three nodes, four services and their tasks.

For the CLI's own side: docker's CLI and ours are run against the same answers, and what they print is compared.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.fake_engine import Answer, Asked, FakeEngine

SELF, SECOND, WORKER = "r9nhblzo7ie5jcbz9nlwudy4r", "2b1m8h0l3zzzzm6ws5n3kfcqj", "w7q0nd1p9m2v5c8x3b6z4k1ja"
WEB, AGENT, JOB, SWEEP = (
    "odsxin6lio95bffm7s3rs0z1m",
    "a1b2c3d4e5f6g7h8i9j0k1l2m",
    "job3c3d4e5f6g7h8i9j0k1l2m",
    "swp4c3d4e5f6g7h8i9j0k1l2m",
)
NETWORK = "net5c3d4e5f6g7h8i9j0k1l2m"
CREATED, UPDATED = "2020-11-22T09:47:42.123456789Z", "2020-11-22T10:00:00.5Z"  #: ages that no test sees change
IMAGE = "je12emy/gsd:first_container"


def node(identity: str, hostname: str, *, role: str = "worker", **more: Any) -> dict[str, Any]:
    return {
        "ID": identity,
        "Version": {"Index": 9},
        "CreatedAt": CREATED,
        "UpdatedAt": UPDATED,
        "Spec": {"Labels": {"disk": "ssd", "zone": "a"}, "Role": role, "Availability": "active"},
        "Description": {
            "Hostname": hostname,
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {"NanoCPUs": 2_000_000_000, "MemoryBytes": 8_589_934_592},
            "Engine": {
                "EngineVersion": "28.5.2",
                "Labels": {"floor": "2"},
                "Plugins": [
                    {"Type": "Log", "Name": "json-file"},
                    {"Type": "Network", "Name": "bridge"},
                    {"Type": "Network", "Name": "overlay"},
                    {"Type": "Volume", "Name": "local"},
                ],
            },
            "TLSInfo": {
                "TrustRoot": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                "CertIssuerSubject": "MBMxETAPBgNVBAMTCHN3YXJtLWNh",
                "CertIssuerPublicKey": "MFkwEwYHKoZIzj0CAQYI",
            },
        },
        "Status": {"State": "ready", "Addr": "192.168.1.108"},
        **more,
    }


def nodes() -> list[dict[str, Any]]:
    leader = {"Leader": True, "Reachability": "reachable", "Addr": "192.168.1.108:2377"}
    second = {"Reachability": "unreachable", "Addr": "192.168.1.109:2377"}
    down = {"State": "down", "Addr": "192.168.1.110", "Message": "heartbeat failure"}
    drained = {"Name": "w", "Labels": {}, "Role": "worker", "Availability": "drain"}
    return [
        node(WORKER, "host-10", Status=down, Spec=drained),
        node(SELF, "pop-os", role="manager", ManagerStatus=leader),
        node(SECOND, "host-2", role="manager", ManagerStatus=second),
    ]


def task_template(**more: Any) -> dict[str, Any]:
    return {
        "ContainerSpec": {"Image": IMAGE + "@sha256:" + "ab" * 32, "Init": False, "DNSConfig": {}},
        "Resources": {"Limits": {}, "Reservations": {}},
        "Placement": {},
        "ForceUpdate": 0,
        "Runtime": "container",
        **more,
    }


def service(identity: str, name: str, mode: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    spec = {"Name": name, "Labels": {}, "TaskTemplate": task_template(), "Mode": mode, "EndpointSpec": {"Mode": "vip"}}
    return {
        "ID": identity,
        "Version": {"Index": 21},
        "CreatedAt": CREATED,
        "UpdatedAt": UPDATED,
        "Spec": {**spec, **more.pop("Spec", {})},
        "Endpoint": {"Spec": {}},
        **more,
    }


def rich_template() -> dict[str, Any]:
    """All that `service inspect --pretty` shows."""
    container = {
        "Image": IMAGE,
        "Labels": {"tier": "front", "a": "b"},
        "Command": ["docker-entrypoint.sh"],
        "Args": ["python", "app.py"],
        "Env": ["A=1", "B=two words"],
        "Dir": "/code",
        "User": "1000",
        "Hostname": "h",
        "Init": True,
        "TTY": True,
        "ReadOnly": True,
        "StopSignal": "SIGINT",
        "StopGracePeriod": 3_000_000_000,
        "CapabilityAdd": ["CAP_NET_ADMIN"],
        "CapabilityDrop": ["CAP_CHOWN"],
        "Ulimits": [{"Name": "nofile", "Hard": 2, "Soft": 1}],
        "Sysctls": {"net.core.somaxconn": "1024"},
        "Hosts": ["1.2.3.4 db"],
        "OomScoreAdj": 5,
        "Mounts": [
            {"Type": "volume", "Source": "data", "Target": "/data"},
            {"Type": "bind", "Source": "/etc/x", "Target": "/x", "ReadOnly": True},
            {"Type": "tmpfs", "Target": "/run"},
        ],
        "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 1_000_000_000, "Retries": 3},
        "Secrets": [
            {"File": {"Name": "pw", "UID": "0", "GID": "0", "Mode": 292}, "SecretID": "sec1", "SecretName": "password"}
        ],
        "Configs": [
            {"File": {"Name": "/etc/a", "UID": "0", "GID": "0", "Mode": 292}, "ConfigID": "cfg1", "ConfigName": "app"}
        ],
        "DNSConfig": {"Nameservers": ["8.8.8.8"], "Search": ["lan"], "Options": ["ndots:1"]},
    }
    return task_template(
        ContainerSpec=container,
        Resources={
            "Limits": {"NanoCPUs": 1_500_000_000, "MemoryBytes": 52_428_800, "Pids": 9},
            "Reservations": {"NanoCPUs": 250_000_000, "MemoryBytes": 10_485_760},
        },
        RestartPolicy={"Condition": "any", "Delay": 5_000_000_000, "MaxAttempts": 3, "Window": 60_000_000_000},
        Placement={
            "Constraints": ["node.role==manager", "node.labels.zone==a"],
            "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
            "MaxReplicas": 4,
        },
        Networks=[{"Target": NETWORK}],
        LogDriver={"Name": "json-file", "Options": {"max-size": "1m"}},
    )


def services() -> list[dict[str, Any]]:
    ports = [
        {"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 8080, "PublishMode": "ingress"},
        {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 5353, "PublishMode": "host"},
    ]
    policy = {
        "Parallelism": 2,
        "Delay": 10_000_000_000,
        "FailureAction": "rollback",
        "Monitor": 5_000_000_000,
        "MaxFailureRatio": 0.25,
        "Order": "start-first",
    }
    rich = {
        "Labels": {"com.docker.stack.namespace": "shop", "b": "2"},
        "TaskTemplate": rich_template(),
        "EndpointSpec": {"Mode": "vip", "Ports": ports},
        "UpdateConfig": policy,
        "RollbackConfig": {**policy, "FailureAction": "pause"},
    }
    many = [
        {"Protocol": "tcp", "TargetPort": port, "PublishedPort": port, "PublishMode": "ingress"}
        for port in (9000, 9001, 9002, 9100)
    ]
    return [
        service(
            WEB,
            "web",
            {"Replicated": {"Replicas": 3}},
            Spec=rich,
            PreviousSpec={"Name": "web", "TaskTemplate": task_template(), "Mode": {"Replicated": {"Replicas": 2}}},
            Endpoint={"Spec": {"Mode": "vip", "Ports": ports}, "Ports": ports, "VirtualIPs": []},
            UpdateStatus={
                "State": "completed",
                "StartedAt": "2020-11-22T09:59:00Z",
                "CompletedAt": "2020-11-22T10:00:00Z",
                "Message": "update completed",
            },
            ServiceStatus={"RunningTasks": 2, "DesiredTasks": 3, "CompletedTasks": 0},
        ),
        service(
            AGENT,
            "agent",
            {"Global": {}},
            Endpoint={"Spec": {"Mode": "vip", "Ports": many}, "Ports": many},
            ServiceStatus={"RunningTasks": 2, "DesiredTasks": 2, "CompletedTasks": 0},
        ),
        service(
            JOB,
            "job-10",
            {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 5}},
            JobStatus={"JobIteration": {"Index": 0}, "LastExecution": CREATED},
            ServiceStatus={"RunningTasks": 2, "DesiredTasks": 2, "CompletedTasks": 1},
        ),
        service(
            SWEEP,
            "job-9",
            {"GlobalJob": {}},
            JobStatus={"JobIteration": {"Index": 0}, "LastExecution": CREATED},
            ServiceStatus={"RunningTasks": 0, "DesiredTasks": 0, "CompletedTasks": 3},
        ),
    ]


def task(identity: str, slot: int, state: str, *, service_id: str = WEB, **more: Any) -> dict[str, Any]:
    status = {"Timestamp": UPDATED, "State": state, "Message": state, "PortStatus": {}, **more.pop("Status", {})}
    return {
        "ID": identity.ljust(25, "0"),
        "Version": {"Index": 30},
        "CreatedAt": CREATED,
        "UpdatedAt": UPDATED,
        "Labels": {},
        "Spec": task_template(),
        "ServiceID": service_id,
        "Slot": slot,
        "NodeID": SELF,
        "Status": status,
        "DesiredState": "running",
        **more,
    }


def tasks() -> list[dict[str, Any]]:
    error = "task: non-zero exit (1): the program said more than fits into a column"
    waits = "no suitable node (scheduling constraints not satisfied on 2 nodes)"
    ports = [{"Protocol": "udp", "TargetPort": 53, "PublishedPort": 5353, "PublishMode": "host"}]
    return [
        task("o6wn2h884egf", 1, "running", Status={"PortStatus": {"Ports": ports}}, CreatedAt=UPDATED),
        task("old1h884egf1", 1, "failed", DesiredState="shutdown", Status={"Err": error, "Timestamp": CREATED}),
        task("old2h884egf1", 1, "shutdown", DesiredState="shutdown", NodeID=WORKER, CreatedAt="2020-11-21T00:00:00Z"),
        task("r1vg26rkk6oh", 2, "running", NodeID=SECOND),
        task("vfpa9v24z30t", 10, "pending", NodeID="", Status={"Err": waits}),
        task("glob9v24z30t", 0, "running", service_id=AGENT),
        task("glo29v24z30t", 0, "running", service_id=AGENT, NodeID=SECOND),
    ]


def secrets() -> list[dict[str, Any]]:
    base = {"Version": {"Index": 5}, "CreatedAt": CREATED, "UpdatedAt": UPDATED}
    return [
        {"ID": "sec1c3d4e5f6g7h8i9j0k1l2m", **base, "Spec": {"Name": "password-10", "Labels": {"a": "1"}}},
        {"ID": "sec2c3d4e5f6g7h8i9j0k1l2m", **base, "Spec": {"Name": "password-9", "Labels": {}}},
    ]


def configs() -> list[dict[str, Any]]:
    found = secrets()
    for index, config in enumerate(found):
        config["ID"] = config["ID"].replace("sec", "cfg")
        config["Spec"] = {**config["Spec"], "Name": f"app-{10 - index}", "Data": "aGVsbG8Kd29ybGQK"}
    return found


def swarm() -> dict[str, Any]:
    return {
        "ID": "clu5c3d4e5f6g7h8i9j0k1l2m",
        "Version": {"Index": 11},
        "CreatedAt": CREATED,
        "UpdatedAt": UPDATED,
        "Spec": {
            "Name": "default",
            "Labels": {},
            "Orchestration": {"TaskHistoryRetentionLimit": 5},
            "Raft": {"SnapshotInterval": 10000, "KeepOldSnapshots": 0, "HeartbeatTick": 1, "ElectionTick": 10},
            "Dispatcher": {"HeartbeatPeriod": 5_000_000_000},
            "CAConfig": {"NodeCertExpiry": 7776000000000000},
            "TaskDefaults": {},
            "EncryptionConfig": {"AutoLockManagers": False},
        },
        "TLSInfo": {"TrustRoot": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"},
        "RootRotationInProgress": False,
        "JoinTokens": {"Worker": "SWMTKN-1-58f2-worker", "Manager": "SWMTKN-1-58f2-manager"},
    }


def filters_of(asked: Asked) -> dict[str, list[str]]:
    text = asked.query.get("filters", ["{}"])[0]
    return {key: list(values) for key, values in json.loads(text).items()}


def _services_answer(asked: Asked) -> Answer:
    wanted = filters_of(asked)
    named, ids, modes = wanted.get("name", []), wanted.get("id", []), wanted.get("mode", [])
    kinds = {
        "replicated": "Replicated",
        "global": "Global",
        "replicated-job": "ReplicatedJob",
        "global-job": "GlobalJob",
    }
    return Answer(
        body=[
            one
            for one in services()
            if (not named or any(one["Spec"]["Name"].startswith(name) for name in named))
            and (not ids or any(one["ID"].startswith(identity) for identity in ids))
            and (not modes or any(kinds[mode] in one["Spec"]["Mode"] for mode in modes))
        ]
    )


def _tasks_answer(asked: Asked) -> Answer:
    wanted = filters_of(asked)
    of_services, of_nodes = wanted.get("service", []), wanted.get("node", [])
    return Answer(
        body=[
            one
            for one in tasks()
            if (not of_services or one["ServiceID"] in of_services)
            and (not of_nodes or one["NodeID"] in of_nodes)
            and one["DesiredState"] in (wanted.get("desired-state") or ["running", "shutdown"])
        ]
    )


class FakeSwarm(FakeEngine):
    """The cluster, on a UNIX socket. `answers` may be changed by a test."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        answers = self.answers
        headers = {"Api-Version": "1.51", "Ostype": "linux", "Swarm": "active/manager"}
        for method in ("GET", "HEAD"):
            answers[f"{method} /_ping"] = Answer(body=b"OK", headers=headers)
        part = {"NodeID": SELF, "NodeAddr": "192.168.1.108", "LocalNodeState": "active", "ControlAvailable": True}
        remote = [{"NodeID": SELF, "Addr": "192.168.1.108:2377"}]
        answers["GET /info"] = Answer(body={"ID": "e", "Swarm": {**part, "RemoteManagers": remote, "Nodes": 3}})
        answers["GET /nodes"] = Answer(body=nodes())
        answers["GET /services"] = _services_answer
        answers["GET /tasks"] = _tasks_answer
        answers["GET /swarm"] = Answer(body=swarm())
        answers["GET /swarm/unlockkey"] = Answer(body={"UnlockKey": "SWMKEY-1-abc"})
        answers["GET /secrets"] = Answer(body=secrets())
        answers["GET /configs"] = Answer(body=configs())
        network = {"Id": NETWORK, "Name": "shop_net", "Driver": "overlay", "Scope": "swarm"}
        answers["GET /networks"] = Answer(body=[network])
        for reference in (NETWORK, "shop_net"):
            answers[f"GET /networks/{reference}"] = Answer(body=network)
        self._add("nodes", nodes(), lambda one: [one["Description"]["Hostname"]], "update", "POST")
        self._add("services", services(), lambda one: [one["Spec"]["Name"]], "update", "POST")
        self._add("secrets", secrets(), lambda one: [one["Spec"]["Name"]], "update", "POST")
        self._add("configs", configs(), lambda one: [one["Spec"]["Name"]], "update", "POST")
        self._add("tasks", tasks(), lambda one: [], "", "")
        for line in ("swarm/join", "swarm/leave", "swarm/update", "swarm/unlock"):
            answers[f"POST /{line}"] = Answer(200)
        for kind, word in (("nodes", "node"), ("services", "service"), ("secrets", "secret"), ("configs", "config")):
            refusal = Answer(404, {"message": f"{word} nope not found"}, {"Content-Type": "application/json"})
            for line in (f"GET /{kind}/nope", f"DELETE /{kind}/nope", f"POST /{kind}/nope/update"):
                answers[line] = refusal
        for line in ("GET /tasks/nope", "GET /distribution/nope:latest/json"):
            answers[line] = Answer(404, {"message": "nope not found"}, {"Content-Type": "application/json"})
        answers["POST /swarm/init"] = Answer(200, SELF)
        answers["POST /services/create"] = Answer(201, {"ID": WEB})
        answers["POST /secrets/create"] = Answer(201, {"ID": secrets()[0]["ID"]})
        answers["POST /configs/create"] = Answer(201, {"ID": configs()[0]["ID"]})

    def _add(self, kind: str, objects: list[dict[str, Any]], names: Any, verb: str, method: str) -> None:
        for one in objects:
            for reference in (one["ID"], one["ID"][:12], *names(one)):
                self.answers[f"GET /{kind}/{reference}"] = Answer(body=one)
                self.answers[f"DELETE /{kind}/{reference}"] = Answer(200)
                if verb:
                    body = {"Warnings": None} if kind == "services" else None
                    self.answers[f"{method} /{kind}/{reference}/{verb}"] = Answer(200, body)
