"""A plan in the making: operations are added in any order and come out so that each follows what it depends on."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shoal.compose.operations import Call, Operation, Plan, Question, Request
from shoal.errors import InternalError


class Draft:
    """Collects operations by id, warnings and what is unchanged."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}
        self.warnings: dict[str, None] = {}
        self.unchanged: dict[str, None] = {}
        self.told: dict[str, str] = {}
        self.questions: list[Question] = []

    def add(self, operation: Operation) -> str:
        """Take the operation in; its id. A second one of the same id is dropped."""
        self._operations.setdefault(operation.id, operation)
        return operation.id

    def __contains__(self, operation_id: str) -> bool:
        return operation_id in self._operations

    def depend(self, operation_id: str, on: Iterable[str]) -> None:
        """Add dependencies to an operation that is there."""
        operation = self._operations[operation_id]
        merged = dict.fromkeys((*operation.depends_on, *on))
        self._operations[operation_id] = replace(operation, depends_on=tuple(merged))

    def precede(self, operation_ids: Iterable[str], *verbs: str) -> None:
        """Put these before every operation on a container so far that begins with one of `verbs`."""
        first = tuple(operation_ids)
        for key, operation in list(self._operations.items()):
            if operation.subject.startswith("Container ") and key.partition(" ")[0] in verbs:
                self.depend(key, [one for one in first if one != key])

    def plan(self) -> Plan:
        """The plan: stable order, dependencies on operations that never came are dropped."""
        return Plan(
            operations=tuple(self._ordered()),
            warnings=tuple(self.warnings),
            unchanged=tuple(self.unchanged),
            told=dict(self.told),
            questions=tuple(self.questions),
        )

    def _ordered(self) -> list[Operation]:
        known = self._operations
        waiting = {
            key: dict.fromkeys(one for one in operation.depends_on if one in known and one != key)
            for key, operation in known.items()
        }
        followers: dict[str, list[str]] = {key: [] for key in known}
        for key, before in waiting.items():
            for one in before:
                followers[one].append(key)
        left = {key: len(before) for key, before in waiting.items()}
        ready = [key for key, count in left.items() if not count]
        result: list[Operation] = []
        for key in ready:
            result.append(replace(known[key], depends_on=tuple(waiting[key])))
            for follower in followers[key]:
                left[follower] -= 1
                if not left[follower]:
                    ready.append(follower)
        if len(result) != len(known):
            stuck = sorted(key for key, count in left.items() if count)
            raise InternalError(f"the plan has a cycle among: {', '.join(stuck)}")
        return result


def call(method: str, path: str, *, body: Any = None, **query: str | None) -> Request:
    """A request; query values that are None or "" are left out."""
    return Request(method=method, path=path, query={k: v for k, v in query.items() if v}, body=body)


def container_call(verb: str, name: str, cause: str, **fields: Any) -> Call:
    """A verb on a container, with the words that its progress line uses.

    fields: `request` and whatever else a `Call` has
    """
    words = dict(zip(("doing", "done"), WORDS[verb], strict=True))
    return Call(id=f"{verb} {name}", subject=f"Container {name}", cause=cause, **{**words, **fields})


#: {verb: words of its progress line}
WORDS = {
    "create": ("Creating", "Created"),
    "recreate": ("Recreate", "Recreated"),
    "start": ("Starting", "Started"),
    "stop": ("Stopping", "Stopped"),
    "restart": ("Restarting", "Started"),
    "kill": ("Killing", "Killed"),
    "pause": ("", "Paused"),
    "unpause": ("", "Unpaused"),
    "remove": ("Removing", "Removed"),
    "rename": ("Renaming", "Recreated"),
    "disconnect": ("Disconnecting", "Disconnected"),
}
