"""Every route of the API, from the nouns that answer them."""

from dataclasses import dataclass

from shoal.api import (
    auth,
    build,
    disk_usage,
    distribution,
    images,
    metrics,
    networks,
    plugins,
    stand_ins,
    system,
    volumes,
)
from shoal.api.container import archive, attach, commit, exec, life, logs, stats
from shoal.api.http.router import Route
from shoal.api.swarm.routes import cluster_routes, old_while_without_quorum
from shoal.contracts.cluster.control import Control
from shoal.engine.builds import Builds
from shoal.engine.commits import Commits
from shoal.engine.containers import Containers
from shoal.engine.execs import Execs
from shoal.engine.images import Images
from shoal.engine.metrics import Metrics
from shoal.engine.networks import Networks
from shoal.engine.stand_ins import StandIns
from shoal.engine.streams.archives import Archives
from shoal.engine.streams.attach import Attaches
from shoal.engine.streams.logs import LogStreams
from shoal.engine.streams.stats import Stats
from shoal.engine.system import System
from shoal.engine.volumes import Volumes


@dataclass(frozen=True, slots=True, kw_only=True)
class Nouns:
    """What the API speaks for. machine_bytes: memory of the machine; control: of the cluster, None = there is none"""

    system: System
    images: Images
    containers: Containers
    commits: Commits
    attaches: Attaches
    logs: LogStreams
    archives: Archives
    stats: Stats
    metrics: Metrics
    execs: Execs
    networks: Networks
    volumes: Volumes
    builds: Builds
    stand_ins: StandIns
    machine_bytes: int
    control: Control | None = None


def all_routes(nouns: Nouns) -> list[Route]:
    """The whole API."""
    return [
        *system.routes(nouns.system, nouns.control),
        *metrics.routes(nouns.metrics, nouns.control),
        *disk_usage.routes(nouns.images, nouns.containers, nouns.volumes, nouns.builds),
        *auth.routes(nouns.images),
        *distribution.routes(nouns.images),
        *images.routes(nouns.images),
        *commit.routes(nouns.commits),
        *life.routes(nouns.containers),
        *attach.routes(nouns.attaches),
        *logs.routes(nouns.logs),
        *archive.routes(nouns.archives, nouns.containers),
        *stats.routes(nouns.stats, nouns.machine_bytes),
        *exec.routes(nouns.execs),
        *old_while_without_quorum(networks.routes(nouns.networks, nouns.control), nouns.control),
        *volumes.routes(nouns.volumes),
        *plugins.routes(),
        *build.routes(nouns.builds),
        *stand_ins.routes(nouns.stand_ins),
        *cluster_routes(nouns.control),
    ]
