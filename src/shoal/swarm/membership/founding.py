"""A new cluster of one node."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from shoal.contracts.cluster.control import SwarmInit
from shoal.contracts.cluster.store import ClusterStore, Commit
from shoal.errors import InvalidArgument
from shoal.model.cluster.cluster import Cluster
from shoal.model.cluster.node import Availability, ManagerStatus, Node, NodeSpec, Role
from shoal.swarm.manager import records
from shoal.swarm.membership.addresses import advertise_address, data_path_address, join_port, listen_address, split_port
from shoal.swarm.membership.folder import Keys, LocalState
from shoal.swarm.membership.near import Near
from shoal.swarm.pki.authority import Subject, issue, new_authority
from shoal.swarm.pki.keys import certificate_request, new_key
from shoal.swarm.pki.tokens import ca_digest, new_secret, new_unlock_key
from shoal.swarm.sealing import KEY_BYTES, AesSeal

_POOLS = ("10.0.0.0/8",)
_SUBNET_SIZE = 16
_DATA_PORT = 4789
#: what clients send with no pools, where a user has said nothing
_CLIENTS_SIZE = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """All of a new cluster; nothing is written yet."""

    state: LocalState
    keys: Keys
    unlock_key: bytes
    cluster: Cluster
    node: Node

    async def write_down(self, store: ClusterStore) -> None:
        """The records are in the store."""
        puts = {records.key_of(record): records.encode(record) for record in (self.cluster, self.node)}
        await store.commit(Commit(puts=puts, compares=dict.fromkeys(puts, 0)))


def found(request: SwarmInit, near: Near) -> Founded:
    """Raises: InvalidArgument for addresses, pools or an availability that can't be"""
    known = near.addresses()
    listen = listen_address(request.listen, known)
    advertise = advertise_address(request.advertise, listen, known)
    pools = _checked_pools(request.address_pools, request.subnet_size)
    now, node_id, cluster_id = near.now_ns(), near.new_id(), near.new_id()
    authority, node_key = new_authority(now), new_key()
    data_key = near.random_bytes(KEY_BYTES)
    seal = AesSeal(data_key, near.random_bytes).seal
    unlock_key = new_unlock_key(near.random_bytes) if request.spec.autolock else b""
    secrets = {role.value: seal(new_secret(near.random_bytes)) for role in Role}
    cluster = Cluster(
        id=cluster_id,
        spec=request.spec,
        created_at=now,
        updated_at=now,
        ca_certificate=authority.certificate,
        sealed_ca_key=seal(authority.key.encode()),
        sealed_tokens=secrets | ({"unlock": seal(unlock_key)} if unlock_key else {}),
        address_pools=pools or _POOLS,
        subnet_size=request.subnet_size if pools and request.subnet_size else _SUBNET_SIZE,
        data_port=_checked_port(request.data_port or _DATA_PORT),
        next_node_number=2,
        rotated=request.spec.force_rotate,
    )
    host, port = split_port(advertise)
    node = Node(
        id=node_id,
        spec=NodeSpec(role=Role.MANAGER, availability=_availability(request.availability)),
        created_at=now,
        updated_at=now,
        number=1,
        address=host,
        port=port,
        data_address=data_path_address(request.data_path, known),
        manager=ManagerStatus(address=advertise),
        issuer=ca_digest(authority.certificate).hex(),
    )
    subject = Subject(node_id=node_id, cluster_id=cluster_id, role=Role.MANAGER, addresses=(host,))
    life_s = request.spec.certificate_life_s
    certificate = issue(authority, certificate_request(node_key), subject, now_ns=now, life_s=life_s)
    state = LocalState(
        node_id=node_id,
        cluster_id=cluster_id,
        role=Role.MANAGER,
        listen=join_port(*listen),
        advertise=advertise,
        data_port=cluster.data_port,
        managers=((node_id, advertise),),
    )
    keys = Keys(node_key, certificate, data_key)
    return Founded(state=state, keys=keys, unlock_key=unlock_key, cluster=cluster, node=node)


def _availability(text: str) -> Availability:
    try:
        return Availability(text or "active")
    except ValueError:
        raise InvalidArgument(f'invalid Availability: "{text}"') from None


def _checked_port(port: int) -> int:
    # Source: Docker Engine API, SwarmInit.DataPathPort.
    if not 1024 <= port <= 49151:
        raise InvalidArgument("Datapath port number should be between 1024 and 49151")
    return port


def _checked_pools(texts: Sequence[str], size: int) -> tuple[str, ...]:
    pools: list[ipaddress.IPv4Network] = []
    for text in texts:
        try:
            pool = ipaddress.IPv4Network(text)
        except ValueError:
            raise InvalidArgument(f"invalid CIDR address: {text}") from None
        if any(pool.overlaps(other) for other in pools):
            raise InvalidArgument(f"Pool overlaps with other one on this address space: {text}")
        if pool.prefixlen > (size or _CLIENTS_SIZE):
            raise InvalidArgument(
                f"invalid default address pool {text}: a subnet of /{size or _CLIENTS_SIZE} is larger"
            )
        pools.append(pool)
    if size and not 1 <= size <= 29:
        raise InvalidArgument("subnet size is out of range, it must be between 1 and 29")
    return tuple(map(str, pools))
