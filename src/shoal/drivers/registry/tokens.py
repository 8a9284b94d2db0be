"""How we prove who we are: basic credentials, or tokens from the server that the registry names.

Source: distribution's token specification (token.md, oauth.md).
"""

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from shoal.drivers.registry.bodies import read_json
from shoal.drivers.registry.failures import connection_error, refusal
from shoal.errors import Forbidden, Unauthorized
from shoal.model.registry import RegistryAuth
from shoal.oci.challenge import Challenge, parse_challenges
from shoal.oci.endpoints import Endpoint, is_insecure

_CLIENT = "shoal"
_EARLY_S = 10
_DEFAULT_LIFE_S = 60
_REPLY_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token is for: an endpoint, scopes ("repository:library/redis:pull"), and who asks."""

    endpoint: str
    scopes: tuple[str, ...]
    auth: RegistryAuth | None


class Tokens:
    """Authorization headers, kept while they hold."""

    def __init__(self, session: Callable[[str], aiohttp.ClientSession]) -> None:
        """`session`: the one to use for a URL."""
        self._session = session
        self._known: dict[Wish, tuple[str, float]] = {}

    def known(self, wish: Wish) -> str:
        """The header's value that worked last time, "" where there is none."""
        if wish.auth is not None and wish.auth.registry_token:
            return f"Bearer {wish.auth.registry_token}"
        value, ends_at = self._known.get(wish, ("", 0.0))
        return value if time.monotonic() < ends_at else ""

    async def answer(self, header: str, wish: Wish, endpoint: Endpoint) -> str:
        """The header's value that answers a challenge. Raises: Unauthorized"""
        challenges = {challenge.scheme: challenge for challenge in parse_challenges(header)}
        if "bearer" in challenges:
            value, life_s = await self._bearer(challenges["bearer"], wish, endpoint)
        elif "basic" in challenges:
            value, life_s = _basic(wish.auth, endpoint.url, endpoint.is_plain and not endpoint.is_insecure), 3600.0
        else:
            raise Unauthorized(f"{endpoint.url} asks for an unknown kind of authentication: {header[:100]}")
        self._known[wish] = (value, time.monotonic() + life_s)
        return value

    async def _bearer(self, challenge: Challenge, wish: Wish, endpoint: Endpoint) -> tuple[str, float]:
        reply = await self.fetch(challenge, wish.scopes, wish.auth, endpoint)
        token = reply.get("token") or reply.get("access_token")
        if not token:
            raise Unauthorized("authorization server did not include a token in the response")
        life_s = max(_DEFAULT_LIFE_S, _number(reply.get("expires_in"))) - _EARLY_S
        return f"Bearer {token}", life_s

    async def fetch(
        self,
        challenge: Challenge,
        scopes: Sequence[str],
        auth: RegistryAuth | None,
        endpoint: Endpoint,
        *,
        offline: bool = False,
    ) -> dict[str, Any]:
        """The token server's reply. offline: also ask for a refresh token. Raises: Unauthorized, Unavailable"""
        realm = challenge.parameters.get("realm", "")
        url = urlsplit(realm)
        if url.scheme not in ("http", "https"):
            raise Unauthorized(f'{endpoint.url} names "{realm}" as its token server, which is no URL')
        is_plain = url.scheme == "http" and not (endpoint.is_insecure or is_insecure(url.netloc))
        query = {"service": challenge.parameters.get("service", ""), "client_id": _CLIENT}
        if offline:
            query["offline_token"] = "true"
        if auth is not None and auth.identity_token:
            _refuse_plain(realm, is_plain)
            form = {**query, "grant_type": "refresh_token", "refresh_token": auth.identity_token}
            return await self._ask("POST", realm, data={**form, "scope": " ".join(scopes)})
        headers = {}
        if auth is not None and auth.username:
            headers["Authorization"] = _basic(auth, realm, is_plain)
            query["account"] = auth.username
        pairs = [*((key, value) for key, value in query.items() if value), *(("scope", scope) for scope in scopes)]
        return await self._ask("GET", realm, params=pairs, headers=headers)

    async def _ask(self, method: str, url: str, **how: Any) -> dict[str, Any]:
        try:
            # A form holds a secret, and would be sent on whole to wherever a redirect leads.
            follow = method == "GET"
            async with self._session(url).request(method, url, allow_redirects=follow, **how) as response:
                if 300 <= response.status < 400:
                    raise Unauthorized(f"{url} wants to send us on with our token: {response.status}")
                if response.status in (400, 401, 403):
                    refused = await refusal(response)
                    why = refused.text if refused.code else f"unauthorized: incorrect username or password ({url})"
                    raise Unauthorized(why)
                response.raise_for_status()
                return await read_json(response, _REPLY_LIMIT_BYTES)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise connection_error(method, url, error) from error


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _basic(auth: RegistryAuth | None, url: str, is_plain: bool) -> str:
    if auth is None or not auth.username:
        raise Unauthorized(f'Get "{url}": no basic auth credentials', hint="shoal login")
    _refuse_plain(url, is_plain)
    pair = f"{auth.username}:{auth.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _refuse_plain(url: str, is_plain: bool) -> None:
    if is_plain:
        raise Forbidden(f"{url} wants the password over plain HTTP", hint="add the registry to insecure_registries")
