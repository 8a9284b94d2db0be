"""Bodies of POST /containers/create: what they come to, and what is refused in Docker's words."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shoal.errors import InvalidArgument
from shoal.model.container import RestartMode
from shoal.model.endpoint import EndpointSettings, PortBinding
from shoal.model.mount import MemoryFile, MountType
from shoal.wire.container.create import decode_container, encode_config, encode_host
from shoal.wire.container.mounts import decode_contents

GOLDEN = Path(__file__).parents[3] / "golden" / "containers"


def decode(host: dict[str, Any] | None = None, **config: Any) -> Any:
    return decode_container({"Image": "busybox", **config, "HostConfig": host or {}})


@pytest.mark.parametrize("name", ["cli_run", "compose_up", "everything"])
def test_config_and_hostconfig_are_echoed(name: str) -> None:
    """What a client sent comes back from inspect: clients compare."""
    body = json.loads((GOLDEN / f"{name}.json").read_text())
    spec = decode_container(body)
    host = encode_host(spec.host)
    sent = {key: value for key, value in body["HostConfig"].items() if value not in (None, [], {}, "")}
    assert {key: host.get(key) for key in sent} == sent
    config = encode_config(spec)
    wanted = {k: v for k, v in body.items() if k not in ("HostConfig", "NetworkingConfig") and v not in (None, [], {})}
    assert {key: config.get(key) for key in wanted} == wanted


def test_files_in_memory_are_declared() -> None:
    files = [{"Target": "/run/secrets/a", "UID": 5, "GID": 6, "Mode": 0o400}, {"Target": "/b", "Mode": 0o755}]
    spec = decode({"MemoryFiles": files})
    assert spec.host.memory_files == (
        MemoryFile(target="/run/secrets/a", uid=5, gid=6, mode=0o400),
        MemoryFile(target="/b", mode=0o755),
    )
    assert encode_host(spec.host)["MemoryFiles"] == files
    assert "MemoryFiles" not in encode_host(decode().host)


@pytest.mark.parametrize(
    "file",
    [
        *({"Target": target} for target in ("b", "/", "/a/../b", "/a/", "")),
        *({"Target": "/b", key: value} for key in ("UID", "GID") for value in (-1, 2**32 - 1)),
        {"Target": "/b", "Mode": 0o10000},
        {"Target": "/b", "Mode": -1},
    ],
    ids=str,
)
def test_files_in_memory_that_can_not_be(file: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=r"HostConfig\.MemoryFiles\.0"):
        decode({"MemoryFiles": [file]})


def test_contents_of_files_in_memory_are_never_repeated() -> None:
    assert decode_contents({"Files": {"/b": "AP8="}}) == {"/b": b"\x00\xff"}
    for body in ({"Files": {"/b": "hush!"}}, {"Files": {"/b": ["hush"]}}, {"Files": "hush"}, {"Files": {"/b": "hüsh"}}):
        with pytest.raises(InvalidArgument) as refusal:
            decode_contents(body)
        assert "hush" not in str(refusal.value) and "hüsh" not in str(refusal.value)


def test_typed_fields() -> None:
    spec = decode_container(json.loads((GOLDEN / "everything.json").read_text()))
    host = spec.host
    assert spec.entrypoint == ("/entry",) and spec.cmd == ("serve", "--port=80")
    assert spec.stop_timeout_s == 3 and spec.healthcheck is not None and spec.healthcheck.retries == 4
    assert host.restart.mode is RestartMode.ON_FAILURE and host.restart.max_retries == 5
    assert PortBinding(container_port=80, protocol="tcp", host_ip="127.0.0.1", host_port="8080") in host.ports
    assert PortBinding(container_port=53, protocol="udp", host_ip="", host_port="5300-5310") in host.ports
    assert [m.type for m in host.mounts] == [MountType.BIND, MountType.VOLUME, MountType.TMPFS]
    assert host.mounts[1].volume is not None and host.mounts[1].volume.driver_options == {"type": "nfs"}
    assert host.resources.nano_cpus == 1_500_000_000 and host.resources.pids_limit == 50
    assert host.resources.devices[0].path_in_container == "/dev/zero2"
    assert spec.endpoints["back"] == EndpointSettings(
        aliases=("db",), ipv4_address="10.1.0.9", mac_address="02:42:ac:11:00:09", priority=7
    )


def test_exposed_ranges_are_spread_out() -> None:
    assert decode(ExposedPorts={"8000-8002/udp": {}, "80": {}}).exposed_ports == (
        "8000/udp",
        "8001/udp",
        "8002/udp",
        "80/tcp",
    )


def test_entrypoint_may_be_one_string() -> None:
    assert decode(Entrypoint="/bin/sh").entrypoint == ("/bin/sh",)
    assert decode(Entrypoint=None).entrypoint is None
    assert decode(Entrypoint=[]).entrypoint == ()
    assert decode(Entrypoint=[""]).entrypoint == ("",)


def test_old_clients_mean_a_shallow_read_only() -> None:
    body = {
        "Image": "x",
        "HostConfig": {"Mounts": [{"Type": "bind", "Source": "/s", "Target": "/t", "ReadOnly": True}]},
    }
    (old,) = decode_container(body, (1, 43)).host.mounts
    (new,) = decode_container(body, (1, 44)).host.mounts
    assert old.bind is not None and old.bind.read_only_non_recursive
    assert new.bind is None


MOUNT = {"Type": "bind", "Source": "/s", "Target": "/t"}

BAD_HOST = [
    (
        {"AutoRemove": True, "RestartPolicy": {"Name": "always"}},
        "can't create 'AutoRemove' container with restart policy",
    ),
    ({"RestartPolicy": {"Name": "maybe"}}, "invalid restart policy: unknown policy 'maybe'"),
    (
        {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 2}},
        "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    ),
    ({"Memory": 1024}, "Minimum memory limit allowed is 6MB"),
    ({"Memory": 1 << 30, "MemorySwap": 1 << 29}, "Minimum memoryswap limit should be larger than memory limit"),
    ({"MemorySwap": 1 << 30}, "You should always set the Memory limit when using Memoryswap limit"),
    ({"Memory": 1 << 30, "MemoryReservation": 1 << 31}, "Minimum memory limit can not be less than memory reservation"),
    ({"MemorySwappiness": 101}, "valid memory swappiness range is 0-100"),
    ({"NanoCpus": 1, "CpuQuota": 5000}, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
    ({"NanoCpus": 1, "CpuPeriod": 5000}, "Conflicting options: Nano CPUs and CPU Period cannot both be set"),
    ({"CpuPeriod": 5}, "CPU cfs period can not be less than 1ms"),
    ({"CpuQuota": 5}, "CPU cfs quota can not be less than 1ms"),
    ({"CpusetCpus": "a-b"}, "Invalid value a-b for cpuset cpus"),
    ({"BlkioWeight": 5}, "range of blkio weight is from 10 to 1000"),
    ({"OomScoreAdj": 1001}, "range for oom score adj is [-1000, 1000]"),
    ({"CapAdd": ["FLY"]}, 'invalid CapAdd: unknown capability: "CAP_FLY"'),
    ({"IpcMode": "weird"}, "invalid IPC mode: weird"),
    ({"PidMode": "container:"}, "invalid PID mode: container:"),
    ({"ExtraHosts": ["x"]}, 'bad format for add-host: "x"'),
    ({"ExtraHosts": ["x:1.2.3.400"]}, 'invalid IP address in add-host: "1.2.3.400"'),
    ({"PortBindings": {"80/tcp": [{"HostPort": "99999"}]}}, 'invalid port specification: "99999"'),
    ({"PortBindings": {"80/carrier": []}}, 'invalid port specification: "80/carrier"'),
    ({"PortBindings": {"80/tcp": [{"HostIp": "1.2.3"}]}}, "invalid IP address: 1.2.3"),
    ({"Mounts": [MOUNT | {"Target": ""}]}, 'invalid mount config for type "bind": field Target must not be empty'),
    ({"Mounts": [MOUNT | {"Source": ""}]}, 'invalid mount config for type "bind": field Source must not be empty'),
    ({"Mounts": [MOUNT | {"Target": "t"}]}, "invalid mount path: 't' mount path must be absolute"),
    ({"Mounts": [MOUNT | {"Type": "magic"}]}, 'mount type unknown: "magic"'),
    ({"Mounts": [{"Type": "tmpfs", "Target": "/t", "Source": "x"}]}, "field Source must not be specified"),
    ({"Mounts": [{"Type": "volume", "Target": "/t", "VolumeOptions": {"Subpath": "../x"}}]}, "relative path"),
    (
        {"NetworkMode": "container:a", "PortBindings": {"80/tcp": [{}]}},
        "port publishing and the container type network",
    ),
    ({"NetworkMode": "container:"}, "invalid container format container:<name|id>"),
    ({"NetworkMode": "host", "Links": ["a:b"]}, "host type networking can't be used with links"),
    ({"Ulimits": [{"Name": "nofile", "Soft": 9, "Hard": 5}]}, "ulimit soft limit must be less than or equal to hard"),
    ({"SecurityOpt": ["nonsense"]}, 'invalid --security-opt 1: "nonsense"'),
    ({"Memory": "1g"}, "HostConfig.Memory: expected a whole number, got a string"),
    ({"Binds": "a:b"}, "HostConfig.Binds: expected an array, got a string"),
    ({"Mounts": [{"Type": "bind", "Source": 5}]}, "HostConfig.Mounts.0.Source: expected a string, got a number"),
]
BAD_CONFIG = [
    ({"Image": ""}, "no image specified"),
    ({"WorkingDir": "srv"}, "the working directory 'srv' is invalid, it needs to be an absolute path"),
    ({"Env": ["=x"]}, "invalid environment variable: =x"),
    ({"StopSignal": "NOPE"}, "invalid signal: NOPE"),
    ({"Healthcheck": {"Test": ["CMD", "x"], "Interval": 5}}, "Interval in Healthcheck cannot be less than 1ms"),
    ({"Healthcheck": {"Test": ["CMD", "x"], "Retries": -1}}, "Retries in Healthcheck cannot be negative"),
    ({"ExposedPorts": {"0/tcp": {}}}, 'invalid port specification: "0"'),
    ({"MacAddress": "12:34"}, "invalid MAC address: 12:34"),
    ({"Env": [1]}, "Env.0: expected a string, got a number"),
    ({"Labels": ["a=b"]}, "Labels: expected an object, got an array"),
]


@pytest.mark.parametrize(("host", "words"), BAD_HOST)
def test_bad_host_config(host: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(words)):
        decode(host)


@pytest.mark.parametrize(("config", "words"), BAD_CONFIG)
def test_bad_config(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(words)):
        decode(**config)


def test_empty_body() -> None:
    with pytest.raises(InvalidArgument, match="config cannot be empty in order to create a container"):
        decode_container({})


@pytest.mark.parametrize(
    "host",
    [
        {"Dns": ["1.1.1.1\nnameserver 6.6.6.6"]},
        {"Dns": ["fe80::1%eth0\nsearch x"]},
        {"Dns": ["nosuch"]},
        {"DnsSearch": ["a\nnameserver 6.6.6.6"]},
        {"DnsOptions": ["ndots:1\nnameserver 6.6.6.6"]},
        {"ExtraHosts": ["a\n6.6.6.6 b:1.2.3.4"]},
        {"ExtraHosts": ["a:::1%\n6.6.6.6 b"]},
        {"PortBindings": {"80/sctp": [{"HostIp": "::1%} ; flush ruleset"}]}},
        {"CgroupParent": "a\nb"},
        {"CgroupParent": "x" * 70_000},
        {"CpusetCpus": "9" * 5_000},
        {"Isolation": "hyperv"},
        {"Memory": 10**30},
    ],
)
def test_nothing_is_smuggled_into_files_and_rules(host: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        decode(host)


@pytest.mark.parametrize("config", [{"Hostname": "a\n6.6.6.6 b"}, {"Domainname": "a b"}, {"Domainname": "x" * 300}])
def test_own_names(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        decode(**config)


def test_addresses_with_a_zone() -> None:
    assert decode({"Dns": ["fe80::1%eth0"]}).host.dns == ("fe80::1%eth0",)
    with pytest.raises(InvalidArgument):
        decode_container(
            {
                "Image": "x",
                "NetworkingConfig": {"EndpointsConfig": {"n": {"IPAMConfig": {"IPv6Address": "fd00::1%} drop"}}}},
            }
        )
