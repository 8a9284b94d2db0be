"""Which stages are built, and what they stand on."""

import pytest

from shoal.dockerfile.parser import parse
from shoal.dockerfile.stages import BuildPlan, plan_build
from shoal.errors import ShoalError


def plan(text: str, **options) -> BuildPlan:
    return plan_build(parse(text), **options)


def refused(text: str, **options) -> str:
    with pytest.raises(ShoalError) as caught:
        plan(text, **options)
    return caught.value.message


THREE = """
FROM busybox AS one
RUN a
FROM busybox AS two
RUN b
FROM one AS dev
RUN apk add everything
FROM scratch
COPY --from=one /a /
COPY --from=1 /b /
COPY --from=alpine:3 /c /
"""


def test_stages_that_the_target_does_not_need_are_left_out():
    built = plan(THREE)
    assert [stage.label for stage in built.stages] == ["one", "two", "3"]
    assert built.needs == {0: frozenset(), 1: frozenset(), 3: frozenset({0, 1})}
    assert built.images == ("alpine:3",)
    assert built.step_count == 2 + 2 + 4


@pytest.mark.parametrize(("target", "stages"), [("dev", ["one", "dev"]), ("DEV", ["one", "dev"]), ("1", ["two"])])
def test_the_target_is_a_name_or_a_number(target: str, stages: list[str]):
    assert [stage.label for stage in plan(THREE, target=target).stages] == stages


def test_global_arguments_reach_from_only():
    built = plan(
        "ARG V=1\nARG W=$V-w\nFROM a:${V} AS x\nFROM --platform=$BUILDPLATFORM b:$W",
        build_args={"V": "2"},
        platforms={"BUILDPLATFORM": "linux/amd64"},
        target="1",
    )
    assert built.stages[0].base == "b:2-w"
    assert built.stages[0].platform == "linux/amd64"


def test_a_default_in_from():
    assert plan("ARG V\nFROM elastic:${V:-9.5.1}").target.base == "elastic:9.5.1"


def test_arguments_that_nobody_asked_for():
    assert plan("FROM a\nARG X", build_args={"X": "1", "Y": "2", "HTTP_PROXY": "p"}).unused_args == ("Y",)


def test_a_stage_hides_an_image_of_the_same_name_only_for_later_stages():
    built = plan("FROM busybox AS busybox\nFROM busybox")
    assert built.stages[0].base == "busybox"
    assert built.stages[1].base_stage == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("RUN x\nFROM a", "Dockerfile:1:1: RUN: no build stage in current context"),
        ("ARG x", "Dockerfile:1:1: ARG: expected FROM after it, got the end of the file"),
        ("FROM $X", "Dockerfile:1:1: FROM: base name ($X) should not be blank"),
        ("FROM a AS x\nFROM b AS X", 'Dockerfile:2:1: FROM: duplicate name "x"'),
        ("FROM a AS 1x", 'FROM: invalid name for build stage: "1x"'),
        ("FROM a AS x\nCOPY --from=x a b", 'Dockerfile:2:1: COPY: cannot copy from stage "x": circular dependency'),
        ("FROM a\nCOPY --from=y a b\nFROM b AS y", "it needs to be defined before the current stage"),
        ("FROM a\nCOPY --from=7 a b", "there is no stage of that number"),
        ("FROM a\nRUN --mount=from=y,target=/x z\nFROM b AS y", 'Dockerfile:2:1: RUN: cannot copy from stage "y"'),
    ],
)
def test_what_is_refused(text: str, wanted: str):
    assert wanted in refused(text)


def test_an_unknown_target_is_compared_with_the_known_ones():
    assert refused(THREE, target="deb") == 'target stage "deb" could not be found (did you mean dev?)'
