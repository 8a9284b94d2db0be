"""Who becomes a node, and who stays one: the manager's side of tokens and certificates."""

from collections.abc import Mapping
from dataclasses import replace

from shoal.cluster.view import View
from shoal.errors import Forbidden, InvalidArgument, NotFound, Unavailable, VersionConflict
from shoal.model.cluster.cluster import Cluster
from shoal.model.cluster.node import Availability, Node, NodeSpec, Role
from shoal.swarm.manager import records
from shoal.swarm.manager.ledger import Ledger
from shoal.swarm.nodes.messages import Admitted, Ask, Told
from shoal.swarm.pki.authority import Authority, Subject, issue
from shoal.swarm.pki.certificates import Identity
from shoal.swarm.pki.tokens import ca_digest, parse_token, role_of

BAD_TOKEN = "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster"
_TRIES = 50
#: numbers of nodes are given anew only when so many were
_NUMBERS = 60_000


class Admission:
    """Signs certificates of nodes. Any manager does; the store holds what they share."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def _cluster(self) -> Cluster:
        if (cluster := self._ledger.view.cluster) is None:
            raise Unavailable("the cluster's store has no cluster")
        return cluster

    @property
    def ca_certificate(self) -> str:
        """The root CA whose digest is in the tokens."""
        return self._cluster().ca_certificate

    async def admit(self, ask: Ask, caller: str) -> Admitted:
        """A new node. caller: the address that the request came from

        Raises: InvalidArgument for a wrong token
        """
        role = self._role_of(ask.token)
        for _ in range(_TRIES):
            cluster, view = self._cluster(), self._ledger.view
            number = _free_number(cluster, view)
            node = self._new_node(ask, caller, role, number)
            counted = replace(cluster, next_node_number=max(cluster.next_node_number, number + 1))
            admitted = self._signed(cluster, node, role, ask)
            compares = self._ledger.seen(records.key_of(cluster), records.key_of(node))
            try:
                await self._ledger.write([node, counted], compares=compares)
            except VersionConflict:
                await self._ledger.mirror.catch_up()
                continue
            return admitted
        raise Unavailable("too many nodes join at once")

    async def renew(self, caller: Identity, ask: Ask) -> Admitted:
        """A member's new certificate, for the role that it has now. Raises: Forbidden for who is no member any more"""
        for _ in range(_TRIES):
            cluster, node = self._cluster(), member(self._ledger.view, caller.node_id)
            admitted = self._signed(cluster, node, node.spec.role, ask)
            changed = replace(node, issuer=ca_digest(cluster.ca_certificate).hex())
            if changed == node:
                return admitted
            try:
                await self._ledger.write([changed], compares=self._ledger.seen(records.key_of(node)))
            except VersionConflict:
                await self._ledger.mirror.catch_up()
                continue
            return admitted
        raise Unavailable(f"the record of node {caller.node_id} changes all the time")

    def _role_of(self, text: str) -> Role:
        cluster = self._cluster()
        try:
            token = parse_token(text)
        except InvalidArgument:
            raise InvalidArgument(BAD_TOKEN) from None
        secrets: Mapping[str, bytes] = {
            role.value: self._ledger.seal.unseal(cluster.sealed_tokens[role.value])
            for role in Role
            if role.value in cluster.sealed_tokens
        }
        role = role_of(token.secret, secrets)
        if not role or token.digest != ca_digest(cluster.ca_certificate):
            raise InvalidArgument(BAD_TOKEN)
        return Role(role)

    def _new_node(self, ask: Ask, caller: str, role: Role, number: int) -> Node:
        now = self._ledger.now_ns()
        try:
            availability = Availability(ask.availability or "active")
        except ValueError:
            raise InvalidArgument(f'invalid Availability: "{ask.availability}"') from None
        return Node(
            id=self._ledger.new_id(),
            spec=NodeSpec(role=role, availability=availability),
            created_at=now,
            updated_at=now,
            number=number,
            address=ask.address or caller,
            data_address=ask.data_address,
            port=ask.port,
            issuer=ca_digest(self.ca_certificate).hex(),
        )

    def _signed(self, cluster: Cluster, node: Node, role: Role, ask: Ask) -> Admitted:
        key = self._ledger.seal.unseal(cluster.sealed_ca_key).decode()
        addresses = tuple(dict.fromkeys(each for each in (node.address, ask.address) if each))
        subject = Subject(node_id=node.id, cluster_id=cluster.id, role=role, addresses=addresses)
        certificate = issue(
            Authority(cluster.ca_certificate, key),
            ask.request,
            subject,
            now_ns=self._ledger.now_ns(),
            life_s=cluster.spec.certificate_life_s,
        )
        return Admitted(
            node_id=node.id,
            cluster_id=cluster.id,
            role=role,
            certificate=certificate + cluster.cross_certificate,
            trusted=trusted(cluster),
            address=node.address,
            data_port=cluster.data_port,
            managers=managers(self._ledger.view),
        )


def member(view: View, node_id: str) -> Node:
    """Raises: Forbidden for a node that was removed"""
    if (node := view.nodes.get(node_id)) is None:
        raise Forbidden(f"node {node_id} is not a member of this cluster")
    return node


def trusted(cluster: Cluster) -> str:
    """The root CAs that nodes trust now (PEM): two while the CA changes."""
    return cluster.ca_certificate + cluster.old_ca_certificate


def managers(view: View) -> tuple[tuple[str, str], ...]:
    """((node id, "host:port"), …) of all managers, oldest first."""
    found = [node for node in view.nodes.values() if node.manager is not None and node.manager.address]
    return tuple((n.id, n.manager.address) for n in sorted(found, key=lambda n: n.number) if n.manager is not None)


def serving(node: Node) -> str:
    """ "host:port" of its server."""
    if node.manager is not None and node.manager.address:
        return node.manager.address
    return f"[{node.address}]:{node.port}" if ":" in node.address else f"{node.address}:{node.port}"


def told(view: View, node_id: str) -> Told:
    """What a node has to be. Raises: Forbidden for one that was removed; NotFound before there is a cluster"""
    if view.cluster is None:
        raise NotFound("the cluster's store has no cluster")
    node = member(view, node_id)
    issuer = ca_digest(view.cluster.ca_certificate).hex()
    return Told(role=node.spec.role, issuer=issuer, trusted=trusted(view.cluster), managers=managers(view))


def _free_number(cluster: Cluster, view: View) -> int:
    if cluster.next_node_number <= _NUMBERS:
        return cluster.next_node_number
    taken = {node.number for node in view.nodes.values()}
    return next(number for number in range(1, _NUMBERS + 1) if number not in taken)
