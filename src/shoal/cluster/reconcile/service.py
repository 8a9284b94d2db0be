"""One service looked at: what it waits for, then its kind's own way."""

from collections.abc import Callable, Mapping

from shoal.cluster.draft import Draft
from shoal.cluster.reconcile import depends, global_, replicated
from shoal.cluster.reconcile.turn import Turn, host_ports
from shoal.model.cluster.service import Service, ServiceMode

WAYS: Mapping[ServiceMode, Callable[[Turn], None]] = {
    ServiceMode.REPLICATED: replicated.reconcile,
    ServiceMode.GLOBAL: global_.reconcile,
}


def reconcile(draft: Draft, service: Service) -> bool:
    """Whether it need not be looked at again before something of its own changes."""
    hold = depends.unmet(draft, service)
    WAYS[service.spec.mode](Turn(draft=draft, service=service, hold=hold, ports=host_ports(service)))
    return not hold
