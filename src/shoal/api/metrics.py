"""/metrics, on the API's addresses and on one of its own."""

from collections.abc import Sequence

from aiohttp import web

from shoal import __version__
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.contracts.cluster.control import Control
from shoal.engine.metrics import Metrics
from shoal.errors import Unavailable
from shoal.wire.metrics.cluster import cluster_families
from shoal.wire.metrics.exposition import CONTENT_TYPE, Family, gauge, page


class MetricsRouter:
    """The page for Prometheus: the engine's own part, and the cluster's where this node is a manager."""

    def __init__(self, metrics: Metrics, control: Control | None) -> None:
        self._metrics = metrics
        self._control = control

    async def metrics(self, request: Request) -> web.Response:
        """GET /metrics"""
        families = [*await self._metrics.families(__version__), *await self._cluster()]
        return web.Response(body=page(families).encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _cluster(self) -> Sequence[Family]:
        """Without a quorum: only that this node is a manager."""
        if self._control is None:
            return ()
        is_manager = self._control.membership.state().is_manager
        own = gauge("shoal_cluster_manager", "Whether this node is a manager of a cluster", int(is_manager))
        if not is_manager:
            return (own,)
        try:
            nodes = [found.record for found in await self._control.nodes.list({})]
            services = [found.record for found in await self._control.services.list({})]
            tasks = [found.record for found in await self._control.services.tasks({})]
            counts = await self._control.services.counts(services)
        except Unavailable:
            return (own,)
        return [own, *cluster_families(nodes, services, tasks, counts)]


def routes(metrics: Metrics, control: Control | None) -> list[Route]:
    """Every route of this module."""
    return [Route("GET", "/metrics", MetricsRouter(metrics, control).metrics, "ShoalMetrics")]
