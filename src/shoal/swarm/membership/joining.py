"""How a node gets into a cluster that there is already."""

import asyncio
from dataclasses import dataclass

from shoal.contracts.cluster.control import SwarmJoin
from shoal.contracts.cluster.keys import NodeKey
from shoal.errors import InvalidArgument, Unavailable
from shoal.model.cluster.node import Role
from shoal.swarm.membership.addresses import advertise_address, data_path_address, join_port, listen_address, split_port
from shoal.swarm.membership.folder import Keys, LocalState
from shoal.swarm.membership.near import Near
from shoal.swarm.nodes.client import NodeClient
from shoal.swarm.nodes.messages import Admitted, Ask, decode, encode
from shoal.swarm.nodes.tls import stranger_context
from shoal.swarm.pki.tokens import JoinToken, ca_digest, parse_token

RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class Joined:
    """What a new member keeps."""

    state: LocalState
    keys: Keys
    trusted: str


class Joining:
    """One request to join. Raises: InvalidArgument for a token or addresses that can't be"""

    def __init__(self, request: SwarmJoin, near: Near) -> None:
        self._token: JoinToken = parse_token(request.token)
        self._request = request
        known = near.addresses()
        self._listen = listen_address(request.listen, known)
        # Without a word of the user the manager sees best which of this machine's addresses others reach.
        self._advertise = advertise_address(request.advertise, self._listen, known) if request.advertise else ""
        self._data_path = data_path_address(request.data_path, known)
        if not request.remotes:
            raise InvalidArgument("at least 1 RemoteAddr is required to join")
        self._remotes = [join_port(*split_port(remote)) for remote in request.remotes]
        self._new_key = near.new_key
        self.error = ""  #: why it has not come about yet

    async def run(self) -> Joined:
        """Tries until a manager answers. Raises: InvalidArgument for a token that is not of this cluster, …"""
        # Made while a manager is asked for its CA.
        making = asyncio.ensure_future(self._new_key())
        try:
            while True:
                for remote in self._remotes:
                    try:
                        return await self._join(remote, making)
                    except Unavailable as error:
                        self.error = error.message
                await asyncio.sleep(RETRY_S)
        finally:
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)

    async def _join(self, remote: str, making: "asyncio.Future[NodeKey]") -> Joined:
        trusted = await self._pinned_ca(remote)
        made = await making
        host, port = split_port(self._advertise) if self._advertise else ("", self._listen[1])
        ask = Ask(
            request=made.request,
            token=self._request.token,
            address=host,
            port=port,
            data_address=self._data_path,
            availability=self._request.availability,
        )
        client = NodeClient(lambda: stranger_context(trusted))
        try:
            admitted = decode(await client.call("POST", remote, "/v1/certificates", encode(ask)), Admitted)
        finally:
            await client.close()
        return self._joined(admitted, made, remote, port)

    async def _pinned_ca(self, remote: str) -> str:
        """The cluster's root CA, which is the one that the token names."""
        client = NodeClient(lambda: stranger_context())
        try:
            certificate = (await client.call("GET", remote, "/v1/ca", name="")).decode()
            found = ca_digest(certificate)
        except ValueError as error:
            raise Unavailable(f"{remote}: not a manager of a cluster: {error}") from error
        finally:
            await client.close()
        if found != self._token.digest:
            raise InvalidArgument(f"remote CA does not match fingerprint. Expected: {self._token.digest.hex()}")
        return certificate

    def _joined(self, admitted: Admitted, made: NodeKey, remote: str, port: int) -> Joined:
        state = LocalState(
            node_id=admitted.node_id,
            cluster_id=admitted.cluster_id,
            role=Role.WORKER,  # who is admitted as a manager becomes one as a worker that is promoted does
            listen=join_port(*self._listen),
            advertise=join_port(admitted.address, port),
            data_port=admitted.data_port,
            managers=admitted.managers or (("", remote),),
        )
        return Joined(state, Keys(made.key, admitted.certificate), admitted.trusted)
