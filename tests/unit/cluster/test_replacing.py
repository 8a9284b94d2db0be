import dataclasses

import pytest

from shoal.cluster.replacing import replace
from shoal.model.cluster.task import Task
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import task_spec

TASK = Task(id="t", service_id="s", service_name="web", spec=task_spec(), spec_version=3, slot=2)


def test_a_record_is_as_the_one_of_the_standard_library():
    changes = {"desired": S.SHUTDOWN, "updated_at": 7}
    assert replace(TASK, **changes) == dataclasses.replace(TASK, **changes) != TASK
    assert replace(TASK) == TASK and replace(TASK) is not TASK


def test_a_field_that_is_none_of_its_is_an_error():
    with pytest.raises(TypeError, match="state"):
        replace(TASK, state=S.RUNNING)
