"""What a service asks for, on the wire and back."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.errors import InvalidArgument
from shoal.model.cluster.service import EndpointSpec, PortConfig, Schedule, ServiceMode, ServiceSpec, UpdateConfig
from shoal.model.cluster.task import (
    Amounts,
    Attachment,
    FileReference,
    Placement,
    RestartCondition,
    RestartPolicy,
    TaskSpec,
)
from shoal.model.container import ContainerSpec, HostSpec, LogConfig
from shoal.model.endpoint import EndpointSettings
from shoal.model.health import Healthcheck
from shoal.model.mount import BindOptions, Mount, MountType, TmpfsOptions, VolumeOptions
from shoal.model.resources import DeviceMapping, Resources, Ulimit
from shoal.wire.swarm.service_spec import decode_service_spec, encode_service_spec, unknown_keys, with_kept_extras
from tests.support.api_contract import faults_of

WORDS = st.text("abcxyz-_.", min_size=1, max_size=6)
LISTS = st.lists(WORDS, max_size=2, unique=True).map(tuple)
MAPS = st.dictionaries(WORDS, WORDS, max_size=2)
SECONDS = st.integers(0, 10**12).map(lambda ms: ms / 1000)
NANOSECONDS = st.sampled_from((0, 1_000_000, 30 * 10**9))
MOUNTS = st.sampled_from(
    (
        Mount(type=MountType.VOLUME, source="data", target="/data"),
        Mount(type=MountType.VOLUME, target="/a", volume=VolumeOptions(no_copy=True, driver="local", subpath="x")),
        Mount(type=MountType.BIND, source="/src", target="/b", read_only=True, bind=BindOptions(propagation="rslave")),
        Mount(type=MountType.TMPFS, target="/t", tmpfs=TmpfsOptions(size_bytes=65536, mode=0o1777)),
        Mount(type=MountType.BIND, source="/data/{{.Task.Slot}}", target="/{{.Node.Hostname}}"),
    )
)
SECURITY = st.lists(
    st.sampled_from(
        (
            *("no-new-privileges", "no-new-privileges:true", "apparmor=unconfined", "apparmor=other"),
            *("seccomp=unconfined", 'seccomp={"defaultAction": "SCMP_ACT_ALLOW"}'),
            *("label=disable", "label=user:ann", "label:type:svirt_t", "systempaths=unconfined"),
        )
    ),
    max_size=3,
    unique=True,
).map(tuple)
HOSTS = st.lists(
    st.sampled_from(("db:10.0.0.1", "db=10.0.0.2", "six:::1", "six:[::1]", "up:host-gateway")), max_size=3
).map(tuple)
RESOURCES = st.builds(
    Resources,
    nano_cpus=st.sampled_from((0, 1_000_000, 2 * 10**9)),
    memory_bytes=st.sampled_from((0, 64 << 20)),
    pids_limit=st.sampled_from((None, -1, 0, 100)),
    cpu_shares=st.sampled_from((0, 512)),
    devices=st.sampled_from(((), (DeviceMapping(path_on_host="/dev/fuse", path_in_container="/dev/fuse"),))),
    ulimits=st.sampled_from(((), (Ulimit(name="nofile", soft=1024, hard=2048),))),
)
HOST = st.builds(
    HostSpec,
    resources=RESOURCES,
    mounts=st.lists(MOUNTS, max_size=3, unique_by=lambda mount: mount.target).map(tuple),
    binds=st.sampled_from(((), ("/a:/c:ro",))),
    tmpfs=st.sampled_from(({}, {"/run": "size=1m"})),
    network_mode=st.sampled_from(("", "host", "none")),
    dns=st.sampled_from(((), ("9.9.9.9",))),
    dns_options=st.sampled_from(((), ("ndots:1",))),
    dns_search=LISTS,
    extra_hosts=HOSTS,
    privileged=st.booleans(),
    cap_add=st.sampled_from(((), ("NET_ADMIN",))),
    cap_drop=st.sampled_from(((), ("ALL",))),
    security_opt=SECURITY,
    group_add=LISTS,
    readonly_rootfs=st.booleans(),
    masked_paths=st.sampled_from((None, (), ("/proc/x",))),
    sysctls=MAPS,
    shm_bytes=st.sampled_from((64 << 20, 1 << 20)),
    init=st.sampled_from((None, True, False)),
    oom_score_adj=st.integers(-1000, 1000),
    pid_mode=st.sampled_from(("", "host")),
    log=st.sampled_from((LogConfig(), LogConfig(driver="local", options={"max-size": "1m"}))),
)
HEALTH = st.builds(
    Healthcheck,
    test=st.sampled_from(((), ("NONE",), ("CMD", "true"), ("CMD-SHELL", "exit 1"))),
    interval_ns=NANOSECONDS,
    timeout_ns=NANOSECONDS,
    start_period_ns=NANOSECONDS,
    retries=st.integers(0, 9),
)
COMMANDS = st.none() | LISTS
CONTAINER = st.builds(
    ContainerSpec,
    image=st.just("busybox:1.36"),
    hostname=st.sampled_from(
        ("", "web", "{{.Service.Name}}-{{.Node.Hostname}}-{{.Task.Slot}}-and-a-long-tail-of-words")
    ),
    domainname=st.sampled_from(("", "lan")),
    user=st.sampled_from(("", "1000:1000")),
    tty=st.booleans(),
    open_stdin=st.booleans(),
    env=st.sampled_from(((), ("A=b", "C"))),
    cmd=COMMANDS,
    entrypoint=COMMANDS,
    workdir=st.sampled_from(("", "/app")),
    labels=MAPS,
    stop_signal=st.sampled_from(("", "SIGINT")),
    stop_timeout_s=st.sampled_from((None, 0, 10)),
    healthcheck=st.none() | HEALTH,
    exposed_ports=st.sampled_from(((), ("80/tcp",))),
    mac_address=st.sampled_from(("", "02:42:ac:11:00:02")),
    host=HOST,
    endpoints=st.sampled_from(({}, {"net": EndpointSettings(ipv4_address="10.1.0.9", aliases=("a",), priority=3)})),
)
FILES = st.tuples(
    *(
        st.lists(
            st.builds(
                FileReference, kind=st.just(kind), id=WORDS, name=WORDS, target=WORDS, mode=st.integers(0, 0o777)
            ),
            max_size=2,
            unique_by=lambda file: file.target,
        )
        for kind in ("secrets", "configs")
    )
).map(lambda lists: (*lists[0], *lists[1]))
TASK = st.builds(
    TaskSpec,
    container=CONTAINER,
    files=FILES,
    reservations=st.builds(
        Amounts,
        nano_cpus=st.sampled_from((0, 500_000_000)),
        memory_bytes=st.sampled_from((0, 64 << 20)),
        generic=st.dictionaries(WORDS, st.integers(1, 9), max_size=2),
    ),
    restart=st.builds(
        RestartPolicy,
        condition=st.sampled_from(RestartCondition),
        delay_s=st.none() | SECONDS,
        max_attempts=st.integers(0, 5),
        window_s=SECONDS,
    ),
    placement=st.builds(
        Placement,
        constraints=LISTS,
        spread=LISTS,
        max_replicas=st.integers(0, 3),
        platforms=st.sampled_from(((), (("linux", "amd64"), ("linux", ""), ("", "")))),
    ),
    networks=st.lists(
        st.builds(Attachment, target=WORDS, aliases=LISTS, driver_options=MAPS),
        max_size=2,
        unique_by=lambda attachment: attachment.target,
    ).map(tuple),
    log=st.none() | st.builds(LogConfig, driver=WORDS, options=MAPS),
    force=st.integers(0, 9),
)
UPDATES: dict[str, Any] = {
    "parallelism": st.integers(0, 9),
    "delay_s": SECONDS,
    "monitor_s": SECONDS,
    "max_failure_ratio": st.floats(0, 1),
    "order": st.sampled_from(("stop-first", "start-first")),
}
PORTS = st.lists(
    st.builds(
        PortConfig,
        target=st.integers(1, 65535),
        published=st.integers(0, 65535),
        protocol=st.sampled_from(("tcp", "udp", "sctp")),
        mode=st.just("host"),
        name=st.sampled_from(("", "http")),
        host_ip=st.sampled_from(("", "127.0.0.1")),
    ),
    max_size=2,
    unique_by=lambda port: port.published or -port.target,
).map(tuple)


def of_mode(spec: ServiceSpec) -> ServiceSpec:
    """Without what the wire cannot say of this mode."""
    is_job = spec.mode in (ServiceMode.REPLICATED_JOB, ServiceMode.GLOBAL_JOB)
    is_counted = spec.mode in (ServiceMode.REPLICATED, ServiceMode.REPLICATED_JOB)
    return replace(
        spec,
        replicas=spec.replicas if is_counted else 1,
        max_concurrent=spec.max_concurrent if spec.mode is ServiceMode.REPLICATED_JOB else 0,
        schedule=spec.schedule if is_job else None,
    )


SPECS = st.builds(
    ServiceSpec,
    name=st.sampled_from(("web", "a_b-c", "w" * 63)),
    task=TASK,
    labels=MAPS,
    mode=st.sampled_from(ServiceMode),
    replicas=st.integers(0, 9),
    max_concurrent=st.integers(0, 3),
    update=st.builds(UpdateConfig, on_failure=st.sampled_from(("pause", "continue", "rollback")), **UPDATES),
    rollback=st.builds(UpdateConfig, on_failure=st.sampled_from(("pause", "continue")), **UPDATES),
    endpoint=st.builds(EndpointSpec, mode=st.sampled_from(("vip", "dnsrr")), ports=PORTS),
    schedule=st.none() | st.builds(Schedule, cron=st.just("0 3 * * *"), missed_fires=st.sampled_from(("one", "skip"))),
    depends_on=st.dictionaries(WORDS, st.sampled_from(("service_started", "service_healthy")), max_size=2),
).map(of_mode)

SLOW = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(SPECS, st.booleans())
def test_what_is_written_is_read_as_the_same(spec: ServiceSpec, defaults: bool) -> None:
    body = json.loads(json.dumps(encode_service_spec(spec, defaults=defaults)))
    assert decode_service_spec(body) == spec
    assert unknown_keys(body) == []


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(SPECS)
def test_what_is_written_is_of_the_contract(spec: ServiceSpec) -> None:
    assert faults_of("ServiceSpec", encode_service_spec(spec)) == []


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(SPECS)
def test_a_client_of_docker_that_sends_a_service_back_changes_nothing(spec: ServiceSpec) -> None:
    body = encode_service_spec(spec)
    for key in ("Schedule", "DependsOn"):
        body.pop(key, None)
    for key in ("HostConfig", "Config", "NetworkingConfig"):
        body["TaskTemplate"]["ContainerSpec"].pop(key, None)
    for port in body["EndpointSpec"].get("Ports", ()):
        port.pop("HostIP", None)
    assert decode_service_spec(with_kept_extras(body, spec)) == spec


def least(**changes: Any) -> dict[str, Any]:
    return {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "busybox"}}, **changes}


def with_container(**changes: Any) -> dict[str, Any]:
    return least(TaskTemplate={"ContainerSpec": {"Image": "busybox", **changes}})


def with_template(**changes: Any) -> dict[str, Any]:
    return least(TaskTemplate={"ContainerSpec": {"Image": "busybox"}, **changes})


def test_what_the_docker_cli_sends() -> None:
    """`docker service create --name web -p 8080:80 --limit-memory 64m --host a:10.0.0.1 busybox sleep 9`"""
    container = {
        "Image": "busybox:latest",
        "Args": ["sleep", "9"],
        "Init": False,
        "StopGracePeriod": 10_000_000_000,
        "Hosts": ["10.0.0.1 a", "10.0.0.2 b c"],
        "DNSConfig": {},
        "Isolation": "default",
        "Privileges": {"CredentialSpec": None, "SELinuxContext": None, "NoNewPrivileges": False},
    }
    spec = decode_service_spec(
        {
            "Name": "web",
            "TaskTemplate": {
                "ContainerSpec": container,
                "Resources": {"Limits": {"MemoryBytes": 64 << 20}, "Reservations": {}},
                "Placement": {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]},
                "ForceUpdate": 0,
            },
            "Mode": {"Replicated": {}},
            "EndpointSpec": {"Mode": "vip", "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}]},
        }
    )
    assert spec.task.container == ContainerSpec(
        image="busybox:latest",
        cmd=("sleep", "9"),
        stop_timeout_s=10,
        host=HostSpec(
            init=False,
            extra_hosts=("a:10.0.0.1", "b:10.0.0.2", "c:10.0.0.2"),
            resources=Resources(memory_bytes=64 << 20),
        ),
    )
    assert spec.endpoint.ports == (PortConfig(target=80, published=8080),)
    assert (spec.mode, spec.replicas) == (ServiceMode.REPLICATED, 1)
    assert spec.update == UpdateConfig() and spec.task.restart == RestartPolicy()


def test_networks_may_stand_where_old_clients_put_them() -> None:
    assert decode_service_spec(least(Networks=[{"Target": "net"}])).task.networks == (Attachment(target="net"),)
    both = with_template(Networks=[{"Target": "new"}]) | {"Networks": [{"Target": "old"}]}
    assert decode_service_spec(both).task.networks == (Attachment(target="new"),)


def test_a_key_of_docker_wins_over_host_config() -> None:
    body = with_container(
        CapabilityAdd=["CHOWN"], HostConfig={"CapAdd": ["KILL"], "CapDrop": ["ALL"], "Memory": 64 << 20}
    )
    host = decode_service_spec(body).task.container.host
    assert (host.cap_add, host.cap_drop, host.resources.memory_bytes) == (("CHOWN",), ("ALL",), 64 << 20)


def test_an_extra_key_that_is_empty_takes_what_was_there_away() -> None:
    before = decode_service_spec(with_container(HostConfig={"Privileged": True}))
    body = with_container(HostConfig={})
    assert not decode_service_spec(with_kept_extras(body, before)).task.container.host.privileged


def test_jobs() -> None:
    job = decode_service_spec(least(Mode={"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 5}}))
    assert (job.mode, job.max_concurrent, job.replicas) == (ServiceMode.REPLICATED_JOB, 2, 5)
    job = decode_service_spec(least(Mode={"ReplicatedJob": {"MaxConcurrent": 3}}))
    assert (job.max_concurrent, job.replicas) == (3, 3)
    job = decode_service_spec(least(Mode={"GlobalJob": {}}, Schedule={"Cron": "@daily", "Timezone": "Europe/Paris"}))
    assert job.schedule == Schedule(cron="@daily", timezone="Europe/Paris")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "service does not use container tasks"),
        (least(Name="a b"), "name must be valid as a DNS name component"),
        (least(Name="a" * 64), "name must be 63 characters or fewer"),
        (with_container(Image=""), "ContainerSpec: image reference must be provided"),
        (least(Mode={"Replicated": {"Replicas": -1}}), "Mode.Replicated.Replicas: expected a whole number that is not"),
        (least(Mode={"Replicated": {}, "Global": {}}), "must specify only one service mode"),
        (least(Mode={"Other": {}}), "Mode: expected one of"),
        (with_template(Runtime="plugin"), 'TaskTemplate.Runtime: services of runtime "plugin" are not served'),
        (with_template(Resources={"Limits": {"NanoCPUs": 1}}), "invalid cpu value 1e-09: Must be at least 0.001"),
        (
            with_template(Resources={"Reservations": {"MemoryBytes": 9}}),
            "invalid memory value 9: Must be at least 4MiB",
        ),
        (with_template(RestartPolicy={"Condition": "never"}), "TaskTemplate.RestartPolicy.Condition: expected one of"),
        (with_template(RestartPolicy={"Delay": -1}), "TaskSpec: restart-delay cannot be negative"),
        (
            with_template(Networks=[{"Target": "a"}, {"Target": "a"}]),
            "TaskTemplate.Networks: network a is there 2 times",
        ),
        (with_container(StopGracePeriod=-1), "TaskTemplate.ContainerSpec.StopGracePeriod: expected a duration"),
        (with_container(Privileges={"CredentialSpec": {"File": "x"}}), "credential specs are a feature of Windows"),
        (
            with_container(Privileges={"Seccomp": {"Mode": "custom", "Profile": "!"}}),
            "Seccomp.Profile: expected base64",
        ),
        (with_container(Hosts=["10.0.0.1"]), 'ContainerSpec.Hosts: expected "address name", got "10.0.0.1"'),
        (with_container(HostConfig={"AutoRemove": True}), "HostConfig.AutoRemove: services do not have it"),
        (
            with_container(HostConfig={"RestartPolicy": {"Name": "always"}}),
            "services say it in TaskTemplate.RestartPolicy",
        ),
        (with_container(HostConfig={"NetworkMode": "container:x"}), "tasks cannot share with a container"),
        (with_container(Mounts=[{"Type": "cluster", "Source": "v", "Target": "/v"}]), "cluster volumes are not served"),
        (
            with_container(Mounts=[{"Type": "tmpfs", "Target": "/t"}, {"Type": "tmpfs", "Target": "/t/"}]),
            "ContainerSpec: duplicate mount point: /t",
        ),
        (
            with_container(
                Secrets=[
                    {"SecretID": "1", "SecretName": "one", "File": {"Name": "s"}},
                    {"SecretID": "2", "SecretName": "two", "File": {"Name": "s"}},
                ]
            ),
            "secret references 'one' and 'two' have a conflicting target: 's'",
        ),
        (
            with_container(Configs=[{"ConfigID": "1", "ConfigName": "one", "Runtime": {}}]),
            "Runtime: configs for credential",
        ),
        (least(UpdateConfig={"MaxFailureRatio": 2}), "update-maxfailureratio cannot be less than 0 or bigger than 1"),
        (least(UpdateConfig={"Order": "both"}), "UpdateConfig.Order: expected one of stop-first, start-first"),
        (least(RollbackConfig={"FailureAction": "rollback"}), "RollbackConfig.FailureAction: expected one of"),
        (
            least(EndpointSpec={"Mode": "dnsrr", "Ports": [{"TargetPort": 80}]}),
            "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
        ),
        (
            least(
                EndpointSpec={"Ports": [{"TargetPort": 80, "PublishedPort": 8}, {"TargetPort": 81, "PublishedPort": 8}]}
            ),
            "EndpointSpec: duplicate published ports provided",
        ),
        (least(EndpointSpec={"Ports": [{"PublishedPort": 8}]}), "EndpointSpec.Ports.0.TargetPort: expected a port"),
        (least(Schedule={"Cron": "@daily"}), "Schedule: only jobs have one"),
        (least(Schedule={"Timezone": "UTC"}), "Schedule.Cron: expected a cron expression"),
        (least(DependsOn={"db": {"Condition": "soon"}}), "DependsOn.db.Condition: expected one of"),
    ],
)
def test_what_is_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        decode_service_spec(body)
    assert message in error.value.message


def test_keys_that_nobody_knows_are_named() -> None:
    body = least(Colour="red")
    body["TaskTemplate"]["ContainerSpec"]["OomKill"] = True
    assert unknown_keys(body) == [
        "Colour: Shoal does not know this key, it has no effect",
        "TaskTemplate.ContainerSpec.OomKill: Shoal does not know this key, it has no effect",
    ]
