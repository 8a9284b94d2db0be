"""Certificates as OpenSSL sees them: handshakes in memory, no sockets."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from shoal.errors import Forbidden, InvalidArgument
from shoal.model.cluster.node import Role
from shoal.swarm.pki.authority import Authority, Subject, cross_signed, issue, load_authority, new_authority
from shoal.swarm.pki.certificates import (
    Identity,
    belongs_to,
    identity_in,
    identity_of,
    issued_by,
    split_certificates,
    validity_of,
)
from shoal.swarm.pki.keys import certificate_request, new_key
from shoal.swarm.pki.reading import read_certificate

NOW = 1_760_000_000 * 10**9
DAY = 86400


def certificate(ca: Authority, key: str, role: Role = Role.WORKER, *, at: int = NOW, life_s: float = 90 * DAY) -> str:
    subject = Subject(node_id="node1", cluster_id="cluster1", role=role, addresses=("10.0.0.1", "fd00::1"))
    return issue(ca, certificate_request(key), subject, now_ns=at, life_s=life_s)


def test_a_certificate_says_who_in_which_cluster_and_as_what():
    ca, key = new_authority(NOW), new_key()
    pem = certificate(ca, key, Role.MANAGER)
    assert identity_in(pem) == Identity("node1", "cluster1", Role.MANAGER)
    assert belongs_to(pem, key) and not belongs_to(pem, new_key())
    assert issued_by(pem, ca.certificate) and not issued_by(pem, new_authority(NOW).certificate)


def test_what_is_read_of_it_is_what_the_library_reads():
    ca, key = new_authority(NOW), new_key()
    for pem in (certificate(ca, key), certificate(ca, key, life_s=2 * DAY), ca.certificate):
        loaded, said = x509.load_pem_x509_certificate(pem.encode()), read_certificate(pem + ca.certificate)
        own = loaded.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        issuer = loaded.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        assert (said.key_id, said.issuer_key_id) == (own, issuer)
        assert loaded.issuer.public_bytes().endswith(said.issuer) and loaded.subject.public_bytes().endswith(
            said.subject
        )
        assert said.begins == int(loaded.not_valid_before_utc.timestamp()) * 10**9
        assert said.ends == int(loaded.not_valid_after_utc.timestamp()) * 10**9


def test_dates_after_2049_are_read():
    root = read_certificate(new_authority(NOW + 20 * 365 * DAY * 10**9).certificate)
    assert root.ends > root.begins > NOW + 19 * 365 * DAY * 10**9


def test_a_certificate_that_is_cut_off_anywhere_is_refused():
    whole = ssl.PEM_cert_to_DER_cert(certificate(new_authority(NOW), new_key()))
    for size in range(0, len(whole), 7):
        with pytest.raises(InvalidArgument, match="certificate"):
            validity_of(ssl.DER_cert_to_PEM_cert(whole[:size]))
    for junk in ("", "junk", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(InvalidArgument, match="certificate"):
            validity_of(junk)


def test_a_node_that_starts_reads_its_certificate_without_the_library():
    pem = certificate(new_authority(NOW), new_key())
    code = (
        "import sys; from shoal.swarm.pki.certificates import identity_in, issued_by, validity_of; pem = sys.argv[1]\n"
        "identity_in(pem), issued_by(pem, pem), validity_of(pem); assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, pem], check=True)


def test_it_is_valid_for_its_life_and_renewed_at_half():
    validity = validity_of(certificate(new_authority(NOW), new_key(), life_s=90 * DAY))
    assert validity.ends == NOW + 90 * DAY * 10**9
    assert validity.begins == NOW - 3600 * 10**9
    assert NOW + 44 * DAY * 10**9 < validity.renew_at < NOW + 46 * DAY * 10**9


@pytest.mark.parametrize("junk", ["", "junk", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
def test_a_request_that_is_none_is_refused(junk: str):
    subject = Subject(node_id="n", cluster_id="c", role=Role.WORKER)
    with pytest.raises(InvalidArgument, match="certificate request"):
        issue(new_authority(NOW), junk, subject, now_ns=NOW, life_s=DAY)


def test_a_ca_of_the_user_needs_its_own_key():
    mine, other = new_authority(NOW), new_authority(NOW)
    assert load_authority(mine.certificate, mine.key) == mine
    with pytest.raises(InvalidArgument, match="not of this certificate"):
        load_authority(mine.certificate, other.key)
    with pytest.raises(InvalidArgument):
        load_authority("junk", mine.key)


def test_a_certificate_of_somebody_else_is_no_identity():
    with pytest.raises(Forbidden):
        identity_of(((("commonName", "swarm-ca"),),))


class Side:
    """One end of a TLS connection in memory."""

    def __init__(self, folder: Path, trusted: str, chain: str, key: str, *, server: bool) -> None:
        pem = folder / f"{'server' if server else 'client'}.pem"
        pem.write_text(chain + key)
        purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
        context = ssl.create_default_context(purpose, cadata=trusted)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(pem)
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server else "node1"
        self.tls = context.wrap_bio(self.coming, self.going, server_side=server, server_hostname=name)


def shake(one: Side, two: Side) -> None:
    """A whole handshake, both ways verified. Raises: ssl.SSLError"""
    done: set[int] = set()
    for _ in range(8):
        for side, other in ((one, two), (two, one)):
            try:
                side.tls.do_handshake()
                done.add(id(side))
            except ssl.SSLWantReadError:
                pass
            other.coming.write(side.going.read())
    assert len(done) == 2
    for side, other in ((one, two), (two, one)):
        side.tls.write(b"hello")
        other.coming.write(side.going.read())
        assert other.tls.read(5) == b"hello"


@pytest.fixture
def now() -> int:
    """Certificates are checked against the machine's own clock."""
    import time

    return time.time_ns()


