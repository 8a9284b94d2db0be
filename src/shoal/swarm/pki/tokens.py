"""Join tokens and the unlock key, in Docker's text form.

A join token proves two ways at once: its digest pins the CA that the joining node has to find, its secret lets that
node in, and says as what. Source: SwarmKit design/tls; the digest is here of the certificate's DER form.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shoal.errors import InvalidArgument

SECRET_BYTES = 16
UNLOCK_KEY_BYTES = 32
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_DIGEST_LENGTH, _SECRET_LENGTH = 50, 25
_UNLOCK_PREFIX = "SWMKEY-1-"


@dataclass(frozen=True, slots=True)
class JoinToken:
    """digest: SHA-256 of the root CA's certificate (DER)    secret: 16 bytes"""

    digest: bytes
    secret: bytes

    def __str__(self) -> str:
        return f"SWMTKN-1-{_base36(self.digest, _DIGEST_LENGTH)}-{_base36(self.secret, _SECRET_LENGTH)}"


def ca_digest(certificate: str) -> bytes:
    """What a token says of a root CA. certificate: PEM"""
    import ssl

    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest()


def token_text(ca_certificate: str, secret: bytes) -> str:
    """SWMTKN-1-… of a cluster. ca_certificate: PEM of its root; secret: of the role, `new_secret`"""
    return str(JoinToken(ca_digest(ca_certificate), secret))


def parse_token(text: str) -> JoinToken:
    """Raises: InvalidArgument "invalid join token\""""
    parts = text.split("-")
    try:
        prefix, version, digest, secret = parts
        if (prefix, version, len(digest), len(secret)) != ("SWMTKN", "1", _DIGEST_LENGTH, _SECRET_LENGTH):
            raise ValueError
        return JoinToken(_from_base36(digest, 32), _from_base36(secret, SECRET_BYTES))
    except (ValueError, OverflowError):
        raise InvalidArgument("invalid join token") from None


def role_of(secret: bytes, secrets: Mapping[str, bytes]) -> str:
    """The role that a secret lets in as, "" for none; takes as long whichever it is.

    secrets: {"worker"|"manager": secret}
    """
    found = ""
    for role, wanted in secrets.items():
        if hmac.compare_digest(secret, wanted):
            found = role
    return found


def new_secret(random_bytes: Callable[[int], bytes]) -> bytes:
    """A new secret of a join token."""
    return random_bytes(SECRET_BYTES)


def new_unlock_key(random_bytes: Callable[[int], bytes]) -> bytes:
    """A new key that managers ask for after a restart while the cluster is locked."""
    return random_bytes(UNLOCK_KEY_BYTES)


def unlock_text(key: bytes) -> str:
    """SWMKEY-1-…"""
    return _UNLOCK_PREFIX + base64.b64encode(key).decode().rstrip("=")


def parse_unlock(text: str) -> bytes:
    """Raises: InvalidArgument "invalid key: …\""""
    body = text.strip().removeprefix(_UNLOCK_PREFIX)
    try:
        key = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.strip().startswith(_UNLOCK_PREFIX) or len(key) != UNLOCK_KEY_BYTES:
        raise InvalidArgument("invalid key: it must have the form SWMKEY-1-…")
    return key


def _base36(data: bytes, length: int) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text.rjust(length, "0")


def _from_base36(text: str, size: int) -> bytes:
    if not all(digit in _DIGITS for digit in text):
        raise ValueError(text)
    return int(text, 36).to_bytes(size, "big")
