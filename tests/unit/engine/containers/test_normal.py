"""What the engine fills in, and what it refuses on this machine."""

from dataclasses import replace
from typing import Any

import pytest

from shoal.engine.containers.logs import log_limits
from shoal.engine.containers.normal import fill_in
from shoal.engine.containers.parts import Machine
from shoal.engine.containers.update import merge_update
from shoal.errors import InvalidArgument
from shoal.model.container import Container, ContainerSpec, LogConfig
from shoal.model.endpoint import EndpointSettings
from shoal.model.resources import DeviceRequest, Resources, Ulimit
from shoal.oci.runtime_spec import Permits
from shoal.oci.runtime_spec.paths import MASKED_PATHS
from tests.support.containers import container_of, spec_of

ID = "d" * 64
OTHER = container_of(id="e" * 64, name="other", hostname="others-name")


def machine(**permits: Any) -> Machine:
    return Machine(
        permits=Permits(**permits),
        cpus=2,
        memory_bytes=1 << 30,
        hostname="host",
        now_ns=lambda: 0,
        new_id=lambda: ID,
        choose=lambda below: 0,
        compile_seccomp=lambda section: {},
        mount_tmpfs=lambda path, options: None,
        unmount=lambda path: None,
    )


def fill(spec: ContainerSpec, **permits: Any) -> tuple[ContainerSpec, tuple[str, ...]]:
    def resolve(reference: str) -> Container:
        assert reference in (OTHER.name, OTHER.id)
        return OTHER

    return fill_in(spec, ID, machine(**permits), resolve)


def test_defaults_as_docker_shows_them() -> None:
    spec, warnings = fill(spec_of())
    host = spec.host
    assert (spec.hostname, host.network_mode, host.ipc_mode, host.cgroupns_mode) == (
        ID[:12],
        "bridge",
        "private",
        "private",
    )
    assert (host.runtime, host.log.driver, host.masked_paths) == ("crun", "json-file", MASKED_PATHS)
    assert spec.endpoints == {"bridge": EndpointSettings()} and warnings == ()
    assert fill(spec_of(), cgroup_version=1)[0].host.cgroupns_mode == "host"


def test_what_this_machine_hides_besides_is_hidden_too() -> None:
    spec, _ = fill(spec_of(), masked_paths=("/sys/hot",))
    assert spec.host.masked_paths == (*MASKED_PATHS, "/sys/hot")
    assert fill(spec_of(masked_paths=("/x",)), masked_paths=("/sys/hot",))[0].host.masked_paths == ("/x",)


def test_swap_is_twice_the_memory() -> None:
    spec, warnings = fill(spec_of(resources=Resources(memory_bytes=1 << 26)), swap_limit=False)
    assert spec.host.resources.memory_swap_bytes == 1 << 27
    assert warnings == (
        "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
        "Memory limited without swap.",
    )


def test_real_time_scheduling_is_of_cgroup_v1() -> None:
    spec = spec_of(resources=Resources(cpu_realtime_runtime_us=1000))
    assert fill(spec, cgroup_version=1)[0].host.resources.cpu_realtime_runtime_us == 1000
    with pytest.raises(InvalidArgument, match=r"^your kernel does not support CPU real-time scheduler$"):
        fill(spec, cgroup_version=2)


def test_what_is_discarded_or_lowered_is_said() -> None:
    resources = Resources(blkio_weight=300, ulimits=(Ulimit(name="nofile", soft=9, hard=9),))
    _, warnings = fill(spec_of(resources=resources), blkio_weight=False, capabilities=(), hard_limits={"nofile": 5})
    assert len(warnings) == 2
    assert warnings[0].startswith("Your kernel does not support Block I/O weight")
    assert warnings[1] == "ulimit nofile: 9 lowered to 5, the engine's own hard limit"


