"""What the engine says of itself: info, metrics."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shoal.contracts.store import NodeStore
from shoal.engine.events import Events
from shoal.model.container import Container, ContainerStatus
from shoal.model.image import Image
from shoal.model.network import Network
from shoal.model.settings import Settings
from shoal.model.system import HostFacts
from shoal.model.volume import Volume

#: upper bounds of the histogram of request times, in seconds
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How many objects there are."""

    running: int
    paused: int
    stopped: int
    images: int
    networks: int
    volumes: int
    listeners: int


class System:
    """Facts of the engine and counts of its objects."""

    def __init__(
        self,
        settings: Settings,
        host: HostFacts,
        store: NodeStore,
        events: Events,
        *,
        engine_id: str,
        now_ns: Callable[[], int],
        plugins: Callable[[], Awaitable[Mapping[str, Sequence[str]]]],
    ) -> None:
        """plugins: {"Volume": names, "Network": names} of those that are found and answer"""
        self.settings = settings
        self.host = host
        self.engine_id = engine_id
        self.events = events
        self.now_ns = now_ns
        self.plugins = plugins
        self._store = store
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS_S) + 1))

    def totals(self) -> Totals:
        """Counts of now."""
        states = Counter(c.status for c in self._store.all(Container))
        running, paused = states[ContainerStatus.RUNNING], states[ContainerStatus.PAUSED]
        return Totals(
            running=running,
            paused=paused,
            stopped=states.total() - running - paused,
            images=len(self._store.all(Image)),
            networks=len(self._store.all(Network)),
            volumes=len(self._store.all(Volume)),
            listeners=self.events.listeners,
        )

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests[operation, status] += 1
        self._seconds[operation] += seconds
        index = next((i for i, bound in enumerate(BUCKETS_S) if seconds <= bound), len(BUCKETS_S))
        self._buckets[operation][index] += 1

    def metrics(self, version: str) -> str:
        """The page of GET /metrics. Source: Prometheus text exposition format 0.0.4."""
        return "".join(f"{line}\n" for line in self._metric_lines(version))

    def _metric_lines(self, version: str) -> Iterator[str]:
        totals = self.totals()
        yield from _header("shoal_engine_info", "gauge", "Always 1; the labels say what runs")
        yield f'shoal_engine_info{{version="{version}",kernel="{self.host.kernel}"}} 1'
        yield from _header("shoal_engine_cpus", "gauge", "CPUs of the machine")
        yield f"shoal_engine_cpus {self.host.cpus}"
        yield from _header("shoal_engine_memory_bytes", "gauge", "Memory of the machine")
        yield f"shoal_engine_memory_bytes {self.host.memory_bytes}"
        yield from _header("shoal_containers", "gauge", "Containers by state")
        for state in ("running", "paused", "stopped"):
            yield f'shoal_containers{{state="{state}"}} {getattr(totals, state)}'
        for noun in ("images", "networks", "volumes"):
            yield from _header(f"shoal_{noun}", "gauge", f"{noun.capitalize()} of this engine")
            yield f"shoal_{noun} {getattr(totals, noun)}"
        yield from self._health_lines()
        yield from self._request_lines()

    def _health_lines(self) -> Iterator[str]:
        health = Counter(c.health.status for c in self._store.all(Container) if c.health is not None and c.is_running)
        yield from _header("shoal_containers_health", "gauge", "Running containers with a health check, by its state")
        for status, count in sorted(health.items()):
            yield f'shoal_containers_health{{status="{status}"}} {count}'

    def _request_lines(self) -> Iterator[str]:
        yield from _header("shoal_api_requests_total", "counter", "Answered requests of the API")
        for (operation, status), count in sorted(self._requests.items()):
            yield f'shoal_api_requests_total{{operation="{operation}",status="{status}"}} {count}'
        yield from _header("shoal_api_request_seconds", "histogram", "Time to answer a request of the API")
        for operation, counts in sorted(self._buckets.items()):
            yield from _histogram("shoal_api_request_seconds", operation, counts, self._seconds[operation])


def _header(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _histogram(name: str, operation: str, counts: list[int], seconds: float) -> Iterator[str]:
    so_far = 0
    for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], counts, strict=True):
        so_far += count
        yield f'{name}_bucket{{operation="{operation}",le="{bound}"}} {so_far}'
    yield f'{name}_sum{{operation="{operation}"}} {seconds:.6f}'
    yield f'{name}_count{{operation="{operation}"}} {so_far}'
