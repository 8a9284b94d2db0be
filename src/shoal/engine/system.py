"""What the engine says of itself."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from shoal.contracts.store import NodeStore
from shoal.engine.events import Events
from shoal.model.container import Container, ContainerStatus
from shoal.model.image import Image
from shoal.model.network import Network
from shoal.model.settings import Settings
from shoal.model.system import HostFacts
from shoal.model.volume import Volume


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
