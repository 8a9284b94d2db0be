"""The cluster itself, its networks, secrets and configs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal.model.network import NetworkSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """Settings of `swarm init` and `swarm update`."""

    name: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    task_history: int = 5
    certificate_life_s: float = 90 * 86400.0
    heartbeat_s: float = 2.0
    autolock: bool = False
    snapshot_interval: int = 10000
    force_rotate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The one record of the cluster. CA key, join secrets and unlock key are sealed with the cluster's data key.

    old_ca_certificate: also trusted while the CA changes, "" = it does not; cross_certificate: the new CA's key signed
        by the old CA, sent along by nodes that have a certificate of the new one
    rotated: the `spec.force_rotate` whose change of the CA was begun; less than it = the CA is to be changed
    """

    id: str
    spec: ClusterSpec
    created_at: int
    updated_at: int
    ca_certificate: str  #: PEM
    sealed_ca_key: bytes = b""
    sealed_tokens: Mapping[str, bytes] = field(default_factory=dict)  #: {"worker"|"manager"|"unlock": secret}
    address_pools: tuple[str, ...] = ("10.0.0.0/8",)
    subnet_size: int = 16
    data_port: int = 4789
    next_node_number: int = 1
    old_ca_certificate: str = ""
    cross_certificate: str = ""
    rotated: int = 0

    @property
    def key(self) -> str:
        return "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNetwork:
    """An overlay network (scope swarm)."""

    id: str
    spec: NetworkSpec
    created_at: int

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A secret or a config.

    kind: "secrets" or "configs"
    value: sealed with the cluster's data key
    template: "golang" or ""
    """

    kind: str
    id: str
    name: str
    value: bytes
    size_bytes: int
    created_at: int
    updated_at: int
    labels: Mapping[str, str] = field(default_factory=dict)
    template: str = ""

    @property
    def key(self) -> str:
        return self.id
