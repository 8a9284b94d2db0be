"""Metrics of the engine itself."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shoal.model.build import BuildCounts
from shoal.model.container import Container, ContainerStatus
from shoal.model.system import HostFacts, ProcessFacts
from shoal.wire.metrics.exposition import Family, Sample, counter, gauge, joined, label_text

#: upper bounds of the histogram of request times, in seconds
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


@dataclass(slots=True)
class OperationTimes:
    """How one operation of the API was answered.

    buckets: requests by time, one for each of BUCKETS_S and one for what took longer
    """

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, status: int, seconds: float) -> None:
        """Count one answer."""
        self.statuses[status] += 1
        self.seconds += seconds
        self.buckets[next((i for i, bound in enumerate(BUCKETS_S) if seconds <= bound), len(BUCKETS_S))] += 1


def engine_families(host: HostFacts, version: str, process: ProcessFacts) -> Iterator[Family]:
    """The engine, its machine and its process."""
    labels = label_text({"version": version, "kernel": host.kernel, "os": host.operating_system})
    yield Family("shoal_engine_info", "gauge", "Always 1; the labels say what runs", [Sample(labels, 1)])
    yield gauge("shoal_engine_cpus", "CPUs of the machine", host.cpus)
    yield gauge("shoal_engine_memory_bytes", "Memory of the machine", host.memory_bytes)
    # names that every Prometheus client library gives to a process
    yield counter("process_cpu_seconds_total", "CPU time used by the engine", process.cpu_s)
    yield gauge("process_resident_memory_bytes", "Memory of the engine", process.resident_bytes)
    yield gauge("process_virtual_memory_bytes", "Address space of the engine", process.virtual_bytes)
    yield gauge("process_open_fds", "Open files of the engine", process.open_files)
    yield gauge("process_max_fds", "How many files the engine may open", process.max_files)
    yield gauge("process_start_time_seconds", "When the engine was started, since the epoch", process.started_at_s)


def object_families(containers: Sequence[Container], counts: Mapping[str, int]) -> Iterator[Family]:
    """How many objects there are. counts: {"images": 3, …}"""
    states = Counter(c.status for c in containers)
    running, paused = states[ContainerStatus.RUNNING], states[ContainerStatus.PAUSED]
    by_state = {"running": running, "paused": paused, "stopped": len(containers) - running - paused}
    yield _by("shoal_containers", "gauge", "Containers by state", "state", by_state)
    health = Counter(str(c.health.status) for c in containers if c.is_running and c.health is not None)
    yield _by(
        "shoal_containers_health", "gauge", "Running containers with a health check, by its state", "status", health
    )
    for noun, count in counts.items():
        yield gauge(f"shoal_{noun}", f"{noun.capitalize()} of this engine", count)


def build_families(builds: BuildCounts) -> Iterator[Family]:
    """What was built since the engine's start."""
    yield gauge("shoal_builds_running", "Builds under way", builds.running)
    yield _by("shoal_builds_total", "counter", "Builds that have ended, by result", "result", builds.ended)
    yield counter("shoal_build_seconds_total", "Time that builds took", builds.seconds)


def event_family(events: Mapping[tuple[str, str], int]) -> Family:
    """Events by type and action, since the engine's start."""
    samples = [
        Sample(label_text({"type": kind, "action": action}), count) for (kind, action), count in sorted(events.items())
    ]
    return Family("shoal_events_total", "counter", "Events by type and action", samples)


def request_families(times: Mapping[str, OperationTimes]) -> Iterator[Family]:
    """Answers of the API. times: {operation: how it was answered}"""
    operations = sorted(times.items())
    yield Family(
        "shoal_api_requests_total",
        "counter",
        "Answered requests of the API",
        [
            Sample(joined(_operation(name), f'status="{status}"'), count)
            for name, found in operations
            for status, count in sorted(found.statuses.items())
        ],
    )
    samples = [sample for name, found in operations for sample in _histogram(_operation(name), found)]
    yield Family("shoal_api_request_seconds", "histogram", "Time to answer a request of the API", samples)


def _operation(name: str) -> str:
    return f'operation="{name}"'


def _histogram(labels: str, found: OperationTimes) -> Iterator[Sample]:
    so_far = 0
    for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], found.buckets, strict=True):
        so_far += count
        yield Sample(joined(labels, f'le="{bound}"'), so_far, "_bucket")
    yield Sample(labels, round(found.seconds, 6), "_sum")
    yield Sample(labels, so_far, "_count")


def _by(name: str, kind: str, help: str, label: str, counts: Mapping[str, int]) -> Family:
    return Family(name, kind, help, [Sample(f'{label}="{word}"', count) for word, count in _sorted(counts)])


def _sorted(counts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(counts.items())
