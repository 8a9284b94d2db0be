"""Metrics of containers: what they are, and what they use."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from shoal.model.container import Container
from shoal.model.health import HealthStatus
from shoal.model.usage import BlockUsage, Usage
from shoal.wire.metrics.exposition import Family, Sample, joined, label_text

_PROJECT_LABELS = ("com.docker.compose.project", "com.docker.stack.namespace")
_SERVICE_LABELS = ("com.docker.compose.service", "com.docker.swarm.service.name")
_ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Reading:
    """A container, what it uses (None: it does not run), and its labels as text."""

    container: Container
    usage: Usage | None
    labels: str


@dataclass(frozen=True, slots=True)
class _Column:
    """One metric of every container. value: None where a container has none of it"""

    name: str
    kind: str
    help: str
    value: Callable[[Reading], float | None]


def reading(container: Container, usage: Usage | None) -> Reading:
    """A container's reading, labelled with id (12 digits), name, image, and its project or stack and service."""
    labels = container.spec.labels
    return Reading(
        container,
        usage,
        label_text(
            {
                "id": container.id[:_ID_LENGTH],
                "name": container.name,
                "image": container.spec.image,
                "project": next((labels[name] for name in _PROJECT_LABELS if name in labels), ""),
                "service": next((labels[name] for name in _SERVICE_LABELS if name in labels), ""),
            }
        ),
    )


def container_families(readings: Sequence[Reading]) -> Iterator[Family]:
    """All metrics of these containers. Cost: linear, about 20 lines for one that runs"""
    yield _words(
        "shoal_container_state",
        "State of the container: 1 for the one that it is in",
        readings,
        lambda c: f'state="{c.status}"',
    )
    yield _words("shoal_container_health", "Health of a running container that is checked", readings, _health)
    for column in _COLUMNS:
        found = ((reading, column.value(reading)) for reading in readings)
        samples = [Sample(reading.labels, value) for reading, value in found if value is not None]
        yield Family(f"shoal_container_{column.name}", column.kind, column.help, samples)
    yield from _network_families(readings)
    yield from _block_families(readings)


def _words(name: str, help: str, readings: Iterable[Reading], label: Callable[[Container], str]) -> Family:
    found = ((reading.labels, label(reading.container)) for reading in readings)
    return Family(name, "gauge", help, [Sample(joined(labels, word), 1) for labels, word in found if word])


def _health(container: Container) -> str:
    if not container.is_running or container.health is None or container.health.status is HealthStatus.NONE:
        return ""
    return f'status="{container.health.status}"'


def _used(read: Callable[[Usage], float | None]) -> Callable[[Reading], float | None]:
    return lambda reading: read(reading.usage) if reading.usage else None


def _positive(read: Callable[[Usage], float]) -> Callable[[Reading], float | None]:
    return _used(lambda usage: read(usage) or None)


def _working_set(usage: Usage) -> int:
    """Memory that the kernel can't just take back, as cAdvisor and `docker stats` count it."""
    name = "total_inactive_file" if usage.cgroup_version == 1 else "inactive_file"
    return max(0, usage.memory.usage_bytes - usage.memory.details.get(name, 0))


def _cache(usage: Usage) -> int:
    details = usage.memory.details
    return details.get("total_cache", 0) if usage.cgroup_version == 1 else details.get("file", 0)


def _cpu_limit(reading: Reading) -> float | None:
    limits = reading.container.spec.host.resources
    if limits.nano_cpus:
        return limits.nano_cpus / 1e9
    if limits.cpu_quota_us > 0:
        return limits.cpu_quota_us / (limits.cpu_period_us or 100_000)
    return None


def _throttled(read: Callable[[Usage], float]) -> Callable[[Reading], float | None]:
    return _used(lambda usage: read(usage) if usage.cpu.periods else None)