def test_modes_of_other_containers_become_ids() -> None:
    spec, _ = fill(spec_of(network_mode="container:other", pid_mode="container:other", ipc_mode="container:other"))
    assert {spec.host.network_mode, spec.host.pid_mode, spec.host.ipc_mode} == {f"container:{OTHER.id}"}
    assert spec.endpoints == {} and spec.hostname == "others-name"


def test_the_hosts_network_has_the_hosts_name() -> None:
    assert fill(spec_of(network_mode="host"))[0].hostname == "host"


def test_endpoints_that_are_asked_for_replace_the_mode() -> None:
    asked = {"back": EndpointSettings(aliases=("db",))}
    assert fill(spec_of(endpoints=asked, network_mode="front"))[0].endpoints == asked
    assert set(fill(spec_of(endpoints={"default": EndpointSettings()}))[0].endpoints) == {"bridge"}


def test_privileged_ones_see_everything() -> None:
    assert fill(spec_of(privileged=True))[0].host.masked_paths is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"storage_opt": {"size": "1G"}}, "--storage-opt is not supported"),
        ({"runtime": "kata"}, "unknown or invalid runtime name: kata"),
        ({"log": LogConfig(driver="gelf")}, "logger: no log driver named 'gelf' is registered"),
        (
            {"resources": Resources(nano_cpus=3_000_000_000)},
            "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs",
        ),
        ({"resources": Resources(cpuset_cpus="0-2")}, "requested 0-2, available: 0-1"),
        (
            {"resources": Resources(device_requests=(DeviceRequest(capabilities=(("gpu",),)),))},
            r'could not select device driver "" with capabilities: \[\[gpu\]\]',
        ),
    ],
)
def test_refused_here(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        fill(spec_of(**fields))


def test_a_name_of_its_own_needs_a_namespace_of_its_own() -> None:
    fill(spec_of(uts_mode="host"))
    with pytest.raises(InvalidArgument, match="conflicting options: hostname and the UTS mode"):
        fill(replace(spec_of(uts_mode="host"), hostname="x"))


@pytest.mark.parametrize(
    ("config", "limits"),
    [
        (LogConfig(driver="json-file"), (0, 1)),
        (LogConfig(driver="json-file", options={"max-size": "10m", "max-file": "3"}), (10 << 20, 3)),
        (LogConfig(driver="local"), (20 << 20, 5)),
        (LogConfig(driver="json-file", options={"max-size": "1.5k"}), (1536, 1)),
    ],
)
def test_log_limits(config: LogConfig, limits: tuple[int, int]) -> None:
    assert log_limits(config) == limits


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"speed": "1"}, "unknown log opt 'speed' for json-file log driver"),
        ({"max-size": "much"}, "invalid size: 'much'"),
        ({"max-file": "0"}, "max-file cannot be less than 1"),
        ({"max-file": "2"}, "max-file cannot be used without max-size"),
    ],
)
def test_bad_log_options(options: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        log_limits(LogConfig(driver="json-file", options=options))


def test_updates_change_only_what_they_name() -> None:
    now = Resources(memory_bytes=1 << 26, memory_swap_bytes=1 << 27, cpu_shares=5)
    changed = merge_update(now, Resources(cpu_shares=7, pids_limit=9))
    assert changed == Resources(memory_bytes=1 << 26, memory_swap_bytes=1 << 27, cpu_shares=7, pids_limit=9)


@pytest.mark.parametrize(
    ("now", "wanted", "words"),
    [
        (Resources(cpu_quota_us=5000), Resources(nano_cpus=1), "Nano CPUs cannot be updated as CPU Quota has already"),
        (Resources(nano_cpus=1), Resources(cpu_period_us=5000), "CPU Period cannot be updated as NanoCPUs has already"),
        (
            Resources(memory_bytes=1 << 26, memory_swap_bytes=1 << 27),
            Resources(memory_bytes=1 << 28),
            "Memory limit should be smaller than already set memoryswap limit",
        ),
    ],
)
def test_updates_that_clash(now: Resources, wanted: Resources, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        merge_update(now, wanted)
