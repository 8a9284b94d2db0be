"""A registry's refusals in Docker's words. Source: OCI distribution specification, "Error Codes"."""

import asyncio
import json
import os
import socket
import ssl
from typing import Any

import aiohttp

from shoal.errors import DriverError, Forbidden, NotFound, ShoalError, Unauthorized, Unavailable
from shoal.oci.reference import Reference

_BODY_LIMIT = 64 << 10
_DENIED = ("DENIED", "UNAUTHORIZED")


class Refused(Exception):
    """An answer that is not what was wanted.

    status: HTTP's
    code, message: the first error of the body, "" where it has none
    """

    def __init__(self, method: str, url: str, status: int, code: str, message: str) -> None:
        super().__init__(f"{method} {url}: {status}")
        self.method = method
        self.url = url
        self.status = status
        self.code = code
        self.message = message

    @property
    def text(self) -> str:
        """As Docker prints an error code: "manifest unknown: manifest unknown"."""
        if not self.code:
            return f"unexpected status from {self.method} request to {self.url}: {self.status}"
        name = "unauthorized" if self.code == "UNAUTHORIZED" else self.code.lower().replace("_", " ")
        name = "denied" if self.code == "DENIED" else name
        return f"{name}: {self.message}" if self.message else name


async def refusal(response: aiohttp.ClientResponse) -> Refused:
    """The refusal that a response is."""
    body = await response.content.read(_BODY_LIMIT)
    code, message = _first_error(body)
    return Refused(response.method, str(response.url), response.status, code, message)


def _first_error(body: bytes) -> tuple[str, str]:
    try:
        value: Any = json.loads(body)
        error = value["errors"][0]
        return str(error.get("code", "")), str(error.get("message", ""))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""


def pull_error(refused: Refused, reference: Reference) -> ShoalError:
    """The error for a user who wanted to read `reference`."""
    if refused.status == 429:
        return Unavailable(f"toomanyrequests: {refused.message or 'the registry asks to slow down'}")
    if refused.status in (401, 403) or refused.code in _DENIED:
        return NotFound(
            f"pull access denied for {reference.familiar_name}, repository does not exist or may require "
            f"'docker login': {refused.text}",
            hint="shoal login",
        )
    if refused.code == "NAME_UNKNOWN":
        return NotFound(f"repository {reference.familiar} not found: {refused.text}")
    if refused.status == 404:
        cause = refused.text if refused.code else "manifest unknown: manifest unknown"
        return NotFound(f"manifest for {reference.familiar} not found: {cause}")
    return _other(refused)


def push_error(refused: Refused, reference: Reference) -> ShoalError:
    """The error for a user who wanted to write `reference`."""
    if refused.status == 401:
        return Unauthorized(refused.text if refused.code else "unauthorized: authentication required")
    if refused.status == 403 or refused.code == "DENIED":
        cause = refused.text if refused.code else "denied"
        return Forbidden(f"{cause}: requested access to {reference.familiar_name} is denied")
    return _other(refused)


def _other(refused: Refused) -> ShoalError:
    if refused.status >= 500:
        return Unavailable(f"received unexpected HTTP status: {refused.status} from {refused.url}")
    return DriverError(refused.text)


def connection_error(method: str, url: str, error: BaseException) -> Unavailable:
    """The error for a registry that can't be reached."""
    is_tls = isinstance(error, aiohttp.ClientConnectorSSLError | aiohttp.ClientConnectorCertificateError)
    hint = "a registry that you trust all the same: the setting insecure_registries" if is_tls else ""
    return Unavailable(f'{method.title()} "{url}": {_why(error)}', hint=hint)


def _why(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: {error}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        # What TLS makes of an answer in plain text differs between versions of OpenSSL.
        is_plain = any(
            word in str(error) for word in ("WRONG_VERSION", "RECORD_LAYER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")
        )
        return "http: server gave HTTP response to HTTPS client" if is_plain else f"tls: {error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(error.__cause__, socket.gaierror):
        host = getattr(error, "host", "")
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorError):
        where = f"{error.host}:{error.port}"
        return f"dial tcp {where}: connect: {_strerror(error.os_error)}"
    if isinstance(error, asyncio.TimeoutError):
        return "context deadline exceeded (the registry does not answer)"
    return str(error) or type(error).__name__


def _strerror(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
