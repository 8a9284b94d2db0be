"""What a certificate says, read without the library that makes certificates.

A node reads its own each time it starts; the library takes 9 MiB and a tenth of a second, and a worker needs it only
when it asks for a new certificate. Nothing is verified here: handshakes do that. Source: X.690, RFC 5280 section 4.1
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from shoal.errors import InvalidArgument

_SEQUENCE, _INTEGER, _UTC_TIME, _VERSION, _EXTENSIONS, _KEY_ID = 0x30, 0x02, 0x17, 0xA0, 0xA3, 0x80
_NAMES = {b"\x55\x04\x03": "commonName", b"\x55\x04\x0a": "organizationName", b"\x55\x04\x0b": "organizationalUnitName"}
_SUBJECT_KEY_ID, _AUTHORITY_KEY_ID = b"\x55\x1d\x0e", b"\x55\x1d\x23"
_FIRST_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """issuer, subject: names as they are written (DER)    begins, ends: ns since the epoch

    key_id, issuer_key_id: of its own key and of its issuer's, b"" = not told
    """

    issuer: bytes
    subject: bytes
    begins: int
    ends: int
    key_id: bytes = b""
    issuer_key_id: bytes = b""

    def names(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The subject as `SSLSocket.getpeercert()["subject"]` gives it; parts that no node has are left out."""
        parts = [list(_items(pair)) for _, group in _items(self.subject) for _, pair in _items(group)]
        found = [(_NAMES.get(kind), value) for (_, kind), (_, value) in parts]
        return tuple(((name, value.decode()),) for name, value in found if name)


def read_certificate(text: str) -> Said:
    """Of the first certificate in a text (PEM). Raises: InvalidArgument"""
    begin, end, _ = text.lstrip().partition(_FIRST_END)
    try:
        (_, certificate), *_ = _items(ssl.PEM_cert_to_DER_cert(begin + end))
        (_, body), *_ = _items(certificate)
        return _said([item for item in _items(body) if item[0] != _VERSION])
    except (ValueError, IndexError) as error:
        raise InvalidArgument(f"certificate: {error}") from error


def _said(items: list[tuple[int, bytes]]) -> Said:
    """items: serial number, algorithm, issuer, validity, subject, key, …"""
    if [kind for kind, _ in items[:5]] != [_INTEGER, *[_SEQUENCE] * 4]:
        raise ValueError("not as X.509 has it")
    (_, issuer), (_, validity), (_, subject) = items[2:5]
    begins, ends = (_moment(kind, value.decode()) for kind, value in _items(validity))
    ids = _key_ids(next((content for kind, content in items if kind == _EXTENSIONS), b""))
    return Said(issuer=issuer, subject=subject, begins=begins, ends=ends, key_id=ids[0], issuer_key_id=ids[1])


def _key_ids(extensions: bytes) -> tuple[bytes, bytes]:
    own = issuer = b""
    for _, listed in _items(extensions):
        for _, extension in _items(listed):
            parts = [content for _, content in _items(extension)]
            kind, ((_, value), *_) = parts[0], _items(parts[-1])
            if kind == _SUBJECT_KEY_ID:
                own = value
            elif kind == _AUTHORITY_KEY_ID:
                issuer = next((content for tag, content in _items(value) if tag == _KEY_ID), b"")
    return own, issuer


def _moment(kind: int, text: str) -> int:
    form = "%y%m%d%H%M%SZ" if kind == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()) * 10**9


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of each element, one after the other. Raises: ValueError, IndexError"""
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            more = size & 0x7F
            size, at = int.from_bytes(data[at : at + more], "big"), at + more
        if at + size > len(data):
            raise ValueError("cut off")
        yield tag, data[at : at + size]
        at += size
