"""One service looked at: what it waits for, then its kind's own way."""

from collections.abc import Callable, Mapping

from shoal.cluster.draft import Draft
from shoal.cluster.reconcile import depends, global_, jobs, replicated
from shoal.cluster.reconcile.turn import Turn, host_ports
from shoal.model.cluster.service import Service, ServiceMode

WAYS: Mapping[ServiceMode, Callable[[Turn], None]] = {
    ServiceMode.REPLICATED: replicated.reconcile,
    ServiceMode.GLOBAL: global_.reconcile,
    ServiceMode.REPLICATED_JOB: jobs.reconcile,
    ServiceMode.GLOBAL_JOB: jobs.reconcile,
}


def reconcile(draft: Draft, service: Service) -> bool:
    """Whether it need not be looked at again before something of its own changes."""
    hold = depends.unmet(draft, service)
    turn = Turn(draft=draft, service=service, hold=hold, ports=host_ports(service))
    WAYS[service.spec.mode](turn)
    if turn.service.spec is not service.spec:  # rolled back: its slots are looked at again with the spec of before
        again = Turn(draft=draft, service=turn.service, hold=hold, ports=host_ports(turn.service))
        WAYS[turn.service.spec.mode](again)
    return not hold
