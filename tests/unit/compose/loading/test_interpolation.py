"""Variables in values."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compose.loading.interpolation import Interpolator, InvalidTemplate, MissingVariable
from shoal.errors import InvalidArgument
from tests.support.compose_projects import load_text

ENV = {"A": "1", "EMPTY": "", "D": "$A"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$A", "1"),
        ("${A}", "1"),
        ("x$A-y", "x1-y"),
        ("$$A", "$A"),
        ("$${A}", "${A}"),
        ("$$", "$"),
        ("$D", "$A"),
        ("${A:-d}", "1"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${NO:-d}", "d"),
        ("${NO-d}", "d"),
        ("${NO-}", ""),
        ("${A:+x}", "x"),
        ("${EMPTY:+x}", ""),
        ("${EMPTY+x}", "x"),
        ("${NO+x}", ""),
        ("${NO:+x}", ""),
        ("${A:?e}", "1"),
        ("${EMPTY?e}", ""),
        ("${NO:-${A}}", "1"),
        ("${NO:-${NO2:-${A}b}}", "1b"),
        ("${NO:-$A$A}", "11"),
        ("${NO:-a:b}", "a:b"),
        ("${NO:-{}}", "{}"),
        ("${NO:-$$}", "$"),
        ("a", "a"),
        ("", ""),
        ("${A}}", "1}"),
        ("$A_B", ""),
        ("${NO:-a b/c?d}", "a b/c?d"),
    ],
)
def test_forms(text: str, wanted: str):
    assert Interpolator(ENV.get).substitute(text) == wanted


@pytest.mark.parametrize(
    "text", ["$", "$1", "${", "${A", "${}", "${1A}", "$(date)", "${A!x}", "a $", "${A:x}", "${ A}"]
)
def test_a_dollar_that_starts_nothing_is_refused(text: str):
    with pytest.raises(InvalidTemplate):
        Interpolator(ENV.get).substitute(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NO:?give it}", "required variable NO is missing a value: give it"),
        ("${EMPTY:?}", "required variable EMPTY is missing a value"),
        ("${NO?$A}", "required variable NO is missing a value: 1"),
    ],
)
def test_a_required_variable(text: str, message: str):
    with pytest.raises(MissingVariable) as error:
        Interpolator(ENV.get).substitute(text)
    assert str(error.value) == message


def test_messages_of_files_name_the_place():
    with pytest.raises(InvalidArgument) as error:
        load_text("services:\n  a:\n    image: x\n    command: echo $(date)\n")
    assert str(error.value).startswith(
        'compose.yaml:4:5: invalid interpolation format for services.a.command: "echo $(date)"'
    )
    with pytest.raises(InvalidArgument) as error:
        load_text("services:\n  a:\n    image: ${IMAGE:?say which}\n")
    assert str(error.value) == (
        "compose.yaml:3:5: error while interpolating services.a.image: "
        "required variable IMAGE is missing a value: say which"
    )


def test_an_unset_variable_is_a_warning_once():
    result = load_text("services:\n  a:\n    image: x$NO\n    command: $NO ${OTHER:-}\n")
    assert result.warnings == ('The "NO" variable is not set. Defaulting to a blank string.',)
    assert result.variables == {"NO": "", "OTHER": ""}


def test_the_project_name_is_a_variable_and_keys_are_left_alone():
    result = load_text("name: shop\nservices:\n  a:\n    image: x\n    labels:\n      $KEY: ${COMPOSE_PROJECT_NAME}\n")
    assert result.project.services["a"].labels == {"$KEY": "shop"}


@given(st.text(alphabet="$", max_size=12), st.text(alphabet="ab{}:-?+ ", max_size=12))
def test_doubled_dollars_are_dollars(dollars: str, rest: str):
    assert Interpolator(ENV.get).substitute(dollars * 2 + rest) == dollars + rest


@given(st.text(max_size=40))
def test_escaping_protects_any_text(text: str):
    assert Interpolator(ENV.get).substitute(text.replace("$", "$$")) == text


@given(st.text(alphabet="${}AB:-?+ x", max_size=40))
def test_nothing_but_the_two_errors_comes_out(text: str):
    with contextlib.suppress(InvalidTemplate, MissingVariable):
        Interpolator(ENV.get).substitute(text)
