"""Who gets into a cluster, and who does not."""

import os
import socket
import sqlite3
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from shoal.model.cluster.cluster import Cluster
from shoal.model.cluster.node import Role
from shoal.swarm.manager import records
from shoal.swarm.membership.folder import Folder, Keys
from shoal.swarm.nodes.tls import Credentials, client_context, stranger_context
from shoal.swarm.pki.authority import Authority, Subject, issue, new_authority
from shoal.swarm.pki.certificates import identity_in
from shoal.swarm.pki.keys import certificate_request, new_key
from shoal.swarm.pki.tokens import ca_digest, new_secret, parse_token, token_text
from shoal.swarm.sealing import AesSeal
from tests.support import clusters
from tests.support.clusters import swarm_info, token, try_join, within
from tests.support.hosts import Farm, Host, hosts

BAD_TOKEN = "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster"
DAY_S = 86400


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(2) as farm:
        clusters.found(farm[0])
        yield farm


@pytest.fixture(autouse=True)
def clean(farm: Farm) -> Iterator[None]:
    yield
    clusters.leave(farm[1])
    one = farm[0]
    for name, node in clusters.nodes(one).items():
        if name != "host1":
            assert one.engine.call("DELETE", f"/nodes/{node['ID']}?force=1")[0] == 200


def folder_of(host: Host) -> Folder:
    return Folder(Path(host.engine.root) / "swarm", os.urandom)


def test_a_token_that_is_none(farm: Farm):
    one, two = farm
    assert try_join(two, [one.address], "SWMTKN-1-x") == (400, {"message": "invalid join token"})
    assert swarm_info(two)["LocalNodeState"] == "inactive"


def test_a_wrong_secret_and_the_token_before_a_rotation(farm: Farm):
    one, two = farm
    old = token(one)
    wrong = token_text(one.engine.call("GET", "/swarm")[1]["TLSInfo"]["TrustRoot"], new_secret(os.urandom))
    assert try_join(two, [one.address], wrong) == (400, {"message": BAD_TOKEN})
    swarm = one.engine.call("GET", "/swarm")[1]
    query = f"version={swarm['Version']['Index']}&rotateWorkerToken=1"
    assert one.engine.call("POST", f"/swarm/update?{query}", swarm["Spec"])[0] == 200
    assert try_join(two, [one.address], old) == (400, {"message": BAD_TOKEN})
    assert swarm_info(two)["LocalNodeState"] == "inactive"
    clusters.join(two, one)


def test_the_token_of_another_cluster_names_another_ca(farm: Farm):
    one, two = farm
    other = token_text(new_authority(time.time_ns()).certificate, parse_token(token(one)).secret)
    status, answer = try_join(two, [one.address], other)
    assert status == 400
    expected = ca_digest(one.engine.call("GET", "/swarm")[1]["TLSInfo"]["TrustRoot"]).hex()
    assert answer["message"].startswith("remote CA does not match fingerprint. Expected: ")
    assert expected not in answer["message"]
    assert swarm_info(two)["LocalNodeState"] == "inactive"


def test_a_member_can_not_join_again_and_another_one_can_not_be_founded(farm: Farm):
    one, two = farm
    clusters.join(two, one)
    for status, answer in (try_join(two, [one.address], token(one)), two.engine.call("POST", "/swarm/init", {})):
        assert status == 503 and answer["message"].startswith("This node is already part of a swarm.")


def test_a_manager_that_can_not_be_reached_is_asked_again_in_the_background(farm: Farm):
    one, two = farm
    farm.cut(two)
    try:
        began = time.monotonic()
        status, answer = try_join(two, [one.address], token(one))
        assert status == 503 and answer["message"].startswith("Timeout was reached before node joined.")
        assert 19 < time.monotonic() - began < 23
        assert swarm_info(two)["LocalNodeState"] == "pending"
        assert f"{one.address}:2377" in swarm_info(two)["Error"]
        two.engine.kill()
        two.engine.start()
        assert swarm_info(two)["LocalNodeState"] == "pending"
    finally:
        farm.heal(two)
    within(5, "it has joined", lambda: swarm_info(two)["LocalNodeState"] == "active")
    within(2, "it is ready", lambda: clusters.node_state(one, two) == "ready")


