"""TLSInfo: the cluster's certificate, its subject and its public key. Source: Docker Engine API v1.51, TLSInfo.

Of DER only as much is read as leads to these two parts of a certificate.
"""

import base64
import binascii
import re
from collections.abc import Iterator

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_VERSION = 0xA0  #: optional first part of a certificate


def encode_tls(pem: str) -> dict[str, str]:
    """Of the certificate that issues the nodes' ones; without its parts where the text is no certificate."""
    subject, key = _parts(pem)
    return {
        "TrustRoot": pem,
        "CertIssuerSubject": base64.b64encode(subject).decode(),
        "CertIssuerPublicKey": base64.b64encode(key).decode(),
    }


def _parts(pem: str) -> tuple[bytes, bytes]:
    """The subject and the public key as they stand in the certificate."""
    found = _PEM.search(pem)
    try:
        der = base64.b64decode(found[1] if found else "")
        certificate = _content(der)
        fields = [whole for tag, whole in _elements(_content(certificate)) if tag != _VERSION]
        # serial, signature, issuer, validity, subject, public key
        return fields[4], fields[5]
    except (IndexError, binascii.Error):
        return b"", b""


def _content(element: bytes) -> bytes:
    """The inside of the element that `element` begins with."""
    start, end = _bounds(element, 0)
    return element[start:end]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        _, end = _bounds(data, at)
        yield data[at], data[at:end]
        at = end


def _bounds(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends. Raises: IndexError"""
    length = data[at + 1]
    start = at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    return start, start + length
