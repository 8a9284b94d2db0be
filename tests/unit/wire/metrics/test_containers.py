"""What is told of containers."""

from dataclasses import replace

from shoal.model.container import Container, ContainerSpec, ContainerStatus, HostSpec
from shoal.model.health import Health, HealthStatus
from shoal.model.resources import Resources
from shoal.model.usage import BlockUsage, CpuUsage, MemoryUsage, NetworkUsage, Usage
from shoal.wire.metrics.containers import container_families, reading
from shoal.wire.metrics.exposition import page

WEB = Container(
    id="ab" * 32,
    name="shop-web-1",
    spec=ContainerSpec(
        image="nginx:1",
        labels={"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
        host=HostSpec(resources=Resources(nano_cpus=1_500_000_000)),
    ),
    argv=("nginx",),
    image_id="sha256:1",
    created_at=0,
    status=ContainerStatus.RUNNING,
    started_at=5_000_000_000,
    restart_count=2,
    health=Health(status=HealthStatus.UNHEALTHY),
)
LABELS = 'id="abababababab",name="shop-web-1",image="nginx:1",project="shop",service="web"'
USAGE = Usage(
    at=0,
    cgroup_version=2,
    cpu=CpuUsage(total_ns=3_000_000_000, user_ns=2_000_000_000, system_ns=1_000_000_000),
    memory=MemoryUsage(usage_bytes=1000, limit_bytes=5000, failures=7, details={"inactive_file": 300, "file": 400}),
    block_bytes=(BlockUsage(8, 0, "read", 10), BlockUsage(8, 0, "write", 20), BlockUsage(8, 0, "sync", 30)),
    block_ops=(BlockUsage(8, 0, "read", 1), BlockUsage(8, 0, "write", 2)),
    networks=(NetworkUsage(name="eth0", rx_bytes=100, tx_bytes=200), NetworkUsage(name="eth1", rx_bytes=5)),
    pids=4,
)


def _lines(*pairs: tuple[Container, Usage | None]) -> list[str]:
    text = page(container_families([reading(container, usage) for container, usage in pairs]))
    return [line.removeprefix("shoal_container_") for line in text.splitlines() if not line.startswith("#")]


def test_a_running_container_of_a_compose_service():
    lines = _lines((WEB, USAGE))
    for line in (
        f'state{{{LABELS},state="running"}} 1',
        f'health{{{LABELS},status="unhealthy"}} 1',
        f"start_time_seconds{{{LABELS}}} 5.0",
        f"restarts_total{{{LABELS}}} 2",
        f"cpu_seconds_total{{{LABELS}}} 3.0",
        f"cpu_user_seconds_total{{{LABELS}}} 2.0",
        f"cpu_system_seconds_total{{{LABELS}}} 1.0",
        f"cpu_limit{{{LABELS}}} 1.5",
        f"memory_usage_bytes{{{LABELS}}} 1000",
        f"memory_working_set_bytes{{{LABELS}}} 700",
        f"memory_cache_bytes{{{LABELS}}} 400",
        f"memory_limit_bytes{{{LABELS}}} 5000",
        f"memory_failures_total{{{LABELS}}} 7",
        f"pids{{{LABELS}}} 4",
        f'network_receive_bytes_total{{{LABELS},interface="eth0"}} 100',
        f'network_receive_bytes_total{{{LABELS},interface="eth1"}} 5',
        f'network_transmit_bytes_total{{{LABELS},interface="eth0"}} 200',
        f'block_read_bytes_total{{{LABELS},device="8:0"}} 10',
        f'block_written_bytes_total{{{LABELS},device="8:0"}} 20',
        f'block_reads_total{{{LABELS},device="8:0"}} 1',
        f'block_writes_total{{{LABELS},device="8:0"}} 2',
    ):
        assert line in lines


def test_limits_that_are_not_set_are_not_told():
    told = {line.partition("{")[0] for line in _lines((WEB, replace(USAGE, memory=MemoryUsage(usage_bytes=1))))}
    assert not told & {"memory_limit_bytes", "pids_limit", "cpu_throttled_periods_total", "exit_code"}


def test_throttling_is_told_once_there_were_periods():
    cpu = CpuUsage(total_ns=1, periods=10, throttled_periods=4, throttled_ns=500_000_000)
    lines = _lines((WEB, replace(USAGE, cpu=cpu)))
    assert f"cpu_periods_total{{{LABELS}}} 10" in lines
    assert f"cpu_throttled_periods_total{{{LABELS}}} 4" in lines
    assert f"cpu_throttled_seconds_total{{{LABELS}}} 0.5" in lines


def test_memory_of_cgroup_v1_counts_what_lies_below_too():
    memory = MemoryUsage(usage_bytes=900, details={"inactive_file": 1, "total_inactive_file": 200, "total_cache": 250})
    lines = _lines((WEB, replace(USAGE, cgroup_version=1, memory=memory)))
    assert f"memory_working_set_bytes{{{LABELS}}} 700" in lines and f"memory_cache_bytes{{{LABELS}}} 250" in lines


def test_a_container_that_has_ended_has_its_exit_code_and_no_usage():
    ended = replace(WEB, status=ContainerStatus.EXITED, exit_code=137, finished_at=9)
    assert _lines((ended, None)) == [
        f'state{{{LABELS},state="exited"}} 1',
        f"restarts_total{{{LABELS}}} 2",
        f"exit_code{{{LABELS}}} 137",
        f"cpu_limit{{{LABELS}}} 1.5",
    ]


def test_a_task_of_a_stack_bears_its_service_and_stack():
    labels = {"com.docker.stack.namespace": "shop", "com.docker.swarm.service.name": "shop_web"}
    task = replace(WEB, name="shop_web.1.xyz", spec=replace(WEB.spec, labels=labels))
    assert 'project="shop",service="shop_web"' in _lines((task, USAGE))[0]
