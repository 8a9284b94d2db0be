"""A node's own key, and the request for a certificate of it.

As a program (`python -m shoal.swarm.pki.keys`) it prints both: what makes keys is loaded nowhere else on a worker.
"""

import sys
from typing import TYPE_CHECKING

from shoal.errors import InvalidArgument

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey


def new_key() -> str:
    """A new private key (PEM, ECDSA P-256)."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return key_text(ec.generate_private_key(ec.SECP256R1()))


def key_text(key: "EllipticCurvePrivateKey") -> str:
    """A private key as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate_request(key: str) -> str:
    """A request (CSR, PEM) for a certificate of this key. key: PEM"""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    private = load_pem_private_key(key.encode(), None)
    if not isinstance(private, EllipticCurvePrivateKey):
        raise InvalidArgument("key of the node: expected an ECDSA key")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(private, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


if __name__ == "__main__":
    made = new_key()
    sys.stdout.write(made + certificate_request(made))
