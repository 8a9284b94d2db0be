import gc

import pytest

from shoal.cluster.plan import Plan
from shoal.swarm.manager.tick import undisturbed


def test_nobody_looks_for_cycles_while_something_is_decided():
    seen = []

    def work():
        seen.append(gc.isenabled())
        return Plan(version=3)

    assert undisturbed(work).version == 3
    assert seen == [False] and gc.isenabled()


def test_cycles_are_looked_for_again_after_an_error():
    with pytest.raises(ZeroDivisionError):
        undisturbed(lambda: Plan(version=1 // 0))
    assert gc.isenabled()


def test_an_engine_that_does_not_look_for_cycles_yet_is_let_be():
    gc.disable()
    try:
        undisturbed(lambda: Plan(version=1))
        assert not gc.isenabled()
    finally:
        gc.enable()
