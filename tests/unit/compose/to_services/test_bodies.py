"""Bodies of services: Docker's keys where it has one, the create call's for the rest."""

from typing import Any

import pytest

from shoal.compose.to_services.diff import differences
from shoal.errors import InvalidArgument, NotSupported
from shoal.wire.swarm.service_spec import decode_service_spec, encode_service_spec, unknown_keys
from tests.support.stacks import body_of, container_of, stack_from

DEVICE = {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"}
NAMESPACE = {"com.docker.stack.namespace": "app"}


def template_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = body_of(text)["TaskTemplate"]
    return found


def test_the_smallest_service():
    assert body_of("image: nginx") == {
        "Name": "app_a",
        "Labels": {"com.docker.stack.image": "nginx", **NAMESPACE},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "nginx", "Labels": NAMESPACE},
            "Networks": [{"Target": "app_default", "Aliases": ["a"]}],
        },
        "Mode": {"Replicated": {"Replicas": 1}},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("privileged: true", {"Privileged": True}),
        ("devices: [/dev/fuse]", {"Devices": [DEVICE]}),
        ("security_opt: ['no-new-privileges:true']", {"SecurityOpt": ["no-new-privileges:true"]}),
        ("shm_size: 128m", {"ShmSize": 128 << 20}),
        ("tmpfs: ['/run:size=1m']", {"Tmpfs": {"/run": "size=1m"}}),
        ("pid: host", {"PidMode": "host"}),
        ("uts: host", {"UTSMode": "host"}),
        ("cpuset: '0'", {"CpusetCpus": "0"}),
        ("memswap_limit: 1g", {"MemorySwap": 1 << 30}),
        ("mem_reservation: 8m", {"MemoryReservation": 8 << 20}),
        ("mem_swappiness: 0", {"MemorySwappiness": 0}),
        ("blkio_config: {weight: 300}", {"BlkioWeight": 300}),
        ("annotations: {a: b}", {"Annotations": {"a": "b"}}),
        ("runtime: crun", {"Runtime": "crun"}),
        ("storage_opt: {size: 1g}", {"StorageOpt": {"size": "1g"}}),
        ("userns_mode: host", {"UsernsMode": "host"}),
        ("volumes: ['/a:/b:z']", {"Binds": ["/a:/b:rw,z"]}),
        ("use_api_socket: true", {"Binds": ["/var/run/docker.sock:/var/run/docker.sock:rw"]}),
    ],
)
def test_what_docker_has_no_key_for_is_said_as_in_a_create_call(text: str, expected: dict[str, Any]):
    assert container_of(text)["HostConfig"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cap_add: [net_admin]", {"CapabilityAdd": ["CAP_NET_ADMIN"]}),
        ("cap_drop: [ALL, CHOWN]", {"CapabilityDrop": ["ALL"]}),
        ("group_add: [1, wheel]", {"Groups": ["1", "wheel"]}),
        ("init: false", {"Init": False}),
        ("entrypoint: []", {"Command": [""]}),
        ("command: []", {"Args": []}),
        ("extra_hosts: ['db:1.2.3.4', 'six:[::1]']", {"Hosts": ["1.2.3.4 db", "::1 six"]}),
        ("ulimits: {nofile: {soft: 1, hard: 2}}", {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}),
        ("oom_score_adj: 7", {"OomScoreAdj": 7}),
        ("stop_grace_period: 1m30s", {"StopGracePeriod": 90_000_000_000}),
        ("domainname: lan\nexpose: [80]", {"Config": {"Domainname": "lan", "ExposedPorts": {"80/tcp": {}}}}),
        (
            "dns: 1.1.1.1\ndns_search: lan\ndns_opt: ['ndots:1']",
            {"DNSConfig": {"Nameservers": ["1.1.1.1"], "Search": ["lan"], "Options": ["ndots:1"]}},
        ),
    ],
)
def test_what_docker_has_a_key_for_uses_it(text: str, expected: dict[str, Any]):
    found = container_of(text)
    assert {key: found[key] for key in expected} == expected
    assert "HostConfig" not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("restart: always", {"Condition": "any"}),
        ("restart: unless-stopped", {"Condition": "any"}),
        ("restart: 'no'", {"Condition": "none"}),
        ("restart: on-failure:3", {"Condition": "on-failure", "MaxAttempts": 3}),
        (
            "restart: always\ndeploy: {restart_policy: {condition: none, delay: 2s, window: 1m}}",
            {"Condition": "none", "Delay": 2_000_000_000, "Window": 60_000_000_000},
        ),
        ("x-a: 1", None),
    ],
)
def test_restart_becomes_the_policy_and_deploy_goes_before_it(text: str, expected: dict[str, Any] | None):
    assert template_of(text).get("RestartPolicy") == expected


