"""The orchestrator: one pure function from what is to what has to change."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from shoal.cluster import history
from shoal.cluster.allocate.addresses import Addresses
from shoal.cluster.allocate.allocate import Allocation
from shoal.cluster.book import EMPTY, UNSURE, Book, Look, read
from shoal.cluster.draft import Draft
from shoal.cluster.plan import Plan
from shoal.cluster.reconcile import attachments
from shoal.cluster.reconcile.service import reconcile
from shoal.cluster.replacing import copied
from shoal.cluster.schedule.floor import Floor
from shoal.cluster.schedule.place import place
from shoal.cluster.view import View

AGAIN = -1  #: look again at the next decision, whatever has changed


def decide(
    view: View, now: int, *, new_id: Callable[[], str], choose: Callable[[int], int], book: Book | None = None
) -> Plan:
    """What the leader has to write next: reconcile, then allocate, then schedule.

    now: ns since the epoch    new_id: ids of 25 characters [0-9a-z]    choose: a number below its argument
    book: `Plan.book` of the decision before, of this leader; without it everything is looked at, which gives the same
        plan and takes longer
    Cost: what has changed since the view of the book; all tasks without one
    """
    old = book or EMPTY
    known = read(view, old)
    draft = Draft(known, now, new_id=new_id, choose=choose)
    looked_at = _to_look_at(known, now)
    looks = copied(known.looks)
    wakes = {key: _reconciled(draft, key, looks) for key in looked_at}
    addresses = Addresses(view.networks, known.held, known.cursors)
    freed = [key for key, room in known.stuck.items() if room != known.room]
    tried = dict.fromkeys([*freed, *looked_at])
    floor = Floor(view.nodes, known.uses, known.eligible, choose)
    stuck = _allocated_and_placed(draft, Allocation(draft, addresses), floor, tried, known)
    wakes = {key: at for key, at in known.quiet.items() if key not in wakes} | wakes
    return Plan(
        version=view.version,
        changes=draft.changes,
        wake_at=min((at for at in wakes.values() if at > 0), default=0),
        waiting=draft.waiting,
        book=replace(
            known,
            quiet={key: at for key, at in wakes.items() if at != AGAIN and key not in draft.touched},
            stuck={key: room for key, room in known.stuck.items() if key not in tried}
            | dict.fromkeys(stuck, known.room)
            # Until it is known that this plan was written, what it found a place for may still want one.
            | {key: UNSURE for key in draft.touched if known.is_anew or key in known.stuck},
            looks=looks,
            cursors=addresses.cursors,
            eligible=floor.eligible_for,
        ),
    )


def _to_look_at(book: Book, now: int) -> list[str]:
    """Ids of services that may want something, also of those that are gone and have tasks still; "" = attachments."""
    quiet = book.quiet
    ids = {**book.view.services, **book.view.tasks_of} if book.view.tasks_of else book.view.services
    return [key for key in ids if (at := quiet.get(key, AGAIN)) == AGAIN or 0 < at <= now]


def _reconciled(draft: Draft, service_id: str, looks: dict[str, Look]) -> int:
    """When to look at this service again, 0 = when something of it changes."""
    draft.wake_at = 0
    service = draft.view.services.get(service_id)
    is_settled = True
    looks.pop(service_id, None)
    if service is not None:
        is_anew = draft.book.is_anew or service_id in draft.book.stuck
        is_settled, look = reconcile(draft, service, is_anew=is_anew)
        if look is not None:
            looks[service_id] = look
    elif service_id:
        history.forget_service(draft, service_id)
    else:
        attachments.reconcile(draft)
    return draft.wake_at if is_settled else AGAIN


def _allocated_and_placed(
    draft: Draft, allocation: Allocation, floor: Floor, tried: Iterable[str], book: Book
) -> list[str]:
    """Ids of services with tasks that wait for an address, a port or a node."""
    stuck: list[str] = []
    for service_id in tried:
        service = draft.service(service_id)
        if service is None:
            if not service_id:
                attachments.allocate(draft, allocation)
            continue
        service, problem = allocation.service(service)
        # What no node has yet was made just now, unless it was stuck before.
        all_of_them = book.is_anew or service_id in book.stuck
        waiting = draft.waiting_tasks(service_id, all_of_them=all_of_them)
        is_done = allocation.tasks(service, waiting, problem)
        waiting = draft.waiting_tasks(service_id, all_of_them=all_of_them)
        if not (place(draft, service_id, waiting, floor) and is_done and not problem):
            stuck.append(service_id)
    return stuck
