"""Logins where docker keeps them, with a real credential helper program."""

import json
import os
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from shoal.client.credentials import (
    DOCKER_HUB,
    erase_login,
    load_config,
    registry_auth,
    registry_config_header,
    registry_key,
    registry_of,
    store_login,
    stored_login,
)
from shoal.errors import InvalidArgument, ShoalError

HELPER = """#!/bin/sh
# a credential helper that keeps its secrets in files
store="$(dirname "$0")/kept"; mkdir -p "$store"
input="$(cat)"
name() { printf %s "$1" | tr -c a-zA-Z0-9 _; }
case "$1" in
    store) server="$(printf %s "$input" | sed 's/.*"ServerURL": "\\([^"]*\\)".*/\\1/')"
           printf %s "$input" > "$store/$(name "$server")";;
    get) cat "$store/$(name "$input")" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; };;
    erase) rm -f "$store/$(name "$input")";;
    list) printf '{"localhost:5000":"ann"}';;
    *) echo "broken"; exit 2;;
esac
"""


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    helper = tmp_path / "bin" / "docker-credential-files"
    helper.parent.mkdir()
    helper.write_text(HELPER)
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    return {"SHOAL_CONFIG": str(tmp_path / "config"), "HOME": str(tmp_path)}


def write_config(env: dict[str, str], value: object) -> None:
    path = Path(env["SHOAL_CONFIG"]) / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def decoded(header: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(urlsafe_b64decode(header))
    return value


def test_a_login_is_kept_as_docker_keeps_it_and_other_settings_stay(env: dict[str, str]) -> None:
    write_config(env, {"psFormat": "x", "auths": {"other:1": {"auth": "YTpi"}}})
    assert store_login(env, "localhost:5000", {"username": "ann", "password": "p:w"}) == ""
    path = Path(env["SHOAL_CONFIG"]) / "config.json"
    assert json.loads(path.read_text()) == {
        "psFormat": "x",
        "auths": {"other:1": {"auth": "YTpi"}, "localhost:5000": {"auth": "YW5uOnA6dw=="}},
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert decoded(registry_auth("localhost:5000/app:1", env)) == {
        "username": "ann", "password": "p:w", "serveraddress": "localhost:5000",
    }  # fmt: skip
    assert registry_auth("redis", env) == ""
    assert erase_login(env, "localhost:5000") and not erase_login(env, "localhost:5000")
    assert "localhost:5000" not in load_config(env)["auths"]


def test_a_helper_keeps_the_secret_out_of_the_file(env: dict[str, str]) -> None:
    write_config(env, {"credsStore": "files"})
    assert store_login(env, "localhost:5000", {"username": "ann", "password": "secret"}) == "files"
    assert "secret" not in (Path(env["SHOAL_CONFIG"]) / "config.json").read_text()
    assert stored_login(load_config(env), "localhost:5000")["password"] == "secret"
    assert decoded(registry_config_header(env)["X-Registry-Config"])["localhost:5000"]["username"] == "ann"  # type: ignore[index]
    assert erase_login(env, "localhost:5000")
    assert stored_login(load_config(env), "localhost:5000") == {}


def test_a_helper_of_one_registry_and_identity_tokens(env: dict[str, str]) -> None:
    write_config(
        env, {"credHelpers": {"registry.example": "files"}, "auths": {"plain": {"auth": "YTpi", "identitytoken": "t"}}}
    )
    store_login(env, "registry.example", {"username": "ann", "password": "", "identitytoken": "token"})
    assert stored_login(load_config(env), "registry.example") == {
        "identitytoken": "token", "serveraddress": "registry.example",
    }  # fmt: skip
    assert stored_login(load_config(env), "plain")["identitytoken"] == "t"


def test_broken_files_and_helpers_are_told(env: dict[str, str]) -> None:
    write_config(env, "{not json")
    with pytest.raises(InvalidArgument, match="loading config file"):
        load_config(env)
    write_config(env, {"credsStore": "not-there"})
    with pytest.raises(ShoalError, match="docker-credential-not-there"):
        stored_login(load_config(env), "x")


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("redis", DOCKER_HUB),
        ("me/app:1", DOCKER_HUB),
        ("docker.io/library/redis", DOCKER_HUB),
        ("localhost/a", "localhost"),
        ("ghcr.io/a/b@sha256:1", "ghcr.io"),
    ],
)
def test_whose_login(reference: str, registry: str) -> None:
    assert registry_of(reference) == registry


def test_names_of_registries() -> None:
    assert registry_key("") == registry_key("https://index.docker.io/v1/") == DOCKER_HUB
    assert registry_key("https://ghcr.io/v2/") == "ghcr.io"
