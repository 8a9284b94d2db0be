"""The cluster's CA: makes itself, signs nodes, signs its successor."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shoal.errors import InvalidArgument
from shoal.model.cluster.node import Role

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

_CA_LIFE = timedelta(days=365 * 20)
#: clocks of nodes differ: certificates are valid from a little before they were made
_BACKDATED = timedelta(hours=1)
UNITS = {Role.MANAGER: "swarm-manager", Role.WORKER: "swarm-worker"}


@dataclass(frozen=True, slots=True)
class Authority:
    """A root CA. certificate, key: PEM"""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a certificate is for. addresses: IPs where others reach the node"""

    node_id: str
    cluster_id: str
    role: Role
    addresses: Sequence[str] = ()


def new_authority(now_ns: int) -> Authority:
    """A new root CA: ECDSA P-256, 20 years."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from shoal.swarm.pki.keys import key_text

    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _ca_certificate(_ca_name(key.public_key()), key.public_key(), key, _ca_name(key.public_key()), now_ns)
    return Authority(certificate, key_text(key))


def load_authority(certificate: str, key: str) -> Authority:
    """A CA that a user brings. Raises: InvalidArgument unless both are PEM and belong together"""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
        fits = load_pem_private_key(key.encode(), None).public_key() == public
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"CA certificate and key: {error}") from error
    if not fits:
        raise InvalidArgument("CA certificate and key: the key is not of this certificate")
    return Authority(certificate, key)


def cross_signed(old: Authority, new: Authority, now_ns: int) -> str:
    """The new CA's key under the old CA's name (PEM): who trusts only the old one trusts certificates of the new one
    when this is sent along."""
    signer, own = _certificate(old), _certificate(new)
    return _ca_certificate(own.subject, _public(own), _private(old), signer.subject, now_ns)


def issue(authority: Authority, request: str, subject: Subject, *, now_ns: int, life_s: float) -> str:
    """A node's certificate (PEM) for the key of `request` (a CSR, PEM); of the request nothing but the key counts.

    Raises: InvalidArgument for a request that is none
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = _requested_key(request)
    signer = _certificate(authority)
    now = datetime.fromtimestamp(now_ns / 1e9, UTC)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        x509.CertificateBuilder()
        .subject_name(_node_name(subject))
        .issuer_name(signer.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(min(now + timedelta(seconds=life_s), signer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names(subject)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(_public(signer)), critical=False)
    )
    return _pem(builder.sign(_private(authority), SHA256()))


def _ca_certificate(
    name: "x509.Name",
    key: "EllipticCurvePublicKey",
    signer: "EllipticCurvePrivateKey",
    issuer: "x509.Name",
    now_ns: int,
) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    now = datetime.fromtimestamp(now_ns / 1e9, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return _pem(builder.sign(signer, SHA256()))


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _ca_name(key: "EllipticCurvePublicKey") -> "x509.Name":
    """Each CA has a name of its own: after a rotation two of them are known for a while."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    short = x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()[:12]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"swarm-ca {short}")])


def _node_name(subject: Subject) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.cluster_id),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, UNITS[subject.role]),
            x509.NameAttribute(NameOID.COMMON_NAME, subject.node_id),
        ]
    )


def _names(subject: Subject) -> "list[x509.GeneralName]":
    """Addresses come and go (NAT, several interfaces): nodes check the id and the role, etcd the addresses."""
    from cryptography import x509

    names: list[x509.GeneralName] = [x509.DNSName(subject.node_id), x509.DNSName(UNITS[subject.role])]
    addresses = dict.fromkeys([*subject.addresses, "127.0.0.1"])
    return [*names, *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses)]


def _requested_key(request: str) -> "EllipticCurvePublicKey":
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

    try:
        parsed = x509.load_pem_x509_csr(request.encode())
        key = parsed.public_key()
        signed = parsed.is_signature_valid
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"certificate request: {error}") from error
    if not signed or not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise InvalidArgument("certificate request: expected an ECDSA P-256 key and its signature")
    return key


def _certificate(authority: Authority) -> "x509.Certificate":
    from cryptography import x509

    return x509.load_pem_x509_certificate(authority.certificate.encode())


def _public(certificate: "x509.Certificate") -> "EllipticCurvePublicKey":
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    key = certificate.public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        raise InvalidArgument("CA certificate: expected an ECDSA key")
    return key


def _private(authority: Authority) -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(authority.key.encode(), None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise InvalidArgument("CA key: expected an ECDSA key")
    return key


def _pem(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()
