"""What a certificate of a node says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal.errors import Forbidden, InvalidArgument
from shoal.model.cluster.node import Role
from shoal.swarm.pki.authority import UNITS
from shoal.swarm.pki.reading import read_certificate

if TYPE_CHECKING:
    from cryptography import x509

#: a file or a text with several certificates has one of these for each
_PEM_END = "-----END CERTIFICATE-----\n"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is, as its certificate says."""

    node_id: str
    cluster_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a certificate is valid, ns since the epoch."""

    begins: int
    ends: int

    @property
    def renew_at(self) -> int:
        """Half of its life."""
        return (self.begins + self.ends) // 2


def identity_of(subject: tuple[tuple[tuple[str, str], ...], ...]) -> Identity:
    """Who the peer of a TLS connection is. subject: as `SSLSocket.getpeercert()["subject"]` gives it

    Raises: Forbidden for a certificate that is not a node's
    """
    parts = {name: value for group in subject for name, value in group}
    roles = {unit: role for role, unit in UNITS.items()}
    role = roles.get(parts.get("organizationalUnitName", ""))
    if role is None or not parts.get("commonName"):
        raise Forbidden("the certificate is not one of a node")
    return Identity(parts["commonName"], parts.get("organizationName", ""), role)


def identity_in(certificate: str) -> Identity:
    """Who a certificate (PEM, the first where there are several) is for. Raises: Forbidden, InvalidArgument"""
    return identity_of(read_certificate(certificate).names())


def validity_of(certificate: str) -> Validity:
    """When a certificate (PEM, the first where there are several) is valid. Raises: InvalidArgument"""
    said = read_certificate(certificate)
    return Validity(said.begins, said.ends)


def issued_by(certificate: str, ca_certificate: str) -> bool:
    """Whether a certificate (the first of its PEM) names this CA and its key as what it was signed with.

    Raises: InvalidArgument
    """
    said, issuer = read_certificate(certificate), read_certificate(ca_certificate)
    return (said.issuer, said.issuer_key_id) == (issuer.subject, issuer.key_id)


def belongs_to(certificate: str, key: str) -> bool:
    """Whether a certificate (the first of its PEM) is for this private key."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return _load(certificate).public_key() == load_pem_private_key(key.encode(), None).public_key()


def split_certificates(text: str) -> tuple[str, ...]:
    """Each certificate of a text with several (PEM)."""
    return tuple(part.lstrip() + _PEM_END for part in text.split(_PEM_END) if part.strip())


def subject_and_key(certificate: str) -> tuple[bytes, bytes]:
    """(issuer's name, public key), both DER: what Docker's `TLSInfo` tells of a root CA."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    loaded = _load(certificate)
    key = loaded.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return loaded.issuer.public_bytes(), key


def _load(certificate: str) -> "x509.Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise InvalidArgument(f"certificate: {error}") from error
