"""The engine put together: nouns wired by hand to their drivers, opened and closed in order."""

import os
import secrets
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from shoal import __version__
from shoal.api.contract import unserved
from shoal.api.http.app import App
from shoal.api.metrics import routes as metrics_routes
from shoal.api.nouns import Nouns, all_routes
from shoal.daemon.drivers import Drivers
from shoal.daemon.swarm import make_membership
from shoal.drivers.host_facts import read_host_facts
from shoal.drivers.mount import mount, unmount
from shoal.drivers.own_process import read_own_process
from shoal.drivers.permits import read_permits
from shoal.drivers.process_table import HostProcessTable
from shoal.drivers.seccomp import SeccompCompiler
from shoal.engine.builds import BuildDrivers, Builds, BuildSettings
from shoal.engine.commits import Commits
from shoal.engine.containers import Containers, Machine, Neighbours
from shoal.engine.events import Events
from shoal.engine.execs import Execs
from shoal.engine.images import ImageDrivers, Images
from shoal.engine.metrics import Metrics
from shoal.engine.networks import NetworkDrivers, Networks, Sources
from shoal.engine.stand_ins import StandIns
from shoal.engine.streams.archives import Archives
from shoal.engine.streams.attach import Attaches
from shoal.engine.streams.logs import LogStreams
from shoal.engine.streams.stats import Stats
from shoal.engine.system import System
from shoal.engine.tasks import Tasks
from shoal.engine.tasks.describing import describe
from shoal.engine.tasks.logs import TaskLogs
from shoal.engine.tasks.peers import LocalImages
from shoal.engine.volumes import Volumes
from shoal.model.cluster.node import NodeDescription
from shoal.model.image import Platform
from shoal.model.settings import Settings
from shoal.wire.system import go_architecture

