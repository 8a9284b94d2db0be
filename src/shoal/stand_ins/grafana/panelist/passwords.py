"""Passwords and tokens, of which only digests are kept."""

import hashlib
import hmac
import secrets

_COST = 2**14


def hash_password(password: str) -> str:
    """A salted digest of `password`, different at every call."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_digest(password, salt)}"


def is_password(password: str, digest: str) -> bool:
    """Whether `digest` was made of `password`. Cost: about 50 ms, on purpose."""
    salt, _, wanted = digest.partition("$")
    return bool(wanted) and hmac.compare_digest(_digest(password, bytes.fromhex(salt)), wanted)


def _digest(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=8, p=1).hex()


def new_token(prefix: str = "") -> str:
    """A token that nobody guesses."""
    return prefix + secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    """The digest a token is found by; it needs no salt: tokens are random."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_uid() -> str:
    """A UID for an object of the API."""
    return secrets.token_hex(7)
