"""Docker's JSON of the swarm itself. Source: Docker Engine API v1.51, Swarm, SwarmSpec, SwarmInfo."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.cluster.cluster import Cluster, ClusterSpec
from shoal.model.units import NS_PER_S
from shoal.wire.fields import Table, decode, flag, read_flag, read_int, read_object, read_strings, read_text, text
from shoal.wire.swarm.tls import encode_tls
from shoal.wire.swarm.values import count, encode_meta, read_count, write_ns

PASSPHRASE_HEADER = "X-Shoal-Passphrase"
#: settings of Docker's own log of changes: shown as dockerd's defaults, and not to be changed
_FIXED_RAFT = {"KeepOldSnapshots": 0, "LogEntriesForSlowFollowers": 500, "ElectionTick": 10, "HeartbeatTick": 1}
_MIN_CERTIFICATE_S = 3600.0
_INIT: Table = (
    text("ListenAddr", "listen"),
    text("AdvertiseAddr", "advertise"),
    text("DataPathAddr", "data_path"),
    count("DataPathPort", "data_port"),
    count("SubnetSize", "subnet_size"),
    flag("ForceNewCluster", "force_new_cluster"),
    text("Availability", "availability"),
)
_JOIN: Table = (
    text("ListenAddr", "listen"),
    text("AdvertiseAddr", "advertise"),
    text("DataPathAddr", "data_path"),
    text("JoinToken", "token"),
    text("Availability", "availability"),
)


def decode_init(body: Any) -> dict[str, Any]:
    """The fields of a `contracts.cluster.control.SwarmInit` that the body of POST /swarm/init names.

    Raises: InvalidArgument
    """
    given = read_object(body, "")
    values = {key: value for key, value in decode(_INIT, given, "").items() if value}
    _check_availability(values)
    port = values.get("data_port", 4789)
    if not 1024 <= port <= 49151:
        raise InvalidArgument("Datapath port should be specified from 1024 to 49151")
    pools = read_strings(given.get("DefaultAddrPool") or [], "DefaultAddrPool")
    is_locked = read_flag(given.get("AutoLockManagers") or False, "AutoLockManagers")
    spec = decode_cluster_spec(given.get("Spec"), ClusterSpec(autolock=is_locked), "Spec")
    return values | {"address_pools": pools, "spec": spec}


def decode_join(body: Any) -> dict[str, Any]:
    """The fields of a `contracts.cluster.control.SwarmJoin` that the body of POST /swarm/join names.

    Raises: InvalidArgument
    """
    given = read_object(body, "")
    remotes = read_strings(given.get("RemoteAddrs") or [], "RemoteAddrs")
    if not remotes:
        raise InvalidArgument("at least 1 RemoteAddr is required to join")
    values = {"token": ""} | {key: value for key, value in decode(_JOIN, given, "").items() if value}
    _check_availability(values)
    return values | {"remotes": remotes}


def _check_availability(values: Mapping[str, Any]) -> None:
    word = values.get("availability", "active")
    if word not in ("active", "pause", "drain"):
        raise InvalidArgument(f'invalid Availability: "{word}"')


def decode_unlock(body: Any) -> str:
    """The key. Raises: InvalidArgument"""
    key = read_text(read_object(body, "").get("UnlockKey") or "", "UnlockKey")
    if not key:
        raise InvalidArgument("unlockKey cannot be empty")
    return key


def decode_passphrase(header: str) -> str:
    """What a backup is sealed with, of its header (base64 of UTF-8). Raises: InvalidArgument"""
    try:
        return base64.b64decode(header, validate=True).decode()
    except ValueError:
        raise InvalidArgument(f"{PASSPHRASE_HEADER}: expected base64 of UTF-8") from None


def decode_cluster_spec(value: Any, base: ClusterSpec, path: str = "") -> ClusterSpec:
    """A SwarmSpec; what it leaves out, or says 0 to, is as in `base`. Raises: InvalidArgument"""
    reader = _Reader(read_object(value, path), path)
    name = read_text(reader.given.get("Name") or base.name, reader.place("Name"))
    if name != "default":
        raise InvalidArgument('invalid swarm name: swarm spec must be named "default"')
    reader.refuse("CAConfig", "ExternalCAs", "certificates are issued by the managers themselves")
    for key in ("SigningCACert", "SigningCAKey"):
        reader.refuse("CAConfig", key, "the managers make the certificate of the cluster themselves")
    reader.refuse("TaskDefaults", "LogDriver", "say it for each service")
    for key, fixed in _FIXED_RAFT.items():
        if reader.number("Raft", key, fixed) != fixed:
            raise InvalidArgument(f"{reader.place(f'Raft.{key}')}: Shoal has no such setting")
    life_s = reader.number("CAConfig", "NodeCertExpiry", write_ns(base.certificate_life_s)) / NS_PER_S
    if life_s < _MIN_CERTIFICATE_S:
        raise InvalidArgument("minimum certificate expiry time is 1h0m0s")
    return ClusterSpec(
        name=name,
        labels=reader.labels(base),
        task_history=reader.history(base),
        certificate_life_s=life_s,
        heartbeat_s=reader.number("Dispatcher", "HeartbeatPeriod", write_ns(base.heartbeat_s)) / NS_PER_S,
        autolock=reader.autolock(base),
        snapshot_interval=reader.number("Raft", "SnapshotInterval", base.snapshot_interval),
        force_rotate=reader.number("CAConfig", "ForceRotate", base.force_rotate),
    )


class _Reader:
    """The parts of a SwarmSpec."""

    def __init__(self, given: Mapping[str, Any], path: str) -> None:
        self.given = given
        self._path = path

    def place(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def part(self, part: str) -> Mapping[str, Any]:
        return read_object(self.given.get(part), self.place(part))

    def number(self, part: str, key: str, default: int) -> int:
        return read_count(self.part(part).get(key) or default, self.place(f"{part}.{key}"))

    def refuse(self, part: str, key: str, why: str) -> None:
        if self.part(part).get(key):
            raise InvalidArgument(f"{self.place(f'{part}.{key}')} is not served: {why}")

    def labels(self, base: ClusterSpec) -> Mapping[str, str]:
        labels = self.given.get("Labels")
        path = self.place("Labels")
        if labels is None:
            return base.labels
        return {key: read_text(value, f"{path}.{key}") for key, value in read_object(labels, path).items()}

    def history(self, base: ClusterSpec) -> int:
        limit = self.part("Orchestration").get("TaskHistoryRetentionLimit")
        path = self.place("Orchestration.TaskHistoryRetentionLimit")
        return base.task_history if limit is None else read_int(limit, path)

    def autolock(self, base: ClusterSpec) -> bool:
        locked = self.part("EncryptionConfig").get("AutoLockManagers")
        path = self.place("EncryptionConfig.AutoLockManagers")
        return base.autolock if locked is None else read_flag(locked, path)


def encode_cluster_spec(spec: ClusterSpec) -> dict[str, Any]:
    """SwarmSpec."""
    return {
        "Name": spec.name,
        "Labels": dict(spec.labels),
        "Orchestration": {"TaskHistoryRetentionLimit": spec.task_history},
        "Raft": {"SnapshotInterval": spec.snapshot_interval, **_FIXED_RAFT},
        "Dispatcher": {"HeartbeatPeriod": write_ns(spec.heartbeat_s)},
        "CAConfig": {"NodeCertExpiry": write_ns(spec.certificate_life_s)}
        | ({"ForceRotate": spec.force_rotate} if spec.force_rotate else {}),
        "TaskDefaults": {},
        "EncryptionConfig": {"AutoLockManagers": spec.autolock},
    }


def encode_cluster(cluster: Cluster, version: int, *, is_rotating: bool = False) -> dict[str, Any]:
    """ClusterInfo: all of the swarm but its tokens."""
    return encode_meta(cluster.id, version, cluster.created_at, cluster.updated_at) | {
        "Spec": encode_cluster_spec(cluster.spec),
        "TLSInfo": encode_tls(cluster.ca_certificate),
        "RootRotationInProgress": is_rotating,
        "DefaultAddrPool": list(cluster.address_pools),
        "SubnetSize": cluster.subnet_size,
        "DataPathPort": cluster.data_port,
    }


def encode_swarm(
    cluster: Cluster, version: int, tokens: Mapping[str, str], *, is_rotating: bool = False
) -> dict[str, Any]:
    """GET /swarm. tokens: {"worker"|"manager": token}"""
    return encode_cluster(cluster, version, is_rotating=is_rotating) | {
        "JoinTokens": {"Worker": tokens.get("worker", ""), "Manager": tokens.get("manager", "")}
    }


def encode_peers(managers: Sequence[tuple[str, str]]) -> list[dict[str, str]] | None:
    """SwarmInfo.RemoteManagers of (node id, address)."""
    return [{"NodeID": node_id, "Addr": address} for node_id, address in managers] or None
