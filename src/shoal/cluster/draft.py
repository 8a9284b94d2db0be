"""The records as they will be: a view with the changes that were decided so far."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from shoal.cluster.book import Book
from shoal.cluster.plan import Delete, Put
from shoal.cluster.replacing import copied
from shoal.cluster.schedule.copies import NO_COPIES, Copies, copies_after
from shoal.cluster.view import kind_of
from shoal.model.cluster.service import Service
from shoal.model.cluster.task import Task, TaskState

ASSIGNED, COMPLETE = TaskState.ASSIGNED, TaskState.COMPLETE
NOTHING: Mapping[str, Task] = {}


class Draft:
    """One decision while it is made. A record is put at most once: the first cause stays, the last content counts."""

    def __init__(self, book: Book, now: int, *, new_id: Callable[[], str], choose: Callable[[int], int]) -> None:
        self.book = book
        self.view = book.view
        self.now = now
        self.new_id = new_id
        self.choose = choose
        self.uses = book.uses  #: {node id: what is taken of it in the view}
        self.fine_nodes = book.fine_nodes  #: ids of nodes whose tasks may stay; "" = no node yet
        self.wake_at = 0
        self.waiting: dict[str, str] = {}  #: {task id: why it fits nowhere}
        self.touched: dict[str, None] = {}  #: ids of services that are changed, or tasks of theirs
        self._made: dict[str, list[str]] = {}  #: {service id: ids of its new tasks}
        self._changed: dict[str, dict[str, None]] = {}  #: {service id: ids of its tasks that are changed}
        self._puts: dict[str, Put] = {}
        self._deletes: dict[str, Delete] = {}
        self._tasks: dict[str, dict[str, Task]] = {}  #: {service id: its tasks}, only of services with changes

    @property
    def changes(self) -> tuple[Put | Delete, ...]:
        """All of them, records to be written first."""
        return (*self._puts.values(), *self._deletes.values())

    def tasks_of(self, service_id: str) -> Mapping[str, Task]:
        """{id: task} of a service, as they will be."""
        found = self._tasks.get(service_id)
        return self.view.tasks_of.get(service_id, NOTHING) if found is None else found

    def service(self, service_id: str) -> Service | None:
        """A service as it will be."""
        put = self._puts.get(f"services/{service_id}")
        return put.record if put and isinstance(put.record, Service) else self.view.services.get(service_id)

    def put_task(self, task: Task, cause: str) -> Task:
        """Write this task."""
        if task.updated_at != self.now:
            task = replace(task, updated_at=self.now)
        self._own(task.service_id)[task.id] = task
        self._changed[task.service_id][task.id] = None
        self._put(task, cause)
        return task

    def create_task(self, task: Task, cause: str) -> Task:
        """Write a new task."""
        self._made.setdefault(task.service_id, []).append(task.id)
        return self.put_task(task, cause)

    def waiting_tasks(self, service_id: str, *, all_of_them: bool) -> list[Task]:
        """Wanted tasks that no node has yet; those made in this decision, or all of them."""
        tasks = self.tasks_of(service_id)
        if all_of_them:
            return [t for t in tasks.values() if t.status.state < ASSIGNED and t.desired <= COMPLETE]
        return [tasks[key] for key in self._made.get(service_id, ()) if key in tasks]

    def copies(self, service_id: str) -> Copies:
        """Where the service's tasks are, with all that is decided so far."""
        before, after = self.view.tasks_of.get(service_id, NOTHING), self.tasks_of(service_id)
        changes = [(before.get(key), after.get(key)) for key in self._changed.get(service_id, ())]
        return copies_after(self.book.copies.get(service_id, NO_COPIES), changes)

    def put_service(self, service: Service, cause: str) -> Service:
        """Write this service."""
        service = replace(service, updated_at=self.now)
        self.touched[service.id] = None
        self._put(service, cause)
        return service

    def delete_task(self, task: Task, cause: str) -> None:
        """Forget this task; one that nobody has written yet leaves no trace."""
        self._own(task.service_id).pop(task.id, None)
        self._changed[task.service_id][task.id] = None
        self._puts.pop(f"tasks/{task.id}", None)
        if task.id in self.view.tasks:
            self._deletes[task.id] = Delete(kind="tasks", id=task.id, cause=cause)

    def wake(self, at: int) -> None:
        """Decide again at this time even if nothing changes."""
        if not self.wake_at or at < self.wake_at:
            self.wake_at = at

    def _own(self, service_id: str) -> dict[str, Task]:
        tasks = self._tasks.get(service_id)
        if tasks is None:
            self.touched[service_id] = None
            self._changed[service_id] = {}
            tasks = self._tasks[service_id] = copied(self.view.tasks_of.get(service_id, NOTHING))
        return tasks

    def _put(self, record: Task | Service, cause: str) -> None:
        key = f"{kind_of(record)}/{record.id}"
        known = self._puts.get(key)
        self._puts[key] = Put(record=record, cause=known.cause if known else cause)