@pytest.mark.parametrize(
    "text",
    [
        "mem_limit: 64m\ncpus: 0.5\npids_limit: 9\nmem_reservation: 32m",
        "deploy: {resources: {limits: {memory: 64m, cpus: 0.5, pids: 9}, reservations: {memory: 32m}}}",
    ],
)
def test_limits_in_either_spelling(text: str):
    assert template_of(text)["Resources"] == {
        "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 64 << 20, "Pids": 9},
        "Reservations": {"MemoryBytes": 32 << 20},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("scale: 4", {"Replicated": {"Replicas": 4}}),
        ("deploy: {replicas: 0}", {"Replicated": {"Replicas": 0}}),
        ("deploy: {mode: global}", {"Global": {}}),
        ("deploy: {mode: global-job}", {"GlobalJob": {}}),
        ("deploy: {mode: replicated-job, replicas: 4}", {"ReplicatedJob": {"MaxConcurrent": 4, "TotalCompletions": 4}}),
    ],
)
def test_modes(text: str, expected: dict[str, Any]):
    assert body_of(text)["Mode"] == expected


def test_ports():
    ports = body_of(
        "ports: ['8080:80', '53:53/udp', {target: 1, published: 2, mode: host, host_ip: 127.0.0.1}, '90',"
        "'127.0.0.1:81:80', '0.0.0.0:82:80']"
    )
    assert ports["EndpointSpec"]["Ports"] == [
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
        {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 53, "PublishMode": "ingress"},
        {"Protocol": "tcp", "TargetPort": 1, "PublishedPort": 2, "PublishMode": "host", "HostIP": "127.0.0.1"},
        {"Protocol": "tcp", "TargetPort": 90, "PublishMode": "ingress"},
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 81, "PublishMode": "ingress", "HostIP": "127.0.0.1"},
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 82, "PublishMode": "ingress"},
    ]


MOUNTS = """
services:
  a:
    image: x
    volumes:
      - data:/d
      - outer:/o:ro
      - /srv:/s:rshared
      - {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0o700}}
      - {type: image, source: nginx, target: /i, image: {subpath: etc}}
      - {type: volume, source: data, target: /e, volume: {subpath: x, nocopy: true}}
      - /anonymous
volumes:
  data: {labels: {a: b}, driver_opts: {type: tmpfs}}
  outer: {external: true, name: other}
"""


def test_mounts_never_make_a_path_on_a_node():
    made = stack_from(MOUNTS).services[0].body["TaskTemplate"]["ContainerSpec"]["Mounts"]
    labels = {"a": "b", **NAMESPACE}
    options = {"Labels": labels, "DriverConfig": {"Options": {"type": "tmpfs"}}}
    assert made == [
        {"Type": "volume", "Target": "/d", "Source": "app_data", "VolumeOptions": options},
        {"Type": "volume", "Target": "/o", "Source": "other", "ReadOnly": True},
        {"Type": "bind", "Target": "/s", "Source": "/srv", "BindOptions": {"Propagation": "rshared"}},
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o700}},
        {"Type": "image", "Target": "/i", "Source": "nginx", "ImageOptions": {"Subpath": "etc"}},
        {
            "Type": "volume",
            "Target": "/e",
            "Source": "app_data",
            "VolumeOptions": {"NoCopy": True, "Subpath": "x", **options},
        },
        {"Type": "volume", "Target": "/anonymous"},
    ]


NAMES = """
services:
  web:
    image: x
    container_name: front
    links: ["db:database", "db"]
    networks:
      back: {aliases: [w], interface_name: eth9}
      side: {use_service_name_alias: false}
  db: {image: x, networks: [back]}
networks: {back: , side: }
"""


def test_names_on_networks():
    db, web = stack_from(NAMES).services
    assert db.body["TaskTemplate"]["Networks"] == [{"Target": "app_back", "Aliases": ["db", "database"]}]
    assert web.body["TaskTemplate"]["Networks"] == [
        {
            "Target": "app_back",
            "Aliases": ["w", "web", "front"],
            "DriverOpts": {"com.docker.network.endpoint.ifname": "eth9"},
        },
        {"Target": "app_side", "Aliases": ["front"]},
    ]
    assert web.body["DependsOn"] == {"app_db": {"Condition": "service_started"}}


@pytest.mark.parametrize(("mode", "target"), [("host", "host"), ("none", "none"), ("bridge", "bridge")])
def test_networks_of_the_node(mode: str, target: str):
    assert template_of(f"network_mode: {mode}")["Networks"] == [{"Target": target}]


JOBS = """
services: {db: {image: redis}}
jobs:
  backup:
    image: busybox
    depends_on: {db: {condition: service_healthy}}
    environment: {KEY: "${VALUE}"}
    triggers:
      schedule: [{cron: "0 3 * * *", timezone: Europe/Paris, concurrency: queue, missed_fires: skip}]
  once: {image: busybox, triggers: {manual: true}}
  closed: {image: busybox, triggers: {manual: false, schedule: ["* * * * *"]}}
  sleeping: {image: busybox, profiles: [x], triggers: {manual: true}}
"""


