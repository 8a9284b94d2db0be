"""Nouns behave as frozen dataclasses."""

from dataclasses import is_dataclass, replace

import pytest

from shoal.compose.noun import Noun, field


class Point(Noun):
    """A point."""

    x: int
    y: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    note: str = field(default="", repr=False, compare=False)


class Named(Point):
    """A point with a name."""

    name: str = "p"


def test_values_defaults_and_text():
    point = Named(x=1, note="n")
    assert (point.x, point.y, point.seen, point.name) == (1, 0, {}, "p")
    assert repr(point) == "Named(x=1, y=0, seen={}, name='p')"
    assert point.seen is not Named(x=1).seen


def test_equality_is_by_type_and_compared_fields():
    assert Point(x=1, note="a") == Point(x=1, note="b")
    assert Point(x=1) != Point(x=2)
    assert Point(x=1) != Named(x=1)


def test_it_is_frozen():
    with pytest.raises(AttributeError):
        Point(x=1).x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del Point(x=1).x


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match=r"unknown \['z'\]"):
        Point(x=1, z=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"missing \['x'\]"):
        Point()  # type: ignore[call-arg]


def test_the_tools_of_dataclasses_work():
    assert is_dataclass(Point)
    assert replace(Named(x=1, y=2), x=5) == Named(x=5, y=2)