_COLUMNS = (
    _Column(
        "start_time_seconds",
        "gauge",
        "When the container was started, in seconds since the epoch",
        lambda r: r.container.started_at / 1e9 if r.container.is_running else None,
    ),
    _Column(
        "restarts_total",
        "counter",
        "How often the container was started again by its restart policy",
        lambda r: r.container.restart_count,
    ),
    _Column(
        "exit_code",
        "gauge",
        "Exit code of a container that has ended",
        lambda r: r.container.exit_code if r.container.finished_at and not r.container.is_running else None,
    ),
    _Column("cpu_seconds_total", "counter", "CPU time used", _used(lambda u: u.cpu.total_ns / 1e9)),
    _Column("cpu_user_seconds_total", "counter", "CPU time used by programs", _used(lambda u: u.cpu.user_ns / 1e9)),
    _Column(
        "cpu_system_seconds_total", "counter", "CPU time used by the kernel", _used(lambda u: u.cpu.system_ns / 1e9)
    ),
    _Column("cpu_limit", "gauge", "CPUs that the container may use, where that is limited", _cpu_limit),
    _Column(
        "cpu_periods_total",
        "counter",
        "Periods of its CPU limit in which it ran",
        _throttled(lambda u: u.cpu.periods),
    ),
    _Column(
        "cpu_throttled_periods_total",
        "counter",
        "Periods in which it had to wait for its CPU limit",
        _throttled(lambda u: u.cpu.throttled_periods),
    ),
    _Column(
        "cpu_throttled_seconds_total",
        "counter",
        "Time that it had to wait for its CPU limit",
        _throttled(lambda u: u.cpu.throttled_ns / 1e9),
    ),
    _Column("memory_usage_bytes", "gauge", "Memory used, with caches", _used(lambda u: u.memory.usage_bytes)),
    _Column(
        "memory_working_set_bytes", "gauge", "Memory used without caches that can be given back", _used(_working_set)
    ),
    _Column("memory_cache_bytes", "gauge", "Caches of files", _used(_cache)),
    _Column(
        "memory_limit_bytes", "gauge", "Memory limit, where there is one", _positive(lambda u: u.memory.limit_bytes)
    ),
    _Column(
        "memory_failures_total", "counter", "How often the memory limit was reached", _used(lambda u: u.memory.failures)
    ),
    _Column("pids", "gauge", "Processes and threads", _used(lambda u: u.pids)),
    _Column(
        "pids_limit", "gauge", "Limit of processes and threads, where there is one", _positive(lambda u: u.pids_limit)
    ),
)

#: (metric without its beginning, what it counts, attribute of NetworkUsage)
_NETWORK = (
    ("receive_bytes_total", "Bytes received", "rx_bytes"),
    ("receive_packets_total", "Packets received", "rx_packets"),
    ("receive_errors_total", "Packets received that were bad", "rx_errors"),
    ("receive_dropped_total", "Packets received that were dropped", "rx_dropped"),
    ("transmit_bytes_total", "Bytes sent", "tx_bytes"),
    ("transmit_packets_total", "Packets sent", "tx_packets"),
    ("transmit_errors_total", "Packets that could not be sent", "tx_errors"),
    ("transmit_dropped_total", "Packets to be sent that were dropped", "tx_dropped"),
)


def _network_families(readings: Sequence[Reading]) -> Iterator[Family]:
    rows = [
        (joined(r.labels, f'interface="{network.name}"'), network)
        for r in readings
        if r.usage is not None
        for network in r.usage.networks
    ]
    for name, help, attribute in _NETWORK:
        samples = [Sample(labels, getattr(network, attribute)) for labels, network in rows]
        yield Family(f"shoal_container_network_{name}", "counter", help, samples)


#: (metric without its beginning, what it counts, attribute of Usage, operation)
_BLOCKS = (
    ("read_bytes_total", "Bytes read from a block device", "block_bytes", "read"),
    ("written_bytes_total", "Bytes written to a block device", "block_bytes", "write"),
    ("reads_total", "Reads from a block device", "block_ops", "read"),
    ("writes_total", "Writes to a block device", "block_ops", "write"),
)


def _block_families(readings: Sequence[Reading]) -> Iterator[Family]:
    for name, help, attribute, op in _BLOCKS:
        samples = [
            Sample(joined(r.labels, f'device="{block.major}:{block.minor}"'), block.value)
            for r in readings
            if r.usage is not None
            for block in _blocks(r.usage, attribute)
            if block.op == op
        ]
        yield Family(f"shoal_container_block_{name}", "counter", help, samples)


def _blocks(usage: Usage, attribute: str) -> Sequence[BlockUsage]:
    found: Sequence[BlockUsage] = getattr(usage, attribute)
    return found
