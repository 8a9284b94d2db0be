"""What POST /containers/{id}/update takes."""

import pytest

from shoal.errors import InvalidArgument
from shoal.model.container import RestartMode
from shoal.wire.container.update import decode_update


@pytest.mark.parametrize("body", [{}, {"RestartPolicy": None}, {"RestartPolicy": {}}, {"RestartPolicy": {"Name": ""}}])
def test_no_policy_leaves_the_policy_alone(body: object) -> None:
    assert decode_update(body)[1] is None


def test_a_policy_is_read() -> None:
    _, policy = decode_update({"RestartPolicy": {"Name": "always"}})
    assert policy is not None and policy.mode is RestartMode.ALWAYS


@pytest.mark.parametrize("value", [5, 1.5, "always", True, [5], [{}]])
def test_a_policy_that_is_none_is_named(value: object) -> None:
    with pytest.raises(InvalidArgument, match="RestartPolicy: expected an object"):
        decode_update({"RestartPolicy": value})
