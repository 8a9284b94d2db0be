"""Credentials for registries on the wire. Source: Docker Engine API v1.51, "Authentication" and SystemAuth."""

import base64
import binascii
import json
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.registry import RegistryAuth
from shoal.wire.fields import decode, text

_AUTH = (
    text("username", "username"),
    text("password", "password"),
    text("identitytoken", "identity_token"),
    text("registrytoken", "registry_token"),
    text("serveraddress", "server_address"),
)


def decode_auth(value: Any) -> RegistryAuth:
    """The credentials in a JSON object; `auth` ("user:password" in base64) is read as well. Raises: InvalidArgument"""
    auth = RegistryAuth(**decode(_AUTH, value, ""))
    packed = value.get("auth") if isinstance(value, dict) else None
    if not auth.username and isinstance(packed, str) and packed:
        user, _, password = _decode64(packed, "auth").decode("utf-8", "replace").partition(":")
        auth = RegistryAuth(username=user, password=password.rstrip("\0"), server_address=auth.server_address)
    return auth


def decode_auth_header(header: str) -> RegistryAuth | None:
    """The credentials in an X-Registry-Auth header (base64url of JSON), None where there are none.

    Raises: InvalidArgument
    """
    if not header:
        return None
    try:
        value = json.loads(_decode64(header, "X-Registry-Auth") or b"{}")
    except (ValueError, RecursionError):
        raise InvalidArgument("invalid X-Registry-Auth header: expected JSON in base64url") from None
    auth = decode_auth(value)
    return None if auth.is_anonymous else auth


def _decode64(text: str, name: str) -> bytes:
    normal = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(normal + "=" * (-len(normal) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(f"invalid {name} header: expected base64url") from None
