"""The cluster itself."""

from dataclasses import replace

from shoal.contracts.cluster.control import ClusterView, Versioned
from shoal.errors import InternalError, InvalidArgument, NotFound
from shoal.model.cluster.cluster import Cluster, ClusterSpec
from shoal.swarm.manager import records
from shoal.swarm.manager.ledger import Ledger
from shoal.swarm.pki.tokens import new_secret, new_unlock_key, token_text, unlock_text

WORKER, MANAGER, UNLOCK = "worker", "manager", "unlock"  #: what `Cluster.sealed_tokens` may hold
_LEAST_HISTORY = 0
_LEAST_CERTIFICATE_S = 3600.0


class ClusterControl:
    """See contracts.cluster.control.Clusters.

    The unlock key is kept sealed like the join tokens' secrets; managers wrap their data key with it when they see it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def _cluster(self) -> Cluster:
        if (cluster := self._ledger.view.cluster) is None:
            raise NotFound("the store holds no cluster")
        return cluster

    def _random_bytes(self, count: int) -> bytes:
        return bytes(self._ledger.choose(256) for _ in range(count))

    async def inspect(self) -> ClusterView:
        """The cluster with its join tokens."""
        cluster = self._cluster()
        versioned = Versioned(cluster, self._ledger.view.revisions.get(records.key_of(cluster), 0))
        tokens: dict[str, str] = {}
        for role in (WORKER, MANAGER):
            if sealed := cluster.sealed_tokens.get(role):
                tokens[role] = token_text(cluster.ca_certificate, self._ledger.seal.unseal(sealed))
        return ClusterView(cluster=versioned, tokens=tokens)

    async def update(
        self,
        version: int,
        spec: ClusterSpec,
        *,
        rotate_worker_token: bool = False,
        rotate_manager_token: bool = False,
        rotate_unlock_key: bool = False,
    ) -> None:
        """Raises: VersionConflict, InvalidArgument"""
        cluster = self._cluster()
        _check(spec)
        seal, sealed = self._ledger.seal.seal, dict(cluster.sealed_tokens)
        if rotate_worker_token:
            sealed[WORKER] = seal(new_secret(self._random_bytes))
        if rotate_manager_token:
            sealed[MANAGER] = seal(new_secret(self._random_bytes))
        if spec.autolock and (rotate_unlock_key or UNLOCK not in sealed):
            sealed[UNLOCK] = seal(new_unlock_key(self._random_bytes))
        if not spec.autolock:
            sealed.pop(UNLOCK, None)
        changed = replace(cluster, spec=spec, sealed_tokens=sealed, updated_at=self._ledger.now_ns())
        await self._ledger.write([changed], compares={records.key_of(cluster): version})

    async def unlock_key(self) -> str:
        """SWMKEY-1-…, "" when the cluster is not locked."""
        sealed = self._cluster().sealed_tokens.get(UNLOCK)
        if not sealed:
            return ""
        try:
            return unlock_text(self._ledger.seal.unseal(sealed))
        except InvalidArgument as error:
            raise InternalError(f"the unlock key is damaged: {error.message}") from error


def _check(spec: ClusterSpec) -> None:
    said = "rpc error: code = InvalidArgument desc ="
    if spec.name != "default":
        raise InvalidArgument(f'{said} swarm spec must be named "default"')
    if spec.task_history < _LEAST_HISTORY:
        raise InvalidArgument(f"{said} task history limit must not be below {_LEAST_HISTORY}")
    if spec.certificate_life_s < _LEAST_CERTIFICATE_S:
        raise InvalidArgument(f"{said} invalid cluster spec: CA certificate expiry must be at least 1h0m0s")
    if spec.heartbeat_s < 1:
        raise InvalidArgument(f"{said} heartbeat time period cannot be less than 1s")
