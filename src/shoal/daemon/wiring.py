"""The engine put together: drivers picked, nouns wired by hand, opened and closed in order."""

import os
import secrets
import time
from pathlib import Path

from shoal.api.app import App
from shoal.api.contract import unserved
from shoal.api.nouns import Nouns, all_routes
from shoal.drivers.blobs import BlobStore
from shoal.drivers.bootstrap import MmdebstrapBootstrap
from shoal.drivers.builds.files import DiskBuildFiles
from shoal.drivers.builds.runner import CrunSteps
from shoal.drivers.host_facts import read_host_facts
from shoal.drivers.layers.archives import ImageArchives
from shoal.drivers.layers.snapshots import OverlaySnapshots
from shoal.drivers.local_volumes import LocalVolumes
from shoal.drivers.logs.reader import ConmonLogs
from shoal.drivers.mount import mount, unmount
from shoal.drivers.network.links import HostLinks
from shoal.drivers.network.netd_client import NetdClient
from shoal.drivers.network.nftables import Nftables
from shoal.drivers.permits import read_permits
from shoal.drivers.process_table import HostProcessTable
from shoal.drivers.registry import OciRegistry
from shoal.drivers.runtime.cgroups import Cgroups, host_mounts
from shoal.drivers.runtime.runtime import CrunRuntime
from shoal.drivers.seccomp import SeccompCompiler
from shoal.drivers.sqlite_store import SqliteStore
from shoal.drivers.trees.views import BindTrees
from shoal.engine.builds import BuildDrivers, Builds, BuildSettings
from shoal.engine.commits import Commits
from shoal.engine.containers import Containers, Machine, Neighbours
from shoal.engine.events import Events
from shoal.engine.execs import Execs
from shoal.engine.images import ImageDrivers, Images
from shoal.engine.networks import NetworkDrivers, Networks, Sources
from shoal.engine.stand_ins import StandIns
from shoal.engine.streams.archives import Archives
from shoal.engine.streams.attach import Attaches
from shoal.engine.streams.logs import LogStreams
from shoal.engine.streams.stats import Stats
from shoal.engine.system import System
from shoal.engine.volumes import Volumes
from shoal.model.build import BuildStep
from shoal.model.container import Container
from shoal.model.image import Image, Layer, Platform
from shoal.model.network import Network, Sandbox
from shoal.model.settings import Settings
from shoal.model.volume import Volume
from shoal.wire.system import go_architecture

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

