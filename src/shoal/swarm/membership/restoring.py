"""A cluster out of its backup: this machine is its only manager, with the identity of the one that made the backup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shoal.contracts.cluster.control import SwarmRestore
from shoal.contracts.cluster.store import MAX_BYTES, MAX_CHANGES, ClusterStore, Commit
from shoal.errors import Conflict, InternalError, InvalidArgument, ShoalError
from shoal.model.cluster.cluster import Cluster
from shoal.model.cluster.node import ManagerStatus, Node, Role
from shoal.swarm.manager import records
from shoal.swarm.membership.addresses import advertise_address, join_port, listen_address, split_port
from shoal.swarm.membership.backup import Content
from shoal.swarm.membership.folder import Keys, LocalState
from shoal.swarm.membership.near import Near
from shoal.swarm.nodes.client import NodeClient
from shoal.swarm.nodes.tls import stranger_context
from shoal.swarm.pki.authority import Authority, Subject, issue
from shoal.swarm.pki.keys import certificate_request, new_key
from shoal.swarm.pki.tokens import ca_digest
from shoal.swarm.sealing import AesSeal

ASK_S = 2.0  #: for a manager that is said to be lost to show that it is not


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """All of it; nothing is written yet. managers: where the others were    unlock_key: b"" = it is not locked"""

    state: LocalState
    keys: Keys
    unlock_key: bytes
    cluster: Cluster
    values: Mapping[str, bytes]
    epoch: int
    managers: Sequence[str]

    async def write_down(self, store: ClusterStore) -> None:
        """The empty store has it all; leaders from now on are newer than all before."""
        await write_all(store, self.values, self.epoch)


async def write_all(store: ClusterStore, values: Mapping[str, bytes], epoch: int) -> None:
    """The empty store has these; leaders from now on are newer than all up to `epoch`."""
    await store.epochs_after(epoch)
    part: dict[str, bytes] = {}
    size = 0
    for key, data in values.items():
        if part and (len(part) >= MAX_CHANGES // 2 or size + len(data) > MAX_BYTES // 2):
            await store.commit(Commit(puts=part, compares=dict.fromkeys(part, 0)))
            part, size = {}, 0
        part[key] = data
        size += len(key) + len(data)
    await store.commit(Commit(puts=part, compares=dict.fromkeys(part, 0)))


def restored(content: Content, request: SwarmRestore, near: Near) -> Restored:
    """Raises: InvalidArgument for a backup that does not fit together, or addresses that can't be"""
    listen = listen_address(request.listen or content.listen, near.addresses())
    advertise = _advertise(content, request, listen, near)
    try:
        nodes = _nodes(content)
        own = nodes[content.node_id]
        cluster = records.decode("cluster", content.values["cluster/cluster"])
        if not isinstance(cluster, Cluster) or cluster.id != content.cluster_id:
            raise InternalError("its cluster is another")
        seal = AesSeal(content.data_key, near.random_bytes)
        authority = Authority(cluster.ca_certificate, seal.unseal(cluster.sealed_ca_key).decode())
        sealed = cluster.sealed_tokens.get("unlock", b"")
        unlock_key = seal.unseal(sealed) if sealed else b""
    except (InternalError, KeyError) as error:
        raise InvalidArgument(f"this backup does not fit together: {error}") from error
    changed = [_after_loss(node, own.id, advertise, cluster) for node in nodes.values()]
    others = [node.manager.address for node in nodes.values() if node.manager is not None and node.id != own.id]
    return Restored(
        state=LocalState(
            node_id=own.id,
            cluster_id=cluster.id,
            role=Role.MANAGER,
            listen=join_port(*listen),
            advertise=advertise,
            data_port=content.data_port,
            managers=((own.id, advertise),),
        ),
        keys=_new_keys(content, cluster, authority, advertise, near),
        unlock_key=unlock_key,
        cluster=cluster,
        values={**content.values, **{records.key_of(node): records.encode(node) for node in changed}},
        epoch=content.epoch,
        managers=[address for address in dict.fromkeys([*others, content.advertise]) if address != advertise],
    )


def _nodes(content: Content) -> dict[str, Node]:
    """{id: node}. Raises: InternalError"""
    found = [records.decode("nodes", data) for key, data in content.values.items() if key.startswith("nodes/")]
    return {node.id: node for node in found if isinstance(node, Node)}


def _new_keys(content: Content, cluster: Cluster, authority: Authority, advertise: str, near: Near) -> Keys:
    """A new certificate: that of before may have ended by now, and its key is in no backup."""
    key = new_key()
    subject = Subject(
        node_id=content.node_id,
        cluster_id=cluster.id,
        role=Role.MANAGER,
        addresses=(split_port(advertise)[0],),
    )
    life_s = cluster.spec.certificate_life_s
    certificate = issue(authority, certificate_request(key), subject, now_ns=near.now_ns(), life_s=life_s)
    return Keys(key, certificate + cluster.cross_certificate, content.data_key)


def _advertise(content: Content, request: SwarmRestore, listen: tuple[str, int], near: Near) -> str:
    """What was asked for; else the address of before where this machine has it; else this machine's own."""
    known = near.addresses()
    if not request.advertise and split_port(content.advertise)[0] in {each.address for each in known}:
        return content.advertise
    return advertise_address(request.advertise, listen, known)


def _after_loss(node: Node, own_id: str, advertise: str, cluster: Cluster) -> Node:
    """The other managers are none any more; this one is where it is now."""
    if node.id != own_id:
        return replace(node, spec=replace(node.spec, role=Role.WORKER), manager=None)
    host, port = split_port(advertise)
    return replace(
        node,
        spec=replace(node.spec, role=Role.MANAGER),
        address=host,
        port=port,
        data_address="",
        manager=ManagerStatus(address=advertise),
        issuer=ca_digest(cluster.ca_certificate).hex(),
    )


async def check_lost(found: Restored) -> None:
    """Two managers with one identity would tear the nodes in two. Raises: Conflict where one of them still answers"""
    client = NodeClient(lambda: stranger_context())
    try:
        for address in found.managers:
            try:
                answer = (await client.call("GET", address, "/v1/ca", name="", timeout_s=ASK_S)).decode()
            except (ShoalError, TimeoutError, ValueError):
                continue
            if answer.strip() == found.cluster.ca_certificate.strip():
                raise Conflict(
                    f"a manager of this cluster answers at {address}: it is not lost",
                    hint="without a quorum, shoal swarm recover on that manager keeps more than a backup does; "
                    "--force restores all the same",
                )
    finally:
        await client.close()
