"""Credentials on the wire."""

import base64
import json

import pytest

from shoal.errors import InvalidArgument
from shoal.model.registry import RegistryAuth
from shoal.wire.registry_auth import decode_auth, decode_auth_header


def header(value: object, *, padded: bool = True) -> str:
    text = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    return text if padded else text.rstrip("=")


@pytest.mark.parametrize("padded", [True, False])
def test_the_header_is_base64url_with_or_without_padding(padded: bool) -> None:
    value = {"username": "ann", "password": "pä?>ss", "serveraddress": "https://x", "email": "e"}
    found = decode_auth_header(header(value, padded=padded))
    assert found == RegistryAuth(username="ann", password="pä?>ss", server_address="https://x")


def test_nothing_said_is_nobody() -> None:
    for text in ("", header({}), header(None), header({"serveraddress": "x"})):
        assert decode_auth_header(text) is None


def test_tokens_and_packed_credentials() -> None:
    assert decode_auth({"identitytoken": "t"}) == RegistryAuth(identity_token="t")
    packed = base64.b64encode(b"ann:a:b").decode()
    assert decode_auth({"auth": packed}) == RegistryAuth(username="ann", password="a:b")


@pytest.mark.parametrize("text", ["!!!", base64.b64encode(b"no json").decode(), header([1]), header({"username": 1})])
def test_bad_headers(text: str) -> None:
    with pytest.raises(InvalidArgument):
        decode_auth_header(text)


def test_passwords_are_not_shown() -> None:
    assert "s3cret" not in repr(RegistryAuth(username="a", password="s3cret", identity_token="s3cret"))
