"""YAML by the rules of Compose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compose.loading.tree import Map, Mark, Override, Reset, Seq, locate
from shoal.compose.loading.yaml_tree import parse_yaml
from shoal.compose.text.yaml import to_yaml
from shoal.errors import InvalidArgument


def value(text: str):
    return parse_yaml(f"a: {text}", "f.yaml")[0]["a"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("21:21", "21:21"),
        ("22:22:22", "22:22:22"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("", None),
        ("~", None),
        ("null", None),
        ("0440", 288),
        ("0o440", 288),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("-5", -5),
        ("+5", 5),
        ("08", 8.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("2001-12-14", "2001-12-14"),
        ("12345678901234567890", 12345678901234567890),
        (".inf", float("inf")),
        ("'5'", "5"),
        ('"yes"', "yes"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("=", "="),
    ],
)
def test_scalars(text: str, wanted: object):
    found = value(text)
    assert (type(found), found) == (type(wanted), wanted)


@pytest.mark.parametrize("text", ["x: {a: 1", "a: [1", "\t- x", "a: b: c", "*nope", "a: 'x", "%YAML x", "a: !!int x"])
def test_broken_yaml_is_refused_with_its_place(text: str):
    with pytest.raises(InvalidArgument, match=r"^f\.yaml:\d+:\d+: "):
        parse_yaml(text, "f.yaml")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("services:\n\tweb:\n", "YAML is indented with spaces; this line has a tab"),
        ("services:\n  web: {\n", ""),
        ("services:\n  web: @x\t\n", ""),
    ],
)
def test_a_tab_that_indents_is_named(text: str, hint: str):
    with pytest.raises(InvalidArgument) as refused:
        parse_yaml(text, "compose.yaml")
    assert refused.value.hint == hint


def test_a_key_given_twice_is_refused():
    with pytest.raises(InvalidArgument) as error:
        parse_yaml("a: 1\nb: 2\na: 3\n", "f.yaml")
    assert str(error.value) == 'f.yaml:3:1: mapping key "a" already defined at line 1'


def test_merge_keys_give_defaults_and_the_first_source_wins():
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], c: 3}\nw:\n  b: 9\n  <<: *x\n"
    tree = parse_yaml(text, "f.yaml")[0]
    assert tree["z"] == {"a": 1, "b": 1, "c": 3}
    assert tree["w"] == {"a": 1, "b": 9}
    assert tree["z"].marks["a"] == Mark("f.yaml", 1, 8)


def test_tags_for_the_merge():
    tree = parse_yaml("a: !reset null\nb: !override [1]\nc: [1, !reset x]\n", "f.yaml")[0]
    assert isinstance(tree["a"], Reset)
    assert isinstance(tree["b"], Override) and tree["b"].value == [1]
    assert tree["c"] == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !other x", '1:4: unknown tag "!other"'),
        ("? [a]\n: 1", "1:3: a key must be a string"),
        ("~: 1", "1:1: a key must not be empty"),
        ("a: &a [*a]", "an alias refers to what contains it"),
        ("a: {<<: 5}", "1:9: map merge requires map or sequence of maps as the value"),
        ("a: !!binary aGk=", "binary values are not supported"),
    ],
)
def test_what_is_refused(text: str, message: str):
    with pytest.raises(InvalidArgument) as error:
        parse_yaml(text, "f.yaml")
    assert message in str(error.value)


def test_a_tower_of_aliases_is_refused_before_it_fills_the_memory():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(InvalidArgument, match="too many aliases"):
        parse_yaml("\n".join(lines), "f.yaml")


@pytest.mark.parametrize("text", ["[" * 5000, "a: " + "{b: " * 5000, "- " * 5000 + "x", "&a " + "[" * 200 + "]" * 200])
def test_a_tower_of_brackets_is_refused(text: str):
    with pytest.raises(InvalidArgument):
        parse_yaml(text, "f.yaml")


def test_several_documents_and_none():
    assert parse_yaml("a: 1\n---\nb: 2\n", "f") == [{"a": 1}, {"b": 2}]
    assert parse_yaml("", "f") == parse_yaml("# only a comment\n", "f") == []


def test_locate_finds_the_nearest_mark():
    tree = parse_yaml("a:\n  b:\n    - x\n    - {c: 1}\n", "f")[0]
    assert locate(tree, ("a", "b", 1, "c")) == Mark("f", 4, 8)
    assert locate(tree, ("a", "b", 0)) == Mark("f", 3, 7)
    assert locate(tree, ("a", "nope", "deeper")) == Mark("f", 1, 1)
    assert locate(Map({"a": Seq([1])}), ("a", 0)) is None


scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(max_size=30))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(min_size=1, max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=10), trees, max_size=4))
def test_what_is_written_reads_back(tree: dict[str, object]):
    """`compose config` gives a file that means the same, whatever the strings."""
    text = to_yaml(tree)
    try:
        found = parse_yaml(text, "f")
    except InvalidArgument as error:
        # characters that YAML cannot hold at all
        assert "not YAML" in str(error), (text, error)
        return
    assert (found[0] if found else {}) == tree
