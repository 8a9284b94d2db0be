"""Spellings of service keys and the values that they come to."""

from typing import Any

import pytest

from shoal.compose.parts import BlkioConfig, Device, DeviceRequest, FileRef, HealthCheck
from tests.support.compose_projects import project_of, service_of


@pytest.mark.parametrize(
    ("text", "field", "wanted"),
    [
        ("command: echo 'a b' $$HOME \\n", "command", ("echo", "a b", "$HOME", "n")),
        ("command: [echo, a b, 5x]", "command", ("echo", "a b", "5x")),
        ("command:", "command", None),
        ("command: []", "command", ()),
        ("entrypoint: ''", "entrypoint", ()),
        (
            "environment: {A: 1, B: true, C: 1.50, D: 1e3, E: 0o17, F: , discovery.type: single-node, G: 21:21}",
            "environment",
            {
                "A": "1",
                "B": "true",
                "C": "1.5",
                "D": "1000",
                "E": "15",
                "F": None,
                "discovery.type": "single-node",
                "G": "21:21",
            },
        ),
        ("environment: [A=1=2, B, C=]", "environment", {"A": "1=2", "B": None, "C": ""}),
        ("labels: [a=b, c]", "labels", {"a": "b", "c": ""}),
        ("restart: no", "restart", "no"),
        ("init: 'true'", "init", True),
        ("tty: yes", "tty", True),
        ("privileged: 'off'", "privileged", False),
        ("stop_grace_period: 1m30s", "stop_grace_period_s", 90.0),
        ("dns: 1.1.1.1", "dns", ("1.1.1.1",)),
        ("tmpfs: [/run, '/tmp:size=1m']", "tmpfs", ("/run", "/tmp:size=1m")),
        ("extra_hosts: {a: 1.1.1.1, b: [2.2.2.2, '[::1]']}", "extra_hosts", ("a:1.1.1.1", "b:2.2.2.2", "b:::1")),
        ("extra_hosts: ['a:::1', b=3.3.3.3]", "extra_hosts", ("a:::1", "b:3.3.3.3")),
        ("expose: [3000, '4000-4002/udp']", "expose", ("3000", "4000-4002/udp")),
        ("group_add: [27, staff]", "group_add", ("27", "staff")),
        ("shm_size: 1.5gb", "shm_size_bytes", 3 << 29),
        ("sysctls: [net.core.somaxconn=1024]", "sysctls", {"net.core.somaxconn": "1024"}),
        (
            "ulimits: {nproc: '5', nofile: {soft: 1, hard: 2}, core: 0}",
            "ulimits",
            {"nproc": (5, 5), "nofile": (1, 2), "core": (0, 0)},
        ),
        (
            "devices: ['/dev/a', '/dev/b:/dev/c', '/dev/d:/dev/e:r', {source: /dev/f, permissions: rw}]",
            "devices",
            (
                Device(source="/dev/a", target="/dev/a"),
                Device(source="/dev/b", target="/dev/c"),
                Device(source="/dev/d", target="/dev/e", permissions="r"),
                Device(source="/dev/f", target="/dev/f", permissions="rw"),
            ),
        ),
        ("gpus: all", "device_requests", (DeviceRequest(count=-1, capabilities=("gpu",)),)),
        (
            "deploy: {resources: {reservations: {devices: [{capabilities: [tpu], device_ids: ['0']}]}}}",
            "device_requests",
            (DeviceRequest(device_ids=("0",), capabilities=("tpu",)),),
        ),
        (
            "healthcheck: {test: curl x, retries: '3'}",
            "healthcheck",
            HealthCheck(test=("CMD-SHELL", "curl x"), retries=3),
        ),
        ("healthcheck: {test: [NONE]}", "healthcheck", HealthCheck(test=("NONE",), disable=True)),
        ("scale: '3'", "scale", 3),
        ("deploy: {replicas: 0}", "scale", 0),
        ("pid:", "pid", ""),
        ("pull_policy: if_not_present", "pull_policy", "missing"),
    ],
)
def test_spellings(text: str, field: str, wanted: Any):
    assert getattr(service_of(text), field) == wanted


@pytest.mark.parametrize(
    ("text", "field", "wanted"),
    [
        ("cpus: '0.5'", "nano_cpus", 5 * 10**8),
        ("deploy: {resources: {limits: {cpus: '0.25'}}}", "nano_cpus", 25 * 10**7),
        ("mem_limit: 64m", "memory_bytes", 64 << 20),
        ("mem_limit: 1000000", "memory_bytes", 1_000_000),
        ("deploy: {resources: {limits: {memory: 64M}}}", "memory_bytes", 64 << 20),
        ("deploy: {resources: {reservations: {memory: 1g}}}", "memory_reservation_bytes", 1 << 30),
        ("memswap_limit: -1", "memory_swap_bytes", -1),
        ("mem_swappiness: 0", "memory_swappiness", 0),
        ("pids_limit: -1", "pids", -1),
        ("deploy: {resources: {limits: {pids: 9}}}", "pids", 9),
        ("cpu_period: 50ms", "cpu_period_us", 50_000),
        ("cpu_period: 50000", "cpu_period_us", 50_000),
        ("cpuset: '0,1'", "cpuset", "0,1"),
        (
            "blkio_config: {weight: 300, device_read_bps: [{path: /dev/a, rate: 12mb}], "
            "weight_device: [{path: /b, weight: 9}]}",
            "blkio",
            BlkioConfig(weight=300, weight_device={"/b": 9}, device_read_bps={"/dev/a": 12 << 20}),
        ),
    ],
)
def test_limits_in_both_spellings(text: str, field: str, wanted: Any):
    assert getattr(service_of(text).limits, field) == wanted


def test_uses_of_configs_and_secrets():
    project = project_of("""
services:
  a:
    image: x
    secrets: [one, {source: two, target: sub/two, uid: "5", mode: 0400}, {source: two, target: /abs, mode: "0644"}]
    configs: [c, {source: c, target: /etc/c, mode: 288}]
secrets: {one: {file: ~/one}, two: {file: /two}}
configs: {c: {content: x}}
""")
    a = project.services["a"]
    assert a.secrets == (
        FileRef(source="one", target="/run/secrets/one"),
        FileRef(source="two", target="/run/secrets/sub/two", uid="5", mode=0o400),
        FileRef(source="two", target="/abs", mode=0o644),
    )
    assert a.configs == (FileRef(source="c", target="/c"), FileRef(source="c", target="/etc/c", mode=0o440))
    assert (project.secrets["one"].file, project.secrets["two"].file) == ("/home/me/one", "/two")


def test_builds():
    build = service_of(
        "build: {context: ./app, args: [A=1, B], secrets: [], extra_hosts: [h=1.1.1.1]}", env={"B": "2"}
    ).build
    assert (build.context, build.dockerfile, build.args) == ("/srv/app/app", "Dockerfile", {"A": "1", "B": "2"})
    assert service_of("build: https://example.org/x.git#main:sub").build.context == "https://example.org/x.git#main:sub"
    assert service_of("build: git@example.org:x/y.git").build.context == "git@example.org:x/y.git"
    inline = service_of("build: {dockerfile_inline: 'FROM x'}").build
    assert (inline.context, inline.dockerfile, inline.dockerfile_inline) == ("/srv/app", "", "FROM x")
    assert service_of("build: {args: [NOT_SET]}").build.args == {}
