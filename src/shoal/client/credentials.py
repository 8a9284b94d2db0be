"""Registry credentials, where docker keeps them: `config.json`, its credential helpers and its store.

The folder is SHOAL_CONFIG, else DOCKER_CONFIG, else ~/.docker, so that logins of docker work here too.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode, urlsafe_b64encode

from shoal.errors import InvalidArgument, ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DOCKER_HUB = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # how credential helpers mark an identity token
_HELPER_TIMEOUT_S = 60


def config_path(env: Mapping[str, str]) -> str:
    """Path of config.json."""
    folder = env.get("SHOAL_CONFIG") or env.get("DOCKER_CONFIG") or os.path.join(env.get("HOME") or "/root", ".docker")
    return os.path.join(folder, "config.json")


def load_config(env: Mapping[str, str]) -> dict[str, Any]:
    """The content of config.json; {} where it is not there. Raises: InvalidArgument where it is no JSON object."""
    path = config_path(env)
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"loading config file: {path}: {error}") from error
    if not isinstance(config, dict):
        raise InvalidArgument(f"loading config file: {path}: expected an object, got {type(config).__name__}")
    return config


def save_config(env: Mapping[str, str], config: Mapping[str, Any]) -> None:
    """Replace config.json; readable by its owner only."""
    path = config_path(env)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(config, file, indent="\t")
        file.write("\n")
    os.replace(temporary, path)


def registry_of(reference: str) -> str:
    """The key of a reference's registry in config.json: "localhost:5000", or Docker Hub's URL."""
    first, slash, _ = reference.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return first if is_host and first not in ("docker.io", "index.docker.io", "registry-1.docker.io") else DOCKER_HUB


def registry_key(server: str) -> str:
    """The key of a registry as `login` names it: no scheme, no path; Docker Hub's URL for none."""
    host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return DOCKER_HUB if host in ("", "docker.io", "index.docker.io", "registry-1.docker.io") else host


def registry_auth(reference: str, env: Mapping[str, str]) -> str:
    """Value of X-Registry-Auth for a reference; "" where no login is stored."""
    config = load_config(env)
    return encode_auth(stored_login(config, registry_of(reference))) if config else ""


def encode_auth(login: Mapping[str, str]) -> str:
    """A login as the value of X-Registry-Auth; "" for an empty one."""
    return urlsafe_b64encode(json.dumps(login).encode()).decode() if login else ""


def registry_config_header(env: Mapping[str, str]) -> dict[str, str]:
    """X-Registry-Config with every stored login, for builds; {} where there is none."""
    config = load_config(env)
    names = {*config.get("auths", {}), *config.get("credHelpers", {})}
    if config.get("credsStore"):
        names |= set(_run_helper(config["credsStore"], "list", "") or {})
    logins = {name: login for name in sorted(names) if (login := stored_login(config, name))}
    return {"X-Registry-Config": encode_auth(logins)} if logins else {}  # type: ignore[arg-type]


def stored_login(config: Mapping[str, Any], key: str) -> dict[str, str]:
    """username, password (or identitytoken) and serveraddress stored for a registry; {} where there is none."""
    helper = (config.get("credHelpers") or {}).get(key) or config.get("credsStore")
    if helper:
        found = _run_helper(helper, "get", key)
        if found:
            user, secret = str(found.get("Username", "")), str(found.get("Secret", ""))
            login = {"identitytoken": secret} if user == _TOKEN_USER else {"username": user, "password": secret}
            return {**login, "serveraddress": key}
    auths = config.get("auths") or {}
    entry: Mapping[str, Any] = auths.get(key) or next(
        (value for name, value in auths.items() if registry_key(name) == registry_key(key)), {}
    )
    return _decode_entry(entry, key)


def _decode_entry(entry: Mapping[str, Any], key: str) -> dict[str, str]:
    login: dict[str, str] = {}
    if entry.get("auth"):
        try:
            user, _, password = b64decode(entry["auth"]).decode().partition(":")
        except ValueError as error:
            raise InvalidArgument(f"config.json: the login for {key} is not base64: {error}") from error
        login = {"username": user, "password": password.rstrip("\0")}
    elif entry.get("username"):
        login = {"username": entry["username"], "password": entry.get("password", "")}
    if entry.get("identitytoken"):
        login = {**login, "identitytoken": entry["identitytoken"]}
    if entry.get("registrytoken"):
        login = {**login, "registrytoken": entry["registrytoken"]}
    return {**login, "serveraddress": key} if login else {}


def store_login(env: Mapping[str, str], key: str, login: Mapping[str, str]) -> str:
    """Keep a login (username, password, identitytoken); the helper that keeps it, "" for config.json itself."""
    config = load_config(env)
    helper = str((config.get("credHelpers") or {}).get(key) or config.get("credsStore") or "")
    token = login.get("identitytoken", "")
    if helper:
        user = _TOKEN_USER if token else login.get("username", "")
        secret = token or login.get("password", "")
        _run_helper(helper, "store", json.dumps({"ServerURL": key, "Username": user, "Secret": secret}))
        save_config(env, {**config, "auths": {**config.get("auths", {}), key: {}}})
        return helper
    pair = f"{login.get('username', '')}:{'' if token else login.get('password', '')}"
    entry = {"auth": b64encode(pair.encode()).decode(), **({"identitytoken": token} if token else {})}
    save_config(env, {**config, "auths": {**config.get("auths", {}), key: entry}})
    return ""


def erase_login(env: Mapping[str, str], key: str) -> bool:
    """Forget a login; whether there was one."""
    config = load_config(env)
    helper = (config.get("credHelpers") or {}).get(key) or config.get("credsStore")
    auths = dict(config.get("auths") or {})
    was_there = auths.pop(key, None) is not None
    if helper:
        was_there = bool(_run_helper(helper, "get", key)) or was_there
        _run_helper(helper, "erase", key)
    if was_there:
        save_config(env, {**config, "auths": auths})
    return was_there


def _run_helper(name: str, verb: str, text: str) -> dict[str, Any]:
    """What docker-credential-NAME answers to `verb`; {} where it knows nothing. Raises: ShoalError where it fails."""
    import subprocess  # only where a helper is configured

    program = f"docker-credential-{name}"
    try:
        result = subprocess.run([program, verb], input=text.encode(), capture_output=True, timeout=_HELPER_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ShoalError(f"error getting credentials: {program}: {error}") from error
    output = result.stdout.decode(errors="replace").strip()
    if result.returncode:
        if "credentials not found" in output:
            return {}
        raise ShoalError(
            f"error getting credentials: {program} {verb}: {output or result.stderr.decode(errors='replace')}"
        )
    return json.loads(output) if output.startswith("{") else {}
