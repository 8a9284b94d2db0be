"""Environment files."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compose.loading.dotenv import parse_dotenv, parse_raw
from shoal.errors import InvalidArgument, ShoalError

FILE = """
# comment
A=1 # x
export B='si $A "q" '
C="dq $A \\$A \\n nl"
D=$A-${ZZ:-def}#nocomment
E = sp aced
F: yamlish
G="multi
line"
H='a\\'b'
HOME=over
I=$HOME
J=a$$b
K=
L=v#x
M="x" # c
N=\\$A
O=a\\nb
P="a\\tb\\\\n"
OUTSIDE
NOWHERE
discovery.type=single-node
"""


def test_every_form():
    outside = {"HOME": "/root", "OUTSIDE": "o"}
    assert parse_dotenv(FILE, outside.get, ".env") == {
        "A": "1",
        "B": 'si $A "q" ',
        "C": "dq 1 $A \n nl",
        "D": "1-def#nocomment",
        "E": "sp aced",
        "F": "yamlish",
        "G": "multi\nline",
        "H": "a'b",
        "HOME": "over",
        "I": "/root",
        "J": "a$b",
        "K": "",
        "L": "v#x",
        "M": "x",
        "N": "\\1",
        "O": "a\\nb",
        "P": "a\tb\\n",
        "OUTSIDE": "o",
        "discovery.type": "single-node",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A='x", ".env:1: unterminated quoted value"),
        ('\nB="x', ".env:2: unterminated"),
        ("A=1\n!x=2", '.env:2: unexpected character "!" in variable name'),
        ("A B=1", 'near "A"'),
        ("A='x' y", "unexpected text after the closing quote"),
        ("A=${B", "invalid interpolation format"),
        ("A=${B:?no}", "required variable B is missing a value: no"),
    ],
)
def test_errors_name_the_line(text: str, message: str):
    with pytest.raises(InvalidArgument) as error:
        parse_dotenv(text, {}.get, ".env")
    assert message in str(error.value)


def test_windows_line_ends_and_a_byte_order_mark():
    assert parse_dotenv("\ufeffA=1\r\nB='x'\r\n", {}.get, ".env") == {"A": "1", "B": "x"}


def test_the_raw_format_keeps_everything():
    assert parse_raw("# c\nA='$x' # y\nB\nC=a=b\n\n", {"B": "b"}.get) == {"A": "'$x' # y", "B": "b", "C": "a=b"}


@given(st.text(max_size=60))
def test_no_file_breaks_it(text: str):
    with contextlib.suppress(ShoalError):
        parse_dotenv(text, {}.get, ".env")


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True),
        st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="'\\\r"), max_size=20),
        max_size=5,
    )
)
def test_single_quotes_keep_any_text(values: dict[str, str]):
    text = "".join(f"{key}='{value}'\n" for key, value in values.items())
    assert parse_dotenv(text, {}.get, ".env") == values