def test_an_expired_certificate_is_told_on_the_node_and_refused_by_others(farm: Farm):
    one, two = farm
    clusters.join(two, one)
    folder, managers = folder_of(two), folder_of(one)
    keys = folder.load_keys()
    expired = expired_certificate(one, managers.load_keys(), keys)
    two.engine.kill()
    folder.save_keys(replace(keys, certificate=expired))
    two.engine.start()
    info = swarm_info(two)
    assert info["LocalNodeState"] == "error"
    assert info["Error"] == "Swarm certificates have expired. To replace them, leave the swarm and join again."
    context = client_context(Credentials(certificate=expired, key=keys.node_key, trusted=folder.load_trusted()))
    assert is_refused(two, one, context)
    assert not is_refused(two, one, stranger_context(folder.load_trusted()))
    clusters.leave(two)
    clusters.join(two, one)
    within(2, "it is ready", lambda: clusters.node_state(one, two) == "ready")


def test_without_a_certificate_only_the_ca_is_told(farm: Farm):
    one, two = farm
    trusted = folder_of(one).load_trusted()
    assert b"BEGIN CERTIFICATE" in ask(two, one, stranger_context(trusted), "GET /v1/ca")
    for request in (
        "POST /v1/session",
        "POST /v1/beat",
        "POST /v1/report",
        "POST /v1/managers",
        "GET /v1/blobs/sha256:0",
    ):
        answer = ask(two, one, stranger_context(trusted), request)
        assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 404")), (request, answer)


def test_a_worker_speaks_for_itself_alone(farm: Farm):
    one, two = farm
    clusters.join(two, one)
    folder = folder_of(two)
    keys = folder.load_keys()
    context = client_context(
        Credentials(certificate=keys.certificate, key=keys.node_key, trusted=folder.load_trusted())
    )
    manager = clusters.nodes(one)["host1"]["ID"]
    forged = ask(two, one, context, "POST /v1/beat", f"Shoal-Node: {manager}")
    assert forged.startswith(b"HTTP/1.1 403") and b"is no manager" in forged
    assert ask(two, one, context, "POST /v1/managers").startswith(b"HTTP/1.1 403")
    assert ask(two, one, context, "POST /v1/beat").startswith(b"HTTP/1.1 200")


def expired_certificate(manager: Host, manager_keys: Keys, keys: Keys) -> str:
    """As the cluster's CA would have made it long ago."""
    manager.engine.stop()
    cluster = cluster_of(Path(manager.engine.root) / "swarm" / "cluster.db")
    manager.engine.start()
    key = AesSeal(manager_keys.data_key, os.urandom).unseal(cluster.sealed_ca_key).decode()
    who = identity_in(keys.certificate)
    subject = Subject(node_id=who.node_id, cluster_id=who.cluster_id, role=Role.WORKER)
    long_ago = time.time_ns() - 100 * DAY_S * 10**9
    authority = Authority(cluster.ca_certificate, key)
    return issue(authority, certificate_request(keys.node_key), subject, now_ns=long_ago, life_s=90 * DAY_S)


def cluster_of(database: Path) -> Cluster:
    """The cluster's record, as its manager has written it, which does not run just now."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT data FROM records WHERE key = 'cluster/cluster'").fetchall()
    return cast(Cluster, records.decode("cluster", rows[0][0]))


def ask(host: Host, manager: Host, context: ssl.SSLContext, request: str = "GET /v1/ca", *headers: str) -> bytes:
    """The raw answer of a manager's server."""
    with host.entered():
        plain = socket.create_connection((manager.address, 2377), timeout=10)
    lines = [f"{request} HTTP/1.1", "Host: manager", "Connection: close", "Content-Length: 0", *headers, "", ""]
    with context.wrap_socket(plain, server_hostname="swarm-manager") as wrapped:
        wrapped.sendall("\r\n".join(lines).encode())
        answer = b""
        while piece := wrapped.recv(65536):
            answer += piece
        return answer


def is_refused(host: Host, manager: Host, context: ssl.SSLContext) -> bool:
    """Whether the manager ends the connection in its handshake, before it answers anything."""
    try:
        return ask(host, manager, context) == b""
    except (ssl.SSLError, ConnectionResetError):
        return True


def test_a_new_key_is_made_for_each_membership(farm: Farm):
    one, two = farm
    clusters.join(two, one)
    first = folder_of(two).load_keys()
    clusters.leave(two)
    clusters.join(two, one)
    second = folder_of(two).load_keys()
    assert first.node_key != second.node_key != new_key()
    assert first.data_key == second.data_key == b""