#: where distributions keep the certificates that they trust
CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Engine:
    """All of one engine. `open` before the first request, `close` after the last."""

    def __init__(self, settings: Settings, drivers: Drivers) -> None:
        self.settings = settings
        self._drivers = drivers
        root, run = Path(settings.root), Path(settings.run)
        self._host = read_host_facts()
        self._permits = read_permits()
        self._engine_id = engine_id(root)
        self._platform = Platform(architecture=go_architecture(self._host.architecture))
        self.events = Events(time.time_ns)
        self._seccomp = SeccompCompiler()
        self._wire_nouns(root, run)
        self._wire_cluster(root, run)
        self._wire_api()

    def _wire_nouns(self, root: Path, run: Path) -> None:
        self.images = Images(
            ImageDrivers(
                store=self._drivers.store,
                blobs=self._drivers.blobs,
                snapshots=self._drivers.snapshots,
                archives=self._drivers.archives,
                registry=self._drivers.registry,
            ),
            self.events,
            now_ns=time.time_ns,
            platform=self._platform,
            uses=lambda: self.containers.views.image_uses(),
            keeps=lambda: self.builds.kept_layers(),
        )
        self.networks = self._make_networks()
        self.volumes = Volumes(
            self._drivers.store,
            self._drivers.volumes,
            self._drivers.volume_plugins,
            self.events,
            users=lambda name: self.containers.views.volume_users(name),
            now_ns=time.time_ns,
            new_id=new_id,
        )
        self.containers = self._make_containers(root)
        self.networks.set_members(self.containers.views)
        self.builds = self._make_builds(run)
        self.stand_ins = StandIns(
            self.images,
            self.builds,
            self._drivers.bootstrap,
            self._drivers.snapshots,
            self._drivers.build_files,
            enabled=self.settings.stand_ins,
            new_id=new_id,
        )
        self.images.set_fallback(self.stand_ins)
        self.execs = Execs(
            self.containers,
            self._drivers.runtime,
            self.events,
            capabilities=self._permits.capabilities,
            now_ns=time.time_ns,
            new_id=new_id,
        )
        self.containers.views.execs_of = self.execs.of_container
        self.system = System(
            self.settings,
            self._host,
            self._drivers.store,
            self.events,
            engine_id=self._engine_id,
            now_ns=time.time_ns,
            plugins=self._plugins,
        )

    async def _plugins(self) -> dict[str, Sequence[str]]:
        """{kind: names} of the plugins that are found and answer."""
        return {"Volume": await self.volumes.plugins(), "Network": await self.networks.plugins()}

    def _make_networks(self) -> Networks:
        return Networks(
            self.settings,
            self._drivers.store,
            self.events,
            NetworkDrivers(
                links=self._drivers.links,
                subnets=self._drivers.subnets,
                firewall=self._drivers.firewall,
                netd=self._drivers.netd,
                tunnel=self._drivers.tunnel,
                plugins=self._drivers.network_plugins,
                addresses=self._drivers.address_plugins,
            ),
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
            snapshots=self._drivers.snapshots,
            trees=self._drivers.trees,
            memory_files=self._drivers.memory_files,
            runtime=self._drivers.runtime,
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
        return Containers(self._drivers.store, near, machine, root=root)

    def _make_builds(self, run: Path) -> Builds:
        drivers = BuildDrivers(
            files=self._drivers.build_files, runner=self._drivers.build_steps, snapshots=self._drivers.snapshots
        )
        settings = BuildSettings(
            run=run / "build-steps",
            permits=self._permits,
            platform=self._platform,
            cgroup_of=self._drivers.runtime.cgroup_of,
            now_ns=time.time_ns,
            new_id=new_id,
            container_id=lambda reference: self.containers.resolve(reference).id,
            certificates=ca_bundle() if self.settings.build_cas else None,
            compile_seccomp=self._seccomp.annotations,
        )
        return Builds(self._drivers.store, self.images, self.networks, self.events, drivers, settings)

    def _wire_cluster(self, root: Path, run: Path) -> None:
        files = self.containers.views.files
        self._log_streams = LogStreams(self.containers, files, self._drivers.logs, self._drivers.runtime, time.time_ns)

        async def described() -> NodeDescription:
            network, plugins = await self._drivers.links.host(), await self._plugins()
            return describe(self._host, network, self.settings, __version__, plugins)

        self.tasks = Tasks(self.containers, self.images, self.events, describe=described, now_ns=time.time_ns)
        task_logs = TaskLogs(self.containers, self._log_streams)
        images = LocalImages(self.images, self._drivers.blobs)
        self.membership = make_membership(
            *(root, run, self.tasks, self.networks.overlay),
            logs=task_logs,
            images=images,
            publish=partial(self.events.publish, scope="swarm"),
        )
        self.tasks.set_peers(self.membership)
        self.networks.set_cluster(self.membership)

    def _wire_api(self) -> None:
        files = self.containers.views.files
        attaches = Attaches(self.containers, files, self._drivers.logs, self._drivers.runtime, self.events)
        stats = Stats(self.containers, self._drivers.runtime, HostProcessTable())
        archives = Archives(self.containers, self._drivers.snapshots, self.volumes, self._drivers.trees)
        metrics = Metrics(self.system, self.containers, stats, self.builds, read_own_process)
        routes = all_routes(
            Nouns(
                system=self.system,
                images=self.images,
                containers=self.containers,
                commits=Commits(self.containers, self.images, self.events),
                attaches=attaches,
                logs=self._log_streams,
                archives=archives,
                stats=stats,
                metrics=metrics,
                execs=self.execs,
                networks=self.networks,
                volumes=self.volumes,
                builds=self.builds,
                stand_ins=self.stand_ins,
                machine_bytes=self._host.memory_bytes,
                control=self.membership.control(),
            )
        )
        not_served = [(o.method, o.path) for o in unserved(routes)]
        self.app = App(routes, unserved=not_served, observe=metrics.observe)
        self.metrics_app = App(metrics_routes(metrics, self.membership.control()))

    async def open(self) -> None:
        """Read the records, take over what runs, repair what a crash left half done."""
        self._drivers.store.open()
        self._drivers.unsynced.open()
        self._drivers.blobs.open(time.time_ns())
        self._drivers.snapshots.open()
        await self._drivers.trees.clean()
        living = await self.containers.adopt()
        await self.networks.open(living)
        await self.builds.open()
        await self.images.open()
        await self.volumes.open(self._drivers.volumes.names())
        await self.containers.open()
        await self.membership.open()

    async def stop_containers(self) -> None:
        """Stop every container."""
        await self.containers.stop_all()

    async def close(self) -> None:
        """Let go of everything; containers run on."""
        await self.membership.close()
        await self.tasks.close()
        await self.execs.close()
        await self.containers.close()
        await self.networks.close()
        await self._drivers.runtime.close()
        await self._drivers.registry.close()
        self._drivers.logs.close()
        self._drivers.snapshots.close()
        self._drivers.unsynced.close()
        self._drivers.archives.close()
        self._drivers.store.close()


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
