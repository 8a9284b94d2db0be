"""What the engine counts of itself and its containers, for Prometheus."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from shoal.engine.builds import Builds
from shoal.engine.containers import Containers
from shoal.engine.streams.stats import Stats
from shoal.engine.system import System
from shoal.model.system import ProcessFacts
from shoal.wire.metrics.containers import container_families, reading
from shoal.wire.metrics.engine import (
    OperationTimes,
    build_families,
    engine_families,
    event_family,
    object_families,
    request_families,
)
from shoal.wire.metrics.exposition import Family


class Metrics:
    """Counts answered requests; reads everything else when asked.

    process: facts of the engine's own process, of now
    """

    def __init__(
        self, system: System, containers: Containers, stats: Stats, builds: Builds, process: Callable[[], ProcessFacts]
    ) -> None:
        self._system = system
        self._containers = containers
        self._stats = stats
        self._builds = builds
        self._process = process
        self._times: defaultdict[str, OperationTimes] = defaultdict(OperationTimes)

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._times[operation].add(status, seconds)

    async def families(self, version: str) -> Sequence[Family]:
        """All metrics of this engine. Cost: some files of each running container are read"""
        containers = self._containers.all()
        usages = await self._stats.now(containers)
        totals = self._system.totals()
        counts = {"images": totals.images, "networks": totals.networks, "volumes": totals.volumes}
        return [
            *engine_families(self._system.host, version, self._process()),
            *object_families(containers, counts),
            *build_families(self._builds.counts()),
            event_family(self._system.events.counts),
            *request_families(self._times),
            *container_families([reading(c, usages.get(c.id)) for c in containers]),
        ]
