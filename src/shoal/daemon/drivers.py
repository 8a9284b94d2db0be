"""The drivers of one engine: everything that it changes the world with."""

from dataclasses import dataclass
from pathlib import Path

from shoal.drivers.blobs import BlobStore
from shoal.drivers.bootstrap import MmdebstrapBootstrap
from shoal.drivers.builds.files import DiskBuildFiles
from shoal.drivers.builds.runner import CrunSteps
from shoal.drivers.layers.archives import ImageArchives
from shoal.drivers.layers.snapshots import OverlaySnapshots
from shoal.drivers.local_volumes import LocalVolumes
from shoal.drivers.logs.reader import ConmonLogs
from shoal.drivers.memory_files import MemoryFolder
from shoal.drivers.network.links import HostLinks
from shoal.drivers.network.netd_client import NetdClient
from shoal.drivers.network.nftables import Nftables
from shoal.drivers.network.subnets import HostSubnets
from shoal.drivers.overlay.tunnel import VxlanTunnel
from shoal.drivers.plugins.ipam import PluginAddresses
from shoal.drivers.plugins.networks import PluginNetworks
from shoal.drivers.plugins.plugins import LegacyPlugins
from shoal.drivers.plugins.volumes import PluginVolumes
from shoal.drivers.registry import OciRegistry
from shoal.drivers.runtime.cgroups import Cgroups, host_mounts
from shoal.drivers.runtime.runtime import CrunRuntime
from shoal.drivers.sqlite_store import SqliteStore
from shoal.drivers.trees.views import BindTrees
from shoal.drivers.unsynced import Unsynced, boot_id
from shoal.model.build import BuildStep
from shoal.model.container import Container
from shoal.model.image import Image, Layer
from shoal.model.network import Network, Sandbox
from shoal.model.settings import Settings
from shoal.model.volume import Volume

#: {table: type of record}
RECORDS = {
    "containers": Container,
    "images": Image,
    "layers": Layer,
    "networks": Network,
    "sandboxes": Sandbox,
    "volumes": Volume,
    "build_steps": BuildStep,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """One driver a contract. A test may put others in their place, or something between them and the engine."""

    store: SqliteStore
    unsynced: Unsynced
    blobs: BlobStore
    snapshots: OverlaySnapshots
    archives: ImageArchives
    registry: OciRegistry
    runtime: CrunRuntime
    logs: ConmonLogs
    trees: BindTrees
    memory_files: MemoryFolder
    volumes: LocalVolumes
    volume_plugins: PluginVolumes
    links: HostLinks
    subnets: HostSubnets
    firewall: Nftables
    netd: NetdClient
    tunnel: VxlanTunnel
    network_plugins: PluginNetworks
    address_plugins: PluginAddresses
    build_files: DiskBuildFiles
    build_steps: CrunSteps
    bootstrap: MmdebstrapBootstrap


def make_drivers(settings: Settings) -> Drivers:
    """The drivers of this machine, below the settings' root and run directories; nothing is opened yet."""
    root, run, tag = Path(settings.root), Path(settings.run), settings.tag
    unsynced, firewall = Unsynced(root / "unsynced", boot_id()), Nftables()
    blobs = BlobStore(root, unsynced)
    plugins = LegacyPlugins([Path(folder) for folder in settings.plugin_dirs])
    return Drivers(
        store=SqliteStore(root / "shoal.db", RECORDS),
        unsynced=unsynced,
        blobs=blobs,
        snapshots=OverlaySnapshots(root, blobs, unsynced),
        archives=ImageArchives(blobs),
        registry=OciRegistry(settings),
        runtime=CrunRuntime(run, instance=settings.instance, cgroups=Cgroups(host_mounts())),
        logs=ConmonLogs(),
        trees=BindTrees(run / "views"),
        memory_files=MemoryFolder(run / "memory"),
        volumes=LocalVolumes(root / "volumes"),
        volume_plugins=PluginVolumes(plugins),
        links=HostLinks(run, (f"v{tag}", f"s{tag}"), int(tag, 16), firewall),
        subnets=HostSubnets(root),
        firewall=firewall,
        netd=NetdClient(run),
        tunnel=VxlanTunnel(),
        network_plugins=PluginNetworks(plugins),
        address_plugins=PluginAddresses(plugins),
        build_files=DiskBuildFiles(root),
        build_steps=CrunSteps(run / "builds"),
        bootstrap=MmdebstrapBootstrap(root / "build" / "bootstrap"),
    )
