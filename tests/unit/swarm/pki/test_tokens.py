"""Join tokens and the unlock key as text."""

import os

import pytest

from shoal.errors import InvalidArgument
from shoal.swarm.pki.authority import new_authority
from shoal.swarm.pki.tokens import (
    JoinToken,
    ca_digest,
    new_secret,
    new_unlock_key,
    parse_token,
    parse_unlock,
    role_of,
    token_text,
    unlock_text,
)


def test_a_token_has_docker_s_form_and_comes_back():
    ca = new_authority(10**18).certificate
    secret = new_secret(os.urandom)
    text = token_text(ca, secret)
    prefix, version, digest, rest = text.split("-")
    assert (prefix, version, len(digest), len(rest)) == ("SWMTKN", "1", 50, 25)
    assert parse_token(text) == JoinToken(ca_digest(ca), secret)


def test_small_numbers_are_padded():
    token = JoinToken(bytes(31) + b"\x01", bytes(16))
    assert str(token) == f"SWMTKN-1-{'0' * 49}1-{'0' * 25}"
    assert parse_token(str(token)) == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SWMTKN-1-x-y",
        "SWMTKN-2-" + "0" * 50 + "-" + "0" * 25,
        "SWMTKN-1-" + "z" * 50 + "-" + "0" * 25,
        "SWMTKN-1-" + "0" * 50 + "-" + "z" * 25,
        "SWMTKN-1-" + "0" * 49 + "A-" + "0" * 25,
        "SWMTKN-1-" + "0" * 50 + "-" + "0" * 24,
        "SWMTKN-1-" + "0" * 50 + "-" + "0" * 25 + "-",
    ],
)
def test_what_is_no_token_is_told(text: str):
    with pytest.raises(InvalidArgument, match="invalid join token"):
        parse_token(text)


def test_a_secret_lets_in_as_its_role_only():
    secrets = {"worker": bytes(16), "manager": b"m" * 16}
    assert role_of(bytes(16), secrets) == "worker"
    assert role_of(b"m" * 16, secrets) == "manager"
    assert role_of(b"m" * 15, secrets) == ""
    assert role_of(b"", secrets) == ""


def test_an_unlock_key_comes_back():
    key = new_unlock_key(os.urandom)
    assert unlock_text(key).startswith("SWMKEY-1-") and "=" not in unlock_text(key)
    assert parse_unlock(f" {unlock_text(key)}\n") == key


@pytest.mark.parametrize("text", ["", "SWMKEY-1-", "SWMKEY-1-abc", "SWMKEY-1-" + "!" * 43, "x" * 43])
def test_what_is_no_unlock_key_is_told(text: str):
    with pytest.raises(InvalidArgument, match="invalid key"):
        parse_unlock(text)
