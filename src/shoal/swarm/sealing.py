"""Values that only managers can read: AES-GCM under the cluster's data key.

The data key never leaves the managers: each keeps it in its root (`swarm.membership.keys`), and a new manager is given
it over mutual TLS. What is sealed: values of secrets and configs, the key of the CA, the join tokens' secrets.
"""

from collections.abc import Callable
from typing import Protocol

from shoal.errors import InternalError

KEY_BYTES = 32
_NONCE_BYTES = 12
#: first byte of everything that is sealed, so that another cipher can come later
_VERSION = b"\x01"


class Seal(Protocol):
    """Seals and opens values."""

    def seal(self, data: bytes) -> bytes: ...

    def unseal(self, sealed: bytes) -> bytes:
        """Raises: InternalError for what this key did not seal"""
        ...


class AesSeal:
    """AES-256-GCM under one key; each value has a nonce of its own.

    key: 32 bytes    random_bytes: n random bytes, as os.urandom
    """

    def __init__(self, key: bytes, random_bytes: Callable[[int], bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._random_bytes = random_bytes

    def seal(self, data: bytes) -> bytes:
        """`data` encrypted: version byte, nonce, ciphertext with its tag."""
        nonce = self._random_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, data, _VERSION)

    def unseal(self, sealed: bytes) -> bytes:
        """What was sealed. Raises: InternalError for what this key did not seal, or what was changed since"""
        from cryptography.exceptions import InvalidTag

        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _VERSION:
                raise InternalError("sealed value: unknown form")
            return self._cipher.decrypt(nonce, body, _VERSION)
        except (InvalidTag, ValueError) as error:
            raise InternalError("sealed value: not sealed with this cluster's data key, or damaged") from error
