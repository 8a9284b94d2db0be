"""Values of secrets, configs and registry logins, opened for the nodes whose tasks need them."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from shoal.cluster.task import is_live
from shoal.cluster.templates import fill_file
from shoal.cluster.view import View
from shoal.errors import InvalidArgument, ShoalError
from shoal.model.cluster.assignment import Assignment
from shoal.model.cluster.cluster import Sealed
from shoal.model.cluster.task import FileReference, Task
from shoal.swarm.manager.ledger import Ledger

log = logging.getLogger("shoal.cluster.dispatcher")

#: before the id of a file, among the files of an assignment: why it has no value
ERROR = "error/"


class Values:
    """Opens what is sealed, each revision once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._opened: dict[str, tuple[int, bytes]] = {}  #: {key of a record: (revision, value)}

    def forget(self) -> None:
        """Nothing opened stays in memory."""
        self._opened.clear()

    def filled(self, told: Assignment) -> Assignment:
        """The assignment with the files of its living tasks.

        A templated file is each task's own: the task then refers to "<id>/<task id>".
        """
        files: dict[str, bytes] = {}
        tasks = dict(told.tasks)
        for task in told.tasks.values():
            if is_live(task):
                tasks[task.id] = self._task(task, files)
                self._add_login(task, files)
        return replace(told, tasks=tasks, files=files)

    def _task(self, task: Task, files: dict[str, bytes]) -> Task:
        own: list[FileReference] = []
        for file in task.spec.files:
            record = _record(self._ledger.view, file)
            value = None if record is None else self._open(f"{file.kind}/{file.id}", record.value)
            if record is not None and value is not None and record.template:
                file = replace(file, id=f"{file.id}/{task.id}")
                try:
                    value = self._rendered(task, value)
                except (ShoalError, UnicodeDecodeError) as error:
                    value, files[f"{ERROR}{file.id}"] = None, str(error).encode()
            if value is not None:
                files[file.id] = value
            own.append(file)
        return task if tuple(own) == task.spec.files else replace(task, spec=replace(task.spec, files=tuple(own)))

    def _add_login(self, task: Task, files: dict[str, bytes]) -> None:
        service = self._ledger.view.services.get(task.service_id)
        if service is not None and service.registry_auth:
            value = self._open(f"services/{service.id}", service.registry_auth)
            if value is not None:
                files[f"auth/{service.id}"] = value

    def _rendered(self, task: Task, value: bytes) -> bytes:
        """Raises: InvalidArgument, UnicodeDecodeError for a template that cannot be filled in"""
        view = self._ledger.view
        env = dict(entry.partition("=")[::2] for entry in task.spec.container.env)

        def read(kind: str, target: str) -> str:
            for file in task.spec.files:
                if file.kind == f"{kind}s" and target in (file.target, file.name):
                    record = _record(view, file)
                    found = None if record is None else self._open(f"{file.kind}/{file.id}", record.value)
                    if found is not None:
                        return found.decode()
            raise InvalidArgument(f"failed to expand template: {kind} target {target} not found")

        return fill_file(value.decode(), task, view.nodes.get(task.node_id), read, env).encode()

    def _open(self, key: str, sealed: bytes) -> bytes | None:
        revision = self._ledger.view.revisions.get(key, 0)
        known = self._opened.get(key)
        if known is not None and known[0] == revision:
            return known[1]
        try:
            value = self._ledger.seal.unseal(sealed)
        except ShoalError as error:
            log.error("%s cannot be read: %s", key, error.message)
            return None
        self._opened[key] = (revision, value)
        return value


def _record(view: View, file: FileReference) -> Sealed | None:
    kept: Mapping[str, Sealed] = view.secrets if file.kind == "secrets" else view.configs
    return kept.get(file.id)


def without_echo(told: Assignment | None, new: Assignment) -> Assignment:
    """`new`, with each task as it was told where only its status differs: its node is where that comes from."""
    if told is None:
        return new
    tasks = {key: _as_told(told.tasks.get(key), task) for key, task in new.tasks.items()}
    return replace(new, tasks=tasks)


def _as_told(before: Task | None, now: Task) -> Task:
    if before is None or before is now:
        return now
    same = replace(now, status=before.status, updated_at=before.updated_at, running_at=before.running_at)
    return before if same == before else now
