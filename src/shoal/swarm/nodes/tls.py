"""TLS of one node: TLS 1.3, both sides with certificates of the cluster's CA.

Names in certificates are ids and roles: a caller says whom it wants ("swarm-manager", or a node's id), whatever the
address is at which it reaches it.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shoal.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """certificate: own, with what has to be sent along    key: its private key    trusted: root CAs    (all PEM)"""

    certificate: str
    key: str
    trusted: str


def server_context(credentials: Credentials) -> ssl.SSLContext:
    """Of a server whose callers may have no certificate; one that they have is of this cluster and valid."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_OPTIONAL
    return _filled(context, credentials)


def client_context(credentials: Credentials) -> ssl.SSLContext:
    """Of a node that calls others."""
    return _filled(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), credentials)


def stranger_context(trusted: str = "") -> ssl.SSLContext:
    """Of who has no certificate yet. trusted: the CA that the server must have one of; "" = any, to ask for the CA"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if trusted:
        context.load_verify_locations(cadata=trusted)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _filled(context: ssl.SSLContext, credentials: Credentials) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cadata=credentials.trusted)
        with _in_memory(credentials.key) as key, _in_memory(credentials.certificate) as certificate:
            context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise InvalidArgument(f"certificate of this node: {error}") from error
    return context


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """The path of a file with this text that is on no disk: OpenSSL reads keys from files only."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
