"""The objects of a cluster as Docker's clients read them."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from shoal.errors import InvalidArgument
from shoal.model.cluster.cluster import Cluster, ClusterNetwork, ClusterSpec, Sealed
from shoal.model.cluster.node import Availability, ManagerStatus, Node, NodeDescription, NodeSpec, NodeState, Role
from shoal.model.cluster.service import PortConfig, Service, ServiceMode, ServiceSpec, UpdateStatus, VirtualAddress
from shoal.model.cluster.task import Address, Amounts, HostPort, Task, TaskSpec, TaskState, TaskStatus
from shoal.model.container import ContainerSpec
from shoal.model.network import Ipam, NetworkSpec, Pool
from shoal.swarm.pki.authority import new_authority
from shoal.swarm.pki.certificates import subject_and_key
from shoal.wire.network import encode_network
from shoal.wire.swarm.cluster import (
    decode_cluster_spec,
    decode_init,
    decode_join,
    decode_unlock,
    encode_cluster_spec,
    encode_swarm,
)
from shoal.wire.swarm.network import as_network
from shoal.wire.swarm.node import decode_node_spec, encode_node
from shoal.wire.swarm.sealed import decode_sealed, encode_sealed
from shoal.wire.swarm.service import encode_service
from shoal.wire.swarm.task import encode_task
from shoal.wire.swarm.tls import encode_tls
from tests.support.api_contract import faults_of

AT = 1_700_000_000_123_456_789
SPEC = ServiceSpec(name="web", task=TaskSpec(container=ContainerSpec(image="busybox")))
SERVICE = Service(id="s" * 25, spec=SPEC, created_at=AT, updated_at=AT + 1)
NETWORK = ClusterNetwork(
    id="n" * 25,
    spec=NetworkSpec(
        name="net", driver="overlay", ipam=Ipam(config=(Pool(subnet="10.1.0.0/16"), Pool(subnet="fd00:1::/64")))
    ),
    created_at=AT,
)
TASK = Task(
    id="t" * 25,
    service_id=SERVICE.id,
    service_name="web",
    spec=SPEC.task,
    spec_version=7,
    slot=2,
    node_id="m" * 25,
    status=TaskStatus(state=TaskState.RUNNING, at=AT, message="started", container_id="c" * 64, pid=42),
    addresses=(Address(network_id=NETWORK.id, ipv4="10.1.0.9", ipv6="fd00:1::9", aliases=("web",)),),
    created_at=AT,
    updated_at=AT,
)
NODE = Node(
    id="m" * 25,
    spec=NodeSpec(role=Role.MANAGER, labels={"disk": "ssd"}),
    created_at=AT,
    updated_at=AT,
    description=NodeDescription(
        hostname="pop-os",
        resources=Amounts(nano_cpus=2 * 10**9, memory_bytes=1 << 30, generic={"gpu": 2}),
        engine_version="1.0",
        plugins=(("Network", "overlay"),),
    ),
    state=NodeState.READY,
    address="10.0.0.1",
    manager=ManagerStatus(address="10.0.0.1:2377", is_leader=True),
)
CLUSTER = Cluster(id="c" * 25, spec=ClusterSpec(), created_at=AT, updated_at=AT, ca_certificate="")


def test_a_service() -> None:
    service = replace(
        SERVICE,
        previous=SPEC,
        update_status=UpdateStatus(state="completed", started_at=AT, completed_at=AT, message="update completed"),
        vips=(VirtualAddress(network_id=NETWORK.id, ipv4="10.1.0.2", prefix=16),),
        ports=(PortConfig(target=80, published=8080),),
    )
    body = encode_service(service, 12, counts=(1, 2, 0), defaults=True)
    assert faults_of("Service", body) == []
    assert (body["ID"], body["Version"], body["CreatedAt"]) == (
        SERVICE.id,
        {"Index": 12},
        "2023-11-14T22:13:20.123456789Z",
    )
    assert body["Endpoint"]["VirtualIPs"] == [{"NetworkID": NETWORK.id, "Addr": "10.1.0.2/16"}]
    assert body["Endpoint"]["Ports"] == [
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}
    ]
    assert body["ServiceStatus"] == {"RunningTasks": 1, "DesiredTasks": 2, "CompletedTasks": 0}
    assert body["UpdateStatus"]["CompletedAt"] == "2023-11-14T22:13:20.123456789Z"
    assert body["PreviousSpec"]["Name"] == "web"
    assert body["Spec"]["UpdateConfig"]["Monitor"] == 5 * 10**9


def test_a_plain_service_says_no_more_than_it_must() -> None:
    body = encode_service(SERVICE, 12)
    assert set(body) == {"ID", "Version", "CreatedAt", "UpdatedAt", "Spec", "Endpoint"}
    assert set(body["Spec"]) == {"Name", "Labels", "TaskTemplate", "Mode", "EndpointSpec"}
    assert "RestartPolicy" not in body["Spec"]["TaskTemplate"]


@pytest.mark.parametrize("state", ["rollback_started", "rollback_paused", "paused", "updating"])
def test_an_update_that_is_not_over_has_no_end(state: str) -> None:
    body = encode_service(replace(SERVICE, update_status=UpdateStatus(state=state, started_at=AT)), 1)
    assert "CompletedAt" not in body["UpdateStatus"] and body["UpdateStatus"]["State"] == state


def test_a_job() -> None:
    spec = replace(SPEC, mode=ServiceMode.REPLICATED_JOB, replicas=3, max_concurrent=1)
    body = encode_service(replace(SERVICE, spec=spec, iteration=4, iteration_at=AT), 1)
    assert faults_of("Service", body) == []
    assert body["JobStatus"]["JobIteration"] == {"Index": 4}
    assert body["Spec"]["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 3}}


def test_a_task() -> None:
    body = encode_task(TASK, 9, {NETWORK.id: (NETWORK, 3)})
    assert faults_of("Task", {**body, "NetworksAttachments": []}) == []
    assert (body["Slot"], body["DesiredState"], body["Status"]["State"]) == (2, "running", "running")
    assert body["Status"]["ContainerStatus"] == {"ContainerID": "c" * 64, "PID": 42, "ExitCode": 0}
    attachment = body["NetworksAttachments"][0]
    assert attachment["Addresses"] == ["10.1.0.9/16", "fd00:1::9/64"]
    assert attachment["Network"]["Spec"]["Name"] == "net" and attachment["Network"]["Version"] == {"Index": 3}


def test_a_task_without_a_container_or_a_network_that_is_known() -> None:
    task = replace(TASK, status=TaskStatus(state=TaskState.PENDING, error="no suitable node"), node_id="", slot=0)
    body = encode_task(task, 9, {})
    assert faults_of("Task", {**body, "NetworksAttachments": []}) == []
    assert body["Status"]["Err"] == "no suitable node" and "ContainerStatus" not in body["Status"]
    assert not {"Slot", "NodeID"} & set(body)
    assert body["NetworksAttachments"][0] == {
        "Network": {"ID": NETWORK.id},
        "Addresses": ["10.1.0.9", "fd00:1::9"],
        "Aliases": ["web"],
    }


def test_a_task_that_is_held_says_what_it_waits_for() -> None:
    held = replace(TASK, hold="waits for service db to be healthy", status=TaskStatus(state=TaskState.READY))
    assert encode_task(held, 9, {NETWORK.id: (NETWORK, 3)})["Status"]["Err"] == "waits for service db to be healthy"


def test_the_ports_of_a_task_on_its_node() -> None:
    status = replace(TASK.status, ports=(HostPort(target=80, published=32768),))
    body = encode_task(replace(TASK, status=status, addresses=()), 9, {})
    assert faults_of("Task", body) == []
    assert body["Status"]["PortStatus"]["Ports"] == [
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 32768, "PublishMode": "host"}
    ]


@pytest.mark.parametrize("state", list(TaskState))
def test_states_have_docker_s_names(state: TaskState) -> None:
    body = encode_task(replace(TASK, status=TaskStatus(state=state), desired=state, addresses=()), 1, {})
    assert faults_of("Task", body) == []


def test_a_node() -> None:
    pem = new_authority(AT).certificate
    body = encode_node(NODE, 5, pem)
    assert faults_of("Node", body) == []
    assert body["Description"]["Platform"] == {"Architecture": "x86_64", "OS": "linux"}
    assert body["Description"]["Resources"]["GenericResources"] == [
        {"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}
    ]
    assert body["ManagerStatus"] == {"Leader": True, "Reachability": "reachable", "Addr": "10.0.0.1:2377"}
    subject, key = subject_and_key(pem)
    assert body["Description"]["TLSInfo"] == {
        "TrustRoot": pem,
        "CertIssuerSubject": base64.b64encode(subject).decode(),
        "CertIssuerPublicKey": base64.b64encode(key).decode(),
    }


def test_a_worker_is_no_manager() -> None:
    body = encode_node(replace(NODE, manager=None, message="heartbeat failure", state=NodeState.DOWN), 5)
    assert "ManagerStatus" not in body
    assert body["Status"] == {"State": "down", "Addr": "10.0.0.1", "Message": "heartbeat failure"}


@pytest.mark.parametrize("pem", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_has_no_parts(pem: str) -> None:
    assert encode_tls(pem) == {"TrustRoot": pem, "CertIssuerSubject": "", "CertIssuerPublicKey": ""}


def test_a_node_s_spec() -> None:
    spec = NodeSpec(name="a", labels={"x": "y"}, role=Role.MANAGER, availability=Availability.DRAIN)
    assert decode_node_spec(encode_node(replace(NODE, spec=spec), 1)["Spec"]) == spec
    for body in ({}, {"Role": "worker"}, {"Role": "boss", "Availability": "active"}):
        with pytest.raises(InvalidArgument):
            decode_node_spec(body)


def test_the_swarm() -> None:
    body = encode_swarm(CLUSTER, 3, {"worker": "SWMTKN-1-w", "manager": "SWMTKN-1-m"}, is_rotating=True)
    assert faults_of("Swarm", body) == []
    assert body["JoinTokens"] == {"Worker": "SWMTKN-1-w", "Manager": "SWMTKN-1-m"}
    assert body["RootRotationInProgress"] and body["DataPathPort"] == 4789


def test_what_is_read_of_the_swarm_s_settings_is_what_was_written() -> None:
    spec = ClusterSpec(labels={"a": "b"}, task_history=0, certificate_life_s=7200.0, heartbeat_s=5.0, autolock=True)
    assert decode_cluster_spec(encode_cluster_spec(spec), ClusterSpec()) == spec


def test_what_an_update_of_the_swarm_leaves_out_stays() -> None:
    before = ClusterSpec(labels={"a": "b"}, task_history=9, autolock=True, force_rotate=2)
    assert decode_cluster_spec({"Name": "default", "CAConfig": {"NodeCertExpiry": 0}, "Raft": {}}, before) == before
    after = decode_cluster_spec({"Labels": {}, "Orchestration": {"TaskHistoryRetentionLimit": 0}}, before)
    assert (after.labels, after.task_history) == ({}, 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"Name": "mine"}, 'swarm spec must be named "default"'),
        ({"CAConfig": {"ExternalCAs": [{"URL": "https://x"}]}}, "CAConfig.ExternalCAs is not served"),
        ({"CAConfig": {"SigningCAKey": "x"}}, "CAConfig.SigningCAKey is not served"),
        ({"CAConfig": {"NodeCertExpiry": 10**9}}, "minimum certificate expiry time is 1h0m0s"),
        ({"Raft": {"ElectionTick": 3}}, "Raft.ElectionTick: Shoal has no such setting"),
        ({"TaskDefaults": {"LogDriver": {"Name": "x"}}}, "TaskDefaults.LogDriver is not served"),
    ],
)
def test_settings_that_are_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        decode_cluster_spec(body, ClusterSpec())
    assert message in error.value.message


def test_what_docker_swarm_init_sends() -> None:
    body = {
        "ListenAddr": "0.0.0.0:2377",
        "AdvertiseAddr": "",
        "DataPathAddr": "",
        "DataPathPort": 0,
        "ForceNewCluster": False,
        "Spec": {"Labels": None, "Orchestration": {}, "Raft": {}, "Dispatcher": {}, "CAConfig": {}},
        "AutoLockManagers": False,
        "Availability": "active",
        "DefaultAddrPool": None,
        "SubnetSize": 0,
    }
    assert decode_init(body) == {
        "listen": "0.0.0.0:2377",
        "availability": "active",
        "address_pools": (),
        "spec": ClusterSpec(),
    }
    assert decode_init(body | {"AutoLockManagers": True})["spec"].autolock
    with pytest.raises(InvalidArgument, match="Datapath port should be specified from 1024 to 49151"):
        decode_init({"DataPathPort": 80})
    with pytest.raises(InvalidArgument, match='invalid Availability: "gone"'):
        decode_init({"Availability": "gone"})


def test_joining_and_unlocking() -> None:
    given = decode_join({"RemoteAddrs": ["10.0.0.1:2377"], "JoinToken": "SWMTKN-1-x", "ListenAddr": ""})
    assert given == {"token": "SWMTKN-1-x", "remotes": ("10.0.0.1:2377",)}
    with pytest.raises(InvalidArgument, match="at least 1 RemoteAddr is required to join"):
        decode_join({"JoinToken": "x"})
    assert decode_unlock({"UnlockKey": "SWMKEY-1-x"}) == "SWMKEY-1-x"
    with pytest.raises(InvalidArgument, match="unlockKey cannot be empty"):
        decode_unlock({})


def test_secrets_and_configs() -> None:
    record = Sealed(
        kind="secrets", id="i", name="key", value=b"?", size_bytes=3, created_at=AT, updated_at=AT, template="golang"
    )
    secret = encode_sealed(record, 8)
    assert faults_of("Secret", secret) == [] and "Data" not in secret["Spec"]
    config = encode_sealed(record, 8, b"abc")
    assert faults_of("Config", config) == []
    spec = decode_sealed(config["Spec"])
    assert (spec.name, spec.data, spec.template) == ("key", b"abc", "golang")
    with pytest.raises(InvalidArgument, match="Data: expected base64"):
        decode_sealed({"Name": "key", "Data": "###"})
    with pytest.raises(InvalidArgument, match="Driver: external stores"):
        decode_sealed({"Name": "key", "Driver": {"Name": "vault"}})


def test_an_overlay_network_is_of_the_swarm() -> None:
    body = encode_network(as_network(NETWORK))
    assert faults_of("Network", body | {"IPAM": {}}) == []
    assert (body["Scope"], body["Driver"], body["Id"]) == ("swarm", "overlay", NETWORK.id)
