"""POST /build: query and headers to a request."""

import base64
import json

import pytest
from multidict import MultiDict

from shoal.client.images import secrets_header
from shoal.errors import InvalidArgument
from shoal.model.resources import Ulimit
from shoal.wire.build import QueryReader, decode_build, decode_secrets


def decode(*pairs: tuple[str, str], **headers: str):
    return decode_build(QueryReader(MultiDict(pairs)), {k.replace("_", "-"): v for k, v in headers.items()})


def test_what_the_docker_cli_sends():
    auths = base64.urlsafe_b64encode(json.dumps({"r.example": {"username": "u", "password": "p"}}).encode()).decode()
    request = decode(
        ("t", "a:1"),
        ("t", "b"),
        ("dockerfile", "x/Dockerfile"),
        ("buildargs", '{"A":"1","B":null}'),
        ("labels", '{"l":"v"}'),
        ("cachefrom", '["c"]'),
        ("ulimits", '[{"Name":"nofile","Soft":1,"Hard":2}]'),
        ("extrahosts", "a:1.2.3.4,b:5.6.7.8"),
        ("memory", "67108864"),
        ("nocache", "1"),
        ("pull", "1"),
        ("q", "0"),
        ("version", "1"),
        X_Registry_Config=auths,
    )
    assert request.tags == ("a:1", "b")
    assert request.dockerfile == "x/Dockerfile"
    assert request.build_args == {"A": "1", "B": None}
    assert request.extra_hosts == ("a:1.2.3.4", "b:5.6.7.8")
    assert request.resources.memory_bytes == 64 << 20
    assert request.resources.ulimits == (Ulimit(name="nofile", soft=1, hard=2),)
    assert (request.no_cache, request.pull, request.quiet) == (True, True, False)
    assert request.auths == {"r.example": {"username": "u", "password": "p"}}


def test_defaults():
    request = decode()
    assert (request.dockerfile, request.tags, request.network_mode) == ("Dockerfile", (), "")


def test_secrets_survive_and_are_not_shown():
    secrets = {"a": b"\x00\xff", "b": "ü".encode()}
    (header,) = secrets_header(secrets).values()
    assert decode_secrets(header) == secrets
    request = decode(X_Shoal_Build_Secrets=header)
    assert request.secrets == secrets
    assert "secrets" not in repr(request)


def test_a_secret_that_is_too_large_is_refused():
    assert secrets_header({"a": bytes(500 * 1024)})
    with pytest.raises(InvalidArgument, match="invalid secret a: 512001 bytes, at most 512000 are possible"):
        secrets_header({"a": bytes(500 * 1024 + 1)})


def test_the_clients_header_is_the_one_that_is_read():
    assert decode_secrets(secrets_header({"a": b"1"})["X-Shoal-Build-Secrets"]) == {"a": b"1"}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("buildargs", "[1]", "buildargs: expected a JSON object, got list"),
        ("buildargs", "{", "buildargs: invalid JSON"),
        ("cachefrom", "{}", "cachefrom: expected a JSON array, got dict"),
        ("memory", "much", 'memory: expected a whole number, got "much"'),
        ("ulimits", "[1]", "ulimits: expected Name, Soft and Hard"),
    ],
)
def test_errors_name_the_parameter(name: str, value: str, wanted: str):
    with pytest.raises(InvalidArgument) as caught:
        decode((name, value))
    assert wanted in caught.value.message


def test_bad_secrets():
    with pytest.raises(InvalidArgument, match="X-Shoal-Build-Secrets"):
        decode(X_Shoal_Build_Secrets="!")
