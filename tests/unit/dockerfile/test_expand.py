"""Variables, quotes and escapes in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.dockerfile.expand import BadExpansion, expand, expand_lines, expand_words

VARIABLES = {"A": "one", "E": "", "P": "a/b/c.tar.gz", "S": "x y  z", "abc": "name"}


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("plain", "plain"),
        ("$A", "one"),
        ("${A}s", "ones"),
        ("$abc-x", "name-x"),
        ("$none", ""),
        ("$", "$"),
        ("a$", "a$"),
        ("$ A", "$ A"),
        (r"\$A", "$A"),
        (r"\${A}", "${A}"),
        ("'$A'", "$A"),
        ('"$A"', "one"),
        ('"a\\"b\\n"', 'a"b\\n'),
        ("a'b c'd", "ab cd"),
        (r"a\ b", "a b"),
        ("${none:-x}", "x"),
        ("${E:-x}", "x"),
        ("${E-x}", ""),
        ("${none-x}", "x"),
        ("${A:+x}", "x"),
        ("${E:+x}", ""),
        ("${E+x}", "x"),
        ("${none+x}", ""),
        ("${none:-${A}}", "one"),
        ('${none:-"a b"}', "a b"),
        ("${A:?gone}", "one"),
        ("${P#*/}", "b/c.tar.gz"),
        ("${P##*/}", "c.tar.gz"),
        ("${P%.*}", "a/b/c.tar"),
        ("${P%%.*}", "a/b/c"),
        ("${P#nothing}", "a/b/c.tar.gz"),
        ("${P/a/X}", "X/b/c.tXr.gz".replace("tXr", "tar")),
        ("${P//a/X}", "X/b/c.tXr.gz"),
        ("${P//\\//-}", "a-b-c.tar.gz"),
        ("${P/a}", "/b/c.tar.gz"),
        ("${A:-}", "one"),
    ],
)
def test_expand(word: str, wanted: str):
    assert expand(word, VARIABLES) == wanted


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("${none:?gone}", "none: gone"),
        ("${none?}", "none: not allowed to be unset"),
        ("${A", "unsupported modifier"),
        ("${A:-x", 'missing "}"'),
        ("${}", "bad substitution"),
        ("${A^^}", "unsupported modifier"),
        ("'x", "matching single-quote"),
        ('"x', "matching double-quote"),
    ],
)
def test_what_can_not_be_expanded(word: str, wanted: str):
    with pytest.raises(BadExpansion, match="(?i)" + wanted.replace('"', ".").replace("}", ".")):
        expand(word, VARIABLES)


def test_words_are_split_where_a_variable_has_spaces_unless_quoted():
    assert expand_words("$S b", VARIABLES) == ["x", "y", "z", "b"]
    assert expand_words('"$S" b', VARIABLES) == ["x y  z", "b"]
    assert expand_words("''", VARIABLES) == [""]
    assert expand_words("$none", VARIABLES) == []


def test_quotes_are_ordinary_in_heredocs():
    assert expand_lines("say \"$A\" 'and' \\$A \\n\n", VARIABLES) == "say \"one\" 'and' $A \\n\n"


def test_another_escape_character():
    assert expand("`$A \\$A", VARIABLES, "`") == "$A \\one"


def test_unset_names_are_reported():
    unset: list[str] = []
    expand("$A $none ${other}", VARIABLES, unset=unset)
    assert unset == ["none", "other"]


@given(st.text("ab$ {}:-\\'\"/#%?", max_size=20))
def test_any_word_is_expanded_or_refused(word: str):
    try:
        expand(word, VARIABLES)
    except BadExpansion as error:
        assert 0 <= error.offset <= len(word)


@given(st.text(max_size=30))
def test_single_quotes_keep_anything_but_themselves(text: str):
    inner = text.replace("'", "")
    assert expand(f"'{inner}'", VARIABLES) == inner
