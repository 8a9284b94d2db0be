"""A task's life, what its node reports, and templates."""

from dataclasses import replace

import pytest

from shoal.cluster.services import created, rolled_back, updated
from shoal.cluster.task import Effect, advance, reported
from shoal.cluster.templates import fill_file, filled, problem
from shoal.errors import InvalidArgument
from shoal.model.cluster.service import ServiceMode
from shoal.model.cluster.task import Task, TaskStatus
from shoal.model.cluster.task import TaskState as S
from shoal.model.container import HostSpec
from shoal.model.mount import Mount, MountType
from tests.support.cluster_world import a_node, container, service_spec, task_spec

TASK = Task(
    id="t1", service_id="s1", service_name="web", spec=task_spec(), spec_version=1, slot=2, labels={"tier": "front"}
)


@pytest.mark.parametrize(
    ("state", "desired", "following", "effect"),
    [
        (S.ASSIGNED, S.READY, S.ACCEPTED, None),
        (S.ACCEPTED, S.READY, S.PREPARING, None),
        (S.PREPARING, S.READY, S.READY, Effect.PREPARE),
        (S.READY, S.READY, S.READY, None),
        (S.READY, S.RUNNING, S.STARTING, None),
        (S.READY, S.COMPLETE, S.STARTING, None),
        (S.STARTING, S.RUNNING, S.RUNNING, Effect.START),
        (S.RUNNING, S.RUNNING, S.COMPLETE, Effect.WAIT),
        (S.ASSIGNED, S.SHUTDOWN, S.SHUTDOWN, Effect.STOP),
        (S.RUNNING, S.REMOVE, S.SHUTDOWN, Effect.STOP),
        (S.FAILED, S.RUNNING, S.FAILED, None),
        (S.FAILED, S.SHUTDOWN, S.FAILED, None),
        (S.COMPLETE, S.REMOVE, S.COMPLETE, Effect.REMOVE),
    ],
)
def test_what_a_node_does_next(state: S, desired: S, following: S, effect: Effect | None) -> None:
    assert advance(state, desired) == (following, effect)


def test_a_state_never_goes_back_and_every_wish_is_reached() -> None:
    for desired in (S.READY, S.RUNNING, S.COMPLETE, S.SHUTDOWN, S.REMOVE):
        for state in S:
            following, _ = advance(state, desired)
            assert following >= state
        state = S.ASSIGNED
        for _ in range(10):
            state, _ = advance(state, desired)
        assert state == {S.READY: S.READY, S.SHUTDOWN: S.SHUTDOWN, S.REMOVE: S.SHUTDOWN}.get(desired, S.COMPLETE)


def test_what_a_node_reports_only_grows() -> None:
    running = reported(TASK, TaskStatus(state=S.RUNNING, at=5), 6)
    assert running is not None
    assert (running.running_at, running.updated_at) == (5, 6)
    assert reported(running, TaskStatus(state=S.STARTING, at=7), 7) is None
    assert reported(running, running.status, 7) is None
    failed = reported(running, TaskStatus(state=S.FAILED, at=9), 9)
    assert failed is not None
    assert failed.running_at == 5
    assert reported(failed, TaskStatus(state=S.ORPHANED, at=9), 9) is None


def test_templates_are_filled_in_and_their_absence_costs_nothing() -> None:
    node = a_node(3, labels={"zone": "eu"})
    mount = Mount(type=MountType.VOLUME, target="/data", source="{{.Service.Name}}-{{.Task.Slot}}")
    spec = container(
        hostname="{{.Node.Hostname}}.{{ .Task.Name }}",
        env=("A={{.Service.ID}}/{{.Task.ID}}/{{.Node.ID}}/{{.Node.Platform.OS}}", 'B={{index .Service.Labels "tier"}}'),
        host=HostSpec(mounts=(mount,), binds=("/x{{.Service.Labels.tier}}:/y",)),
    )
    got = filled(replace(TASK, spec=task_spec(container=spec)), node)
    assert got.hostname == "host3.web.2.t1"
    assert got.env == ("A=s1/t1/node3/linux", "B=front")
    assert (got.host.mounts[0].source, got.host.binds) == ("web-2", ("/xfront:/y",))
    assert filled(TASK, node) is TASK.spec.container
    assert problem(spec) == ""
    assert problem(container(env=("A={{.Nope}}",))) == "{{.Nope}}"


def test_templated_files_read_other_files_and_the_environment() -> None:
    def read(kind: str, name: str) -> str:
        return f"<{kind} {name}>"

    text = 'a {{secret "pw"}} {{ config "c" }} {{env "HOME"}} {{env "NONE"}} {{.Service.Name}}'
    assert fill_file(text, TASK, None, read, {"HOME": "/root"}) == "a <secret pw> <config c> /root  web"
    with pytest.raises(InvalidArgument, match="cannot evaluate"):
        fill_file("{{.Nope}}", TASK, None, read, {})


def test_a_services_record_counts_what_changes() -> None:
    first = created("s", service_spec(), 1)
    second = updated(first, service_spec(image="b"), 2, registry_auth=b"x")
    assert (second.spec_version, second.previous, second.previous_auth) == (2, first.spec, b"")
    back = rolled_back(second, 3)
    assert (back.spec, back.previous, back.spec_version, back.registry_auth) == (first.spec, None, 3, b"")
    with pytest.raises(InvalidArgument, match="does not have a previous spec"):
        rolled_back(back, 4)
    job = created("j", service_spec(mode=ServiceMode.REPLICATED_JOB), 1)
    assert (job.iteration, job.iteration_at) == (1, 1)
    assert updated(job, service_spec("web", "b", mode=ServiceMode.REPLICATED_JOB), 5).iteration == 2