#: where distributions keep the certificates that they trust
CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Engine:
    """All of one engine. `open` before the first request, `close` after the last."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        root, run = Path(settings.root), Path(settings.run)
        self._host = read_host_facts()
        self._permits = read_permits()
        self._engine_id = engine_id(root)
        self._platform = Platform(architecture=go_architecture(self._host.architecture))
        self.events = Events(time.time_ns)
        self._store = SqliteStore(root / "shoal.db", RECORDS)
        self._blobs = BlobStore(root)
        self._snapshots = OverlaySnapshots(root, self._blobs)
        self._archives = ImageArchives(self._blobs)
        self._registry = OciRegistry(settings)
        self._runtime = CrunRuntime(run, instance=settings.instance, cgroups=Cgroups(host_mounts()))
        self._logs = ConmonLogs()
        self._trees = BindTrees(run / "views")
        self._local_volumes = LocalVolumes(root / "volumes")
        self._seccomp = SeccompCompiler()
        self._wire_nouns(root, run)
        self._wire_api()

    def _wire_nouns(self, root: Path, run: Path) -> None:
        self.images = Images(
            ImageDrivers(
                store=self._store,
                blobs=self._blobs,
                snapshots=self._snapshots,
                archives=self._archives,
                registry=self._registry,
            ),
            self.events,
            now_ns=time.time_ns,
            platform=self._platform,
            uses=lambda: self.containers.views.image_uses(),
            keeps=lambda: self.builds.kept_layers(),
        )
        self.networks = self._make_networks(run)
        self.volumes = Volumes(
            self._store,
            self._local_volumes,
            self.events,
            users=lambda name: self.containers.views.volume_users(name),
            now_ns=time.time_ns,
            new_id=new_id,
        )
        self.containers = self._make_containers(root)
        self.networks.set_members(self.containers.views)
        self._build_files = DiskBuildFiles(root)
        self.builds = self._make_builds(run)
        self.stand_ins = StandIns(
            self.images,
            self.builds,
            MmdebstrapBootstrap(root / "build" / "bootstrap"),
            self._snapshots,
            self._build_files,
            enabled=self.settings.stand_ins,
            new_id=new_id,
        )
        self.images.set_fallback(self.stand_ins)
        self.execs = Execs(
            self.containers,
            self._runtime,
            self.events,
            capabilities=self._permits.capabilities,
            now_ns=time.time_ns,
            new_id=new_id,
        )
        self.containers.views.execs_of = self.execs.of_container
        self.system = System(
            self.settings,
            self._host,
            self._store,
            self.events,
            engine_id=self._engine_id,
            now_ns=time.time_ns,
        )

    def _make_networks(self, run: Path) -> Networks:
        tag = self.settings.tag
        nftables = Nftables()
        links = HostLinks(run, (f"v{tag}", f"s{tag}"), int(tag, 16), nftables)
        return Networks(
            self.settings,
            self._store,
            self.events,
            NetworkDrivers(links=links, firewall=nftables, netd=NetdClient(run)),
            Sources(
                now_ns=time.time_ns,
                new_id=new_id,
                choose=secrets.randbelow,
                host_seed=self._engine_id.replace("-", ""),
            ),
        )

    def _make_containers(self, root: Path) -> Containers:
        near = Neighbours(
            images=self.images,
            networks=self.networks,
            volumes=self.volumes,
            snapshots=self._snapshots,
            runtime=self._runtime,
            events=self.events,
        )
        machine = Machine(
            permits=self._permits,
            cpus=self._host.cpus,
            memory_bytes=self._host.memory_bytes,
            hostname=self._host.hostname,
            now_ns=time.time_ns,
            new_id=new_id,
            choose=secrets.randbelow,
            compile_seccomp=self._seccomp.annotations,
            mount_tmpfs=lambda path, options: mount("shm", str(path), "tmpfs", data=options),
            unmount=lambda path: unmount(str(path)),
        )
        return Containers(self._store, near, machine, root=root)

    def _make_builds(self, run: Path) -> Builds:
        drivers = BuildDrivers(files=self._build_files, runner=CrunSteps(run / "builds"), snapshots=self._snapshots)
        settings = BuildSettings(
            run=run / "build-steps",
            permits=self._permits,
            platform=self._platform,
            cgroup_of=self._runtime.cgroup_of,
            now_ns=time.time_ns,
            new_id=new_id,
            certificates=ca_bundle() if self.settings.build_cas else None,
            compile_seccomp=self._seccomp.annotations,
        )
        return Builds(self._store, self.images, self.networks, self.events, drivers, settings)

    def _wire_api(self) -> None:
        files = self.containers.views.files
        attaches = Attaches(self.containers, files, self._logs, self._runtime, self.events)
        logs = LogStreams(self.containers, files, self._logs, self._runtime, time.time_ns)
        stats = Stats(self.containers, self._runtime, HostProcessTable())
        archives = Archives(self.containers, self._snapshots, self.volumes, self._trees)
        routes = all_routes(
            Nouns(
                system=self.system,
                images=self.images,
                containers=self.containers,
                commits=Commits(self.containers, self.images, self.events),
                attaches=attaches,
                logs=logs,
                archives=archives,
                stats=stats,
                execs=self.execs,
                networks=self.networks,
                volumes=self.volumes,
                builds=self.builds,
                stand_ins=self.stand_ins,
                machine_bytes=self._host.memory_bytes,
            )
        )
        not_served = [(o.method, o.path) for o in unserved(routes)]
        self.app = App(routes, unserved=not_served, observe=self.system.observe)

    async def open(self) -> None:
        """Read the records, take over what runs, repair what a crash left half done."""
        self._store.open()
        self._blobs.open(time.time_ns())
        self._snapshots.open()
        await self._trees.clean()
        living = await self.containers.adopt()
        await self.networks.open(living)
        await self.builds.open()
        await self.images.open()
        await self.volumes.open(self._local_volumes.names())
        await self.containers.open()

    async def stop_containers(self) -> None:
        """Stop every container."""
        await self.containers.stop_all()

    async def close(self) -> None:
        """Let go of everything; containers run on."""
        await self.execs.close()
        await self.containers.close()
        await self.networks.close()
        await self._runtime.close()
        await self._registry.close()
        self._logs.close()
        self._snapshots.close()
        self._archives.close()
        self._store.close()


def new_id() -> str:
    """64 hex digits."""
    return secrets.token_hex(32)


def engine_id(root: Path) -> str:
    """What tells this engine from all others, kept in its root."""
    path = root / "engine-id"
    if not path.exists():
        new = path.with_suffix(".new")
        new.write_text(f"{os.urandom(16).hex()}\n")
        new.rename(path)
    return path.read_text().strip()


def ca_bundle() -> Path | None:
    """The certificates that this host trusts, None where there are none."""
    return next((Path(path) for path in CA_BUNDLES if Path(path).is_file()), None)
