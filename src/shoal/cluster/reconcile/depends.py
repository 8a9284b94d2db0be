"""`depends_on`: what has to be true of other services before tasks of this one start."""

from collections.abc import Callable, Mapping

from shoal.cluster.draft import Draft
from shoal.cluster.services import is_job
from shoal.cluster.task import is_wanted
from shoal.model.cluster.service import Service
from shoal.model.cluster.task import Task
from shoal.model.cluster.task import TaskState as S

Tasks = Mapping[str, Task]


def unmet(draft: Draft, service: Service) -> str:
    """What is waited for ("waits for service db to be healthy"), "" = nothing."""
    if not service.spec.depends_on:
        return ""
    named = {other.spec.name: other for other in draft.view.services.values()}
    for name, condition in service.spec.depends_on.items():
        test, words = CONDITIONS.get(condition, CONDITIONS["service_started"])
        other = named.get(name)
        if other is None:
            return f"waits for service {name}, which does not exist"
        if not test(other, draft.tasks_of(other.id)):
            return f"waits for service {name} {words}"
    return ""


def _is_started(_service: Service, tasks: Tasks) -> bool:
    """One task is enough: the service answers by its name."""
    return any(S.STARTING <= task.status.state <= S.COMPLETE and is_wanted(task) for task in tasks.values())


def _is_healthy(_service: Service, tasks: Tasks) -> bool:
    return any(task.status.state == S.RUNNING and is_wanted(task) for task in tasks.values())


def _is_completed(service: Service, tasks: Tasks) -> bool:
    """All of the current iteration of a job; of other services the last task of every slot."""
    if is_job(service.spec):
        if not service.iteration_at:
            return False
        mine = [task for task in tasks.values() if task.iteration == service.iteration]
        done = {task.slot or task.node_id for task in mine if task.status.state == S.COMPLETE}
        wanted = {task.slot or task.node_id for task in mine}
        return bool(wanted) and wanted == done and len(done) >= (service.spec.replicas if any_slot(mine) else 1)
    newest: dict[object, Task] = {}
    for task in sorted(tasks.values(), key=lambda task: task.created_at):
        newest[task.slot or task.node_id] = task
    return bool(newest) and all(task.status.state == S.COMPLETE for task in newest.values())


def any_slot(tasks: list[Task]) -> bool:
    """Whether these are tasks with numbered slots."""
    return any(task.slot for task in tasks)


CONDITIONS: Mapping[str, tuple[Callable[[Service, Tasks], bool], str]] = {
    "service_started": (_is_started, "to be started"),
    "service_healthy": (_is_healthy, "to be healthy"),
    "service_completed_successfully": (_is_completed, "to be completed successfully"),
}