def test_nodes_of_one_ca_trust_each_other(tmp_path: Path, now: int):
    ca, keys = new_authority(now), (new_key(), new_key())
    one, two = (certificate(ca, key, at=now) for key in keys)
    shake(
        Side(tmp_path, ca.certificate, one, keys[0], server=False),
        Side(tmp_path, ca.certificate, two, keys[1], server=True),
    )


def test_nodes_of_another_ca_and_expired_ones_are_refused(tmp_path: Path, now: int):
    ca, other, key = new_authority(now), new_authority(now), new_key()
    good = certificate(ca, key, at=now)
    expired = certificate(ca, key, at=now - 10 * DAY * 10**9, life_s=DAY)
    for bad, words in ((certificate(other, key, at=now), "verify failed"), (expired, "expired")):
        with pytest.raises(ssl.SSLError, match=words):
            shake(
                Side(tmp_path, ca.certificate, bad, key, server=False),
                Side(tmp_path, ca.certificate, good, key, server=True),
            )


def test_while_the_ca_changes_both_generations_trust_each_other(tmp_path: Path, now: int):
    old, new, keys = new_authority(now), new_authority(now), (new_key(), new_key())
    of_old = certificate(old, keys[0], at=now)
    of_new = certificate(new, keys[1], at=now) + cross_signed(old, new, now)
    assert len(split_certificates(of_new)) == 2
    # Who was not told yet trusts the old CA alone; who was told trusts both.
    shake(
        Side(tmp_path, old.certificate, of_old, keys[0], server=False),
        Side(tmp_path, old.certificate + new.certificate, of_new, keys[1], server=True),
    )
    shake(
        Side(tmp_path, old.certificate + new.certificate, of_new, keys[1], server=False),
        Side(tmp_path, old.certificate, of_old, keys[0], server=True),
    )
    # In the end only the new one counts.
    shake(
        Side(tmp_path, new.certificate, of_new, keys[1], server=False),
        Side(tmp_path, new.certificate, certificate(new, keys[0], at=now), keys[0], server=True),
    )
