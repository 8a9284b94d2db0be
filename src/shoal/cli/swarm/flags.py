"""Flags of `swarm init`, `join` and `update`, and the cluster's spec that they make."""

from __future__ import annotations

from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, number, several, switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal.cli.flags import Options

DEFAULT_LISTEN = "0.0.0.0:2377"
_AVAILABILITIES = ("active", "pause", "drain")
_MAX_PORT = 65535

#: of `init` and `update`
SPEC_FLAGS = (
    Flag("cert-expiry", "", "Validity period for node certificates (default 2160h0m0s)", kind="duration"),
    Flag("dispatcher-heartbeat", "", "Dispatcher heartbeat period (default 2s)", kind="duration"),
    several("external-ca", "", "Certificate signing endpoints (not supported: refused)", metavar="external-ca"),
    number("max-snapshots", "", "Number of additional Raft snapshots to retain (there are none: refused)"),
    number(
        "snapshot-interval", "", "Number of log entries between Raft snapshots (kept, without effect)", default=10000
    ),
    number("task-history-limit", "", "Task history retention limit", default=5),
)

#: of `init` and `join`
NODE_FLAGS = (
    Flag("advertise-addr", "", 'Advertised address (format: "<ip|interface>[:port]")'),
    Flag("availability", "", 'Availability of the node ("active", "pause", "drain")', default="active"),
    Flag("data-path-addr", "", 'Address or interface to use for data path traffic (format: "<ip|interface>")'),
    Flag("listen-addr", "", 'Listen address (format: "<ip|interface>[:port]")', default=DEFAULT_LISTEN),
)

LOCK_FLAG = switch("autolock", "", "Enable manager autolocking (requiring an unlock key to start a stopped manager)")


def node_body(options: Options) -> dict[str, Any]:
    """What a node says of itself when it makes or joins a cluster. Raises: PlainError"""
    availability = options.text("availability").lower()
    if availability not in _AVAILABILITIES:
        raise PlainError(f'invalid availability "{availability}", only active, pause and drain are supported')
    return {
        "ListenAddr": listen_address(options.text("listen-addr")),
        "AdvertiseAddr": options.text("advertise-addr"),
        "DataPathAddr": options.text("data-path-addr"),
        "Availability": availability if options.is_given("availability") else "",
    }


def listen_address(text: str) -> str:
    """ "0.0.0.0:2377" of "", ":2377", "0.0.0.0" or "[::]". Raises: PlainError"""
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if port and not (port.isdigit() and 0 < int(port) <= _MAX_PORT):
        raise PlainError(f'invalid argument "{text}" for "--listen-addr" flag: the port must be a number')
    host = host or "0.0.0.0"
    return f"[{host}]:{port or 2377}" if ":" in host else f"{host}:{port or 2377}"


def merge_spec(spec: dict[str, Any], options: Options) -> dict[str, Any]:
    """The cluster's spec with what the flags say. Raises: PlainError"""
    if options.list("external-ca"):
        raise PlainError("Error: --external-ca is not supported: the managers sign certificates themselves")
    merged = dict(spec)
    rows = (
        ("task-history-limit", "Orchestration", "TaskHistoryRetentionLimit"),
        ("dispatcher-heartbeat", "Dispatcher", "HeartbeatPeriod"),
        ("cert-expiry", "CAConfig", "NodeCertExpiry"),
        ("snapshot-interval", "Raft", "SnapshotInterval"),
        ("max-snapshots", "Raft", "KeepOldSnapshots"),
        ("autolock", "EncryptionConfig", "AutoLockManagers"),
    )
    for flag, section, key in rows:
        if flag in options and options.is_given(flag):
            value = options.flag(flag) if flag == "autolock" else options.number(flag)
            merged[section] = {**(merged.get(section) or {}), key: value}
    return merged
