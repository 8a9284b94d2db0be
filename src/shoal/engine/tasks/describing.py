"""What a node says of itself to the managers. Pure."""

from collections.abc import Mapping, Sequence

from shoal.contracts.networking import HostNetwork
from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.task import Amounts
from shoal.model.settings import Settings
from shoal.model.system import HostFacts
from shoal.wire.system import go_architecture

PLUGINS = (
    ("Log", "json-file"),
    ("Log", "local"),
    ("Network", "bridge"),
    ("Network", "host"),
    ("Network", "macvlan"),
    ("Network", "null"),
    ("Network", "overlay"),
    ("Volume", "local"),
)


def describe(
    host: HostFacts, network: HostNetwork, settings: Settings, version: str, plugins: Mapping[str, Sequence[str]]
) -> NodeDescription:
    """This node. version: of the engine; plugins: {kind: names} of those that are other people's"""
    found = ((kind, name) for kind, names in plugins.items() for name in names)
    return NodeDescription(
        hostname=host.hostname,
        architecture=go_architecture(host.architecture),
        resources=Amounts(nano_cpus=host.cpus * 1_000_000_000, memory_bytes=host.memory_bytes),
        engine_version=version,
        engine_labels=dict(settings.labels),
        plugins=tuple(sorted({*PLUGINS, *found})),
        subnets=tuple(sorted(network.subnets)),
        mtu=network.mtu,
    )
