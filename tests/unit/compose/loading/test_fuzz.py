"""No file, however broken, ends in anything but an error for its writer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from shoal.compose.keys.table import ROOT
from shoal.compose.keys.types import AnyOf, Choice, ListOf, MapOf, Record
from shoal.compose.observed import ObservedState
from shoal.compose.plan import plan_images, plan_up
from shoal.compose.planning.options import ImageOptions, UpOptions
from shoal.compose.text.config import render_json, render_yaml
from shoal.compose.text.plan import render_plan
from shoal.compose.text.yaml import to_yaml
from shoal.errors import InternalError, ShoalError
from tests.support.compose_projects import load_text

GOLDEN = Path(__file__).parents[3] / "golden" / "compose"
CORPUS = [path.read_text() for path in sorted(GOLDEN.glob("*/compose.yaml"))]


def all_the_way(text: str, **options: Any) -> None:
    """Load, plan and print; only errors for users may come out."""
    try:
        result = load_text(text, files={"common.yml": "microservice: {image: x}\n", "db/compose.yaml": ""}, **options)
        project = result.project
        render_yaml(project), render_json(project)
        empty = ObservedState()
        plan_images(project, empty, ImageOptions())
        render_plan(plan_up(project, empty, UpOptions()))
    except InternalError:
        raise
    except ShoalError as error:
        assert str(error).strip()


WORDS = (
    *(
        "a",
        "b",
        "a:b",
        "a:b:c:d",
        "80:80",
        "70000:80",
        "::1:80:80",
        "[::1]:80:80",
        "./x:/y",
        "/x",
        "1-2",
        "5m",
        "1h30m",
        "x=y",
        "=x",
    ),
    *(
        "service:a",
        "container:a",
        "host",
        "none",
        "$X",
        "${X:-y}",
        "${",
        "{}",
        "[]",
        "~",
        "all",
        "NONE",
        "on-failure:3",
    ),
    *("0440", "999999999999999999999", "-1", "1e400", ".", "..", "/", "//", "::", "/:", ","),
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.sampled_from(WORDS),
    st.lists(st.sampled_from(["a", "b=c", "80", ""]), max_size=2),
    st.dictionaries(
        st.sampled_from(["a", "b", "source", "target", "x-y"]), st.sampled_from(["a", 1, None]), max_size=2
    ),
)


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of the right shape, and now and then something else."""
    return st.integers(0, 24).flatmap(lambda dice: ODD if dice == 24 else good)


def plain_of(kinds: tuple[type, ...]) -> st.SearchStrategy[Any]:
    if str in kinds:
        return st.sampled_from([word for word in WORDS if "$" not in word])
    return st.booleans() if bool in kinds else st.none() if type(None) in kinds else st.integers(0, 100)


def value_of(kind: Any, depth: int) -> st.SearchStrategy[Any]:
    """Values that nearly fit a type of the table of keys."""
    if depth > 7:
        return ODD
    if isinstance(kind, Record):
        return record_of(kind.keys, depth)
    if isinstance(kind, ListOf):
        return mostly(st.lists(st.deferred(lambda: value_of(kind.item, depth + 1)), max_size=2, unique_by=repr))
    if isinstance(kind, MapOf):
        names = st.sampled_from(["a", "b", "default", "n"])
        return mostly(st.dictionaries(names, st.deferred(lambda: value_of(kind.value, depth + 1)), max_size=2))
    if isinstance(kind, AnyOf):
        return st.one_of(*(st.deferred(lambda one=one: value_of(one, depth + 1)) for one in kind.types))
    if isinstance(kind, Choice):
        return mostly(st.sampled_from(kind.words))
    return mostly(plain_of(getattr(kind, "kinds", (str,))))


def record_of(keys: Mapping[str, Any], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(st.sampled_from(sorted(keys)), max_size=4, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: value_of(keys[name].type, depth + 1) for name in names})
    )


def services() -> st.SearchStrategy[dict[str, Any]]:
    """A file whose services are nearly right, so that later phases are reached."""
    service = ROOT.keys["services"].type.types[1].value.keys  # type: ignore[attr-defined]
    body = record_of(service, 2).map(lambda one: {"image": "x", **one})
    return st.fixed_dictionaries(
        {
            "services": st.fixed_dictionaries({"a": body, "b": body}),
            "networks": st.just({"n": None, "a": None}),
            "volumes": st.just({"a": None, "b": None}),
            "secrets": st.just({"a": {"file": "x"}, "b": {"environment": "E"}}),
            "configs": st.just({"a": {"content": "x"}, "b": {"file": "x"}}),
        }
    )


@given(services())
def test_files_made_of_known_keys(tree: dict[str, Any]):
    all_the_way(to_yaml(tree))


@given(record_of(ROOT.keys, 0))
def test_files_made_of_known_sections(tree: dict[str, Any]):
    all_the_way(to_yaml(tree), check_support=False)


@given(st.sampled_from(CORPUS), st.integers(0, 3000), st.integers(0, 40), st.text(max_size=6))
def test_files_of_people_with_a_hole(text: str, start: int, length: int, patch: str):
    start %= len(text)
    all_the_way(text[:start] + patch + text[start + length :])


@given(st.text(max_size=80))
@example("a: &a [*a]")
@example("? {}")
@example("services: {a: {<<: {image: x}}}")
@example("services: &s {a: *s}")
@example("\x00")
@example("include: [[[]]]")
@example("services: {a: {extends: {service: 1}}}")
@example("services: !override {a: !reset {image: x}}")
def test_any_text(text: str):
    all_the_way(text)


@given(
    st.sampled_from(CORPUS),
    st.integers(0, 3000),
    st.sampled_from(["!reset ", "!override ", "$", "- ", "  ", ": ", "{", "\t", "*x "]),
)
def test_files_of_people_with_a_mark_put_in(text: str, place: int, mark: str):
    place %= len(text)
    all_the_way(text[:place] + mark + text[place:])
    all_the_way(text[:place] + mark + text[place:], interpolate=False)
