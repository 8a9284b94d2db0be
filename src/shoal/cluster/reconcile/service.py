"""One service looked at: what it waits for, then its kind's own way."""

from collections.abc import Callable, Mapping

from shoal.cluster import history
from shoal.cluster.book import Look
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


def reconcile(draft: Draft, service: Service, *, is_anew: bool = True) -> tuple[bool, Look | None]:
    """(whether it need not be looked at again before something of its own changes, what was seen of its slots)

    is_anew: nothing is known of it from the decision before
    """
    turn = _turned(draft, service, is_anew=is_anew)
    if turn.service.spec is not service.spec:  # rolled back: its slots are looked at again with the spec of before
        turn = _turned(draft, turn.service, is_anew=True)
    if turn.changed_slots is None or turn.changed_slots:
        history.forget(draft, service.id, turn.changed_slots)
    return not turn.hold, turn.look


def _turned(draft: Draft, service: Service, *, is_anew: bool) -> Turn:
    turn = Turn(
        draft=draft,
        service=service,
        hold=depends.unmet(draft, service),
        ports=host_ports(service),
        is_anew=is_anew,
        look=None if is_anew else draft.book.looks.get(service.id),
        changed=draft.book.changed.get(service.id, {}).values(),
        changed_slots=None if is_anew or service.spec.mode != ServiceMode.REPLICATED else set(),
    )
    WAYS[service.spec.mode](turn)
    return turn
