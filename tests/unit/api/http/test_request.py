"""What the API takes for JSON, and what it does not."""

import pytest

from shoal.api.http.request import parse_json
from shoal.errors import InvalidArgument


@pytest.mark.parametrize("data", [b'{"a": ["\\u00e4", "\xc3\xad", "\\ud83d\\ude00"]}', b"[]", b"1", b'"\\\\u0000"'])
def test_json(data: bytes) -> None:
    parse_json(data, "body")


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"a": "b\\u0000c"}',
        b'{"b\\u0000": 1}',
        b'[{"a": ["\\ud800"]}]',
        b'"\xed\xa0\x80"',
        b"9" * 5_000,
    ],
)
def test_what_is_none_or_can_go_nowhere(data: bytes) -> None:
    with pytest.raises(InvalidArgument) as error:
        parse_json(data, "body")
    assert error.value.message.startswith("body: ")
    error.value.message.encode()