def test_jobs():
    stack = stack_from(JOBS, env={"VALUE": "v"})
    bodies = {one.key: one.body for one in stack.services}
    assert list(bodies) == ["db", "backup", "once", "closed"]
    assert bodies["backup"]["Schedule"] == {
        "Cron": "0 3 * * *",
        "Timezone": "Europe/Paris",
        "Concurrency": "queue",
        "MissedFires": "skip",
    }
    assert bodies["backup"]["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
    assert bodies["backup"]["DependsOn"] == {"app_db": {"Condition": "service_healthy"}}
    assert bodies["backup"]["TaskTemplate"]["ContainerSpec"]["Env"] == ["KEY=v"]
    assert bodies["closed"]["Schedule"]["MissedFires"] == "one"
    assert bodies["once"]["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 0}}
    assert "Schedule" not in bodies["once"]
    assert [bodies[name]["Labels"]["shoal.stack.job.manual"] for name in ("once", "closed")] == ["true", "false"]


@pytest.mark.parametrize(
    ("triggers", "message"),
    [
        ("{manual: false}", "jobs.j.triggers.manual: .*nothing would ever start it"),
        ("{schedule: ['* * *']}", "jobs.j.triggers.schedule.0: .*five fields"),
        ("{schedule: ['* * * * *', '1 * * * *']}", "jobs.j.triggers.schedule.1: .*a job has one schedule"),
    ],
)
def test_jobs_that_are_refused(triggers: str, message: str):
    with pytest.raises(NotSupported, match=r"^compose.yaml:2:\d+: " + message):
        stack_from(f"services: {{}}\njobs: {{j: {{image: x, triggers: {triggers}}}}}")


def test_a_service_and_a_job_of_one_name():
    with pytest.raises(InvalidArgument, match=r"^compose.yaml:2:\d+: jobs.j: there is a service"):
        stack_from("services: {j: {image: x}}\njobs: {j: {image: x, triggers: {manual: true}}}")


FILES = """
services:
  a:
    image: x
    secrets: [s, {source: outer, target: pw, uid: "1", gid: "2", mode: 0o400}]
    configs: [c, {source: env, target: /etc/env}]
secrets:
  s: {file: ./s}
  outer: {external: true, name: theirs}
configs:
  c: {content: "hello"}
  env: {environment: WORD, template_driver: golang, labels: {l: "1"}}
"""


def test_secrets_and_configs():
    stack = stack_from(FILES, env={"WORD": "w"}, contents={"/srv/app/s": b"pw"})
    container = stack.services[0].body["TaskTemplate"]["ContainerSpec"]
    usual = {"UID": "0", "GID": "0", "Mode": 0o444}
    assert container["Secrets"] == [
        {"File": {"Name": "s", **usual}, "SecretName": "app_s"},
        {"File": {"Name": "pw", "UID": "1", "GID": "2", "Mode": 0o400}, "SecretName": "theirs"},
    ]
    assert container["Configs"] == [
        {"File": {"Name": "c", **usual}, "ConfigName": "app_c"},
        {"File": {"Name": "/etc/env", **usual}, "ConfigName": "app_env"},
    ]
    secret, outer = stack.secrets
    assert secret.body["Data"] == "cHc=" and outer.external
    assert secret.body["Labels"] == {**NAMESPACE, "shoal.stack.content": secret.digest}
    assert stack.configs[1].body == {
        "Name": "app_env",
        "Labels": {"l": "1", **NAMESPACE},
        "Data": "dw==",
        "Templating": {"Name": "golang"},
    }


def test_a_secret_that_is_too_large_or_not_there():
    with pytest.raises(InvalidArgument, match=r"secrets\.s: 600000 bytes, at most 512000"):
        stack_from(FILES, env={"WORD": ""}, contents={"/srv/app/s": b"x" * 600_000})
    with pytest.raises(InvalidArgument, match='environment variable "WORD" required by config "env" is not set'):
        stack_from(FILES)


def test_names_of_stacks():
    assert stack_from("services: {A: {image: x}}", name="My.Stack").services[0].name == "My.Stack_A"
    assert stack_from("name: own\nservices: {a: {image: x}}", name="").name == "own"
    with pytest.raises(InvalidArgument, match="the stack needs a name"):
        stack_from("services: {a: {image: x}}", name="")
    with pytest.raises(InvalidArgument, match='invalid stack name: "a/b"'):
        stack_from("services: {a: {image: x}}", name="a/b")


def test_what_is_built_is_named_in_small_letters():
    stack = stack_from("services: {Web: {build: .}}", name="My")
    assert stack.services[0].image == "my-web"


@pytest.mark.parametrize("text", [NAMES, MOUNTS, JOBS, FILES])
def test_the_api_reads_every_key_and_shows_the_same(text: str):
    """What comes back from a manager differs in nothing: a second deploy finds nothing to do."""
    for service in stack_from(text, env={"WORD": "w", "VALUE": "v"}).services:
        assert unknown_keys(service.body) == []
        shown = encode_service_spec(decode_service_spec(service.body))
        assert differences(shown, service.body) == ()
