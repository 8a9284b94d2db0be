"""Starting a container: mounts, sandbox and runtime spec made ready side by side, then the runtime."""

import asyncio
import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from shoal.contracts.runtime import CreateRequest, Run
from shoal.engine.containers.create import Creator
from shoal.engine.containers.ending import Ender
from shoal.engine.containers.host import devices, rootfs
from shoal.engine.containers.host.profiles import seccomp_of
from shoal.engine.containers.logs import log_limits
from shoal.engine.containers.parts import Parts, side_by_side
from shoal.errors import Conflict, DriverError, InvalidArgument, NotFound, NotModified, ShoalError
from shoal.lifecycle.container import Event
from shoal.lifecycle.health import probe_argv
from shoal.model.container import Container, ContainerStatus, UnderWay
from shoal.model.health import Health
from shoal.model.mount import MountPoint, MountType
from shoal.model.network import JoinRequest, Sandbox
from shoal.oci.runtime_spec import Surroundings, User, generate
from shoal.oci.runtime_spec.links import link_env
from shoal.oci.users import find_user

_NOT_FOUND = ("executable file not found", "no such file or directory")
_NOT_ALLOWED = ("permission denied", "is a directory")


class Starter:
    """Brings containers to life. The caller holds the container's lock."""

    def __init__(self, parts: Parts, creator: Creator, ender: Ender) -> None:
        self._parts = parts
        self._creator = creator
        self._ender = ender

    def check(self, container: Container) -> None:
        """Raises: NotModified, Conflict where it can't be started now"""
        if container.status is ContainerStatus.PAUSED:
            raise Conflict("cannot start a paused container, try unpause instead")
        if container.status is ContainerStatus.RUNNING:
            raise NotModified("container is already running")
        if container.status in (ContainerStatus.REMOVING, ContainerStatus.DEAD):
            raise Conflict("container is marked for removal and cannot be started")

    async def start(self, container: Container, *, restart_count: int = 0) -> Container:
        """The container, running. Everything is undone when that fails, and the reason kept with the container."""
        try:
            self._parts.memory.check(container)
            container = await self._creator.ensure_volumes(container)
            sandbox, run = await self._prepare(container)
            started_at = self._parts.machine.now_ns()
            await self._parts.near.runtime.start(container.id)
        except BaseException as error:
            await asyncio.shield(self._failed(container, error))
            if isinstance(error, ShoalError):
                raise start_error(error) from error
            raise
        container = await self._parts.book.advance(
            container,
            Event.START,
            pid=run.pid,
            started_at=started_at,
            exit_code=0,
            error="",
            oom_killed=False,
            manually_stopped=False,
            under_way=UnderWay.NOTHING,
            restart_count=restart_count,
            health=self._first_health(container),
            endpoints=sandbox.endpoints,
            bound_ports=sandbox.ports,
            netns_path=sandbox.netns_path or "",
        )
        self._parts.publish(container, "start")
        return container

    def _first_health(self, container: Container) -> Health | None:
        spec = container.spec
        return Health() if probe_argv(spec.healthcheck, spec.shell) else None

    async def _failed(self, container: Container, error: BaseException) -> None:
        """Give everything back; keep why."""
        await self._ender.clean_up(container)
        message = start_error(error).message if isinstance(error, ShoalError) else str(error)
        await self._parts.book.advance(
            container,
            Event.START_FAILED,
            error=message,
            exit_code=failure_exit_code(message),
            finished_at=self._parts.machine.now_ns() if container.started_at else 0,
        )

    async def _prepare(self, container: Container) -> tuple[Sandbox, Run]:
        near = self._parts.near
        async with AsyncExitStack() as pins:
            root, sandbox, points = await side_by_side(
                near.snapshots.mount(container.id),
                near.networks.join(self._join_request(container)),
                self._mount_volumes(container, pins),
            )
            around = await asyncio.to_thread(self._surroundings, container, root, sandbox, points)
            await self._copy_up(container, root)
            spec, _ = generate(container, points, around, self._parts.machine.permits)
            run = await near.runtime.create(self._request(container, spec))
        return sandbox, run

    def _request(self, container: Container, spec: dict[str, Any]) -> CreateRequest:
        log = container.spec.host.log
        max_bytes, max_files = log_limits(log)
        return CreateRequest(
            container_id=container.id,
            spec=spec,
            cgroup=spec["linux"]["cgroupsPath"],
            log_path=None if log.driver == "none" else self._parts.files.log(container.id),
            log_max_bytes=max_bytes,
            log_max_files=max_files,
            stdin_open=container.spec.open_stdin,
            stdin_once=container.spec.stdin_once,
        )

    async def _mount_volumes(self, container: Container, pins: AsyncExitStack) -> Sequence[MountPoint]:
        """The mount points with their sources there, whatever a source is; `pins` holds places in volumes.

        Containers may change links in a volume while this one is made: what is mounted is what was found.
        """
        points: list[MountPoint] = []
        for point in container.mounts:
            if point.type is MountType.VOLUME:
                path = await self._parts.near.volumes.mount(point.name, container.id, read_only=not point.read_write)
                if point.subpath:
                    path = await self._subpath(pins, path, point.subpath)
                point = replace(point, source=str(path), subpath="")
            if point.type is MountType.BIND:
                await asyncio.to_thread(_check_bind, point)
            if point.recursive_read_only and await asyncio.to_thread(_is_file, point):
                # nothing can be mounted below a file, and crun refuses "rro" for one ("Not a directory")
                point = replace(point, recursive_read_only=False)
            points.append(point)
        return [*points, *self._parts.memory.points(container)]

    async def _subpath(self, pins: AsyncExitStack, volume: Path, subpath: str) -> Path:
        """A place in a volume; links that containers left there don't lead out of it. Raises: InvalidArgument"""
        try:
            return await pins.enter_async_context(self._parts.near.trees.pin(volume, subpath))
        except NotFound:
            raise InvalidArgument(f"cannot access path {volume}/{subpath}: no such file or directory") from None

    async def _copy_up(self, container: Container, root: Path) -> None:
        for point in container.mounts:
            if point.type is not MountType.VOLUME or point.no_copy or point.subpath:
                continue
            source = await asyncio.to_thread(rootfs.inside, root, point.destination)
            if await asyncio.to_thread(source.is_dir):
                await self._parts.near.volumes.copy_up(point.name, source)

    def _join_request(self, container: Container) -> JoinRequest:
        spec, host, files = container.spec, container.spec.host, self._parts.files
        return JoinRequest(
            container_id=container.id,
            name=container.name,
            hostname=spec.hostname,
            domainname=spec.domainname,
            network_mode="none" if spec.network_disabled else host.network_mode,
            endpoints=spec.endpoints,
            ports=host.ports,
            exposed=spec.exposed_ports,
            publish_all=host.publish_all_ports,
            links=host.links,
            extra_hosts=host.extra_hosts,
            dns=host.dns,
            dns_search=host.dns_search,
            dns_options=host.dns_options,
            mac_address=spec.mac_address,
            hosts_path=str(files.hosts(container.id)),
            resolv_conf_path=str(files.resolv_conf(container.id)),
        )

    def _surroundings(
        self, container: Container, root: Path, sandbox: Sandbox, points: Sequence[MountPoint]
    ) -> Surroundings:
        """Where the container is put. Blocking: looks at its files and at the host's devices."""
        host, resources = container.spec.host, container.spec.host.resources
        if container.spec.workdir and not any(p.destination == container.spec.workdir for p in points):
            _make_workdir(root, container.spec.workdir)
        mapped = devices.find_devices(resources.devices)
        rates = (
            *resources.blkio_weight_device,
            *resources.blkio_read_bps,
            *resources.blkio_write_bps,
            *resources.blkio_read_iops,
            *resources.blkio_write_iops,
        )
        files = self._files(container, sandbox)
        seccomp = seccomp_of(host, self._parts.machine.permits)
        compiled = self._parts.machine.compile_seccomp(seccomp) if seccomp else {}
        return Surroundings(
            rootfs=str(root),
            cgroup=self._parts.near.runtime.cgroup_of(container.id, resources.cgroup_parent),
            files=files,
            netns_path=sandbox.netns_path,
            pid_ns_path=self._namespace(host.pid_mode, "pid"),
            ipc_ns_path=self._namespace(host.ipc_mode, "ipc"),
            shm_source=self._shm(container),
            user=self._user(container, root),
            devices=(*devices.all_devices(), *mapped) if host.privileged else mapped,
            block_devices=devices.block_numbers({item.path for item in rates}) if rates else {},
            link_env=tuple(self._link_env(container)),
            seccomp=None if compiled else seccomp,
            annotations=compiled,
        )

    def _files(self, container: Container, sandbox: Sandbox) -> dict[str, str]:
        files = self._parts.files
        files.make(container.id)
        hostname = files.hostname(container.id)
        hostname.write_text(f"{container.hostname}\n")
        # A container in another one's network has that one's names too.
        owner = sandbox.shares or container.id
        wanted = {
            "/etc/hostname": files.hostname(owner),
            "/etc/hosts": files.hosts(owner),
            "/etc/resolv.conf": files.resolv_conf(owner),
        }
        for path in wanted.values():
            path.touch(mode=0o644, exist_ok=True)
        return {inside: str(path) for inside, path in wanted.items()}

    def _user(self, container: Container, root: Path) -> User:
        spec = container.spec
        passwd, group = (rootfs.read_text(root, path) for path in ("/etc/passwd", "/etc/group"))
        return find_user(spec.user, passwd, group, spec.host.group_add)

    def _link_env(self, container: Container) -> Iterator[str]:
        """Of legacy links: those of the default bridge. Raises: Conflict"""
        if container.spec.host.network_mode != "bridge":
            return
        for link in container.spec.host.links:
            reference, _, alias = link.partition(":")
            other = self._parts.book.resolve(reference)
            alias = alias or other.name
            if not other.is_running:
                raise Conflict(f"Cannot link to a non running container: /{other.name} AS /{container.name}/{alias}")
            endpoint = other.endpoints.get("bridge")
            address = endpoint.ipv4_address if endpoint else ""
            yield from link_env(container.name, alias, address, other.spec.exposed_ports, other.spec.env)

    def _namespace(self, mode: str, kind: str) -> str:
        """Path of the namespace that a mode "container:<id>" shares, else "". Raises: Conflict"""
        if not mode.startswith("container:"):
            return ""
        other = self._parts.book.get(mode.removeprefix("container:"))
        if not other.is_running:
            raise Conflict(f"cannot join {kind.upper()} namespace of a non running container: {other.id}")
        if kind == "ipc" and other.spec.host.ipc_mode not in ("shareable", "host"):
            raise Conflict(
                f"cannot join IPC namespace of container {other.id}: non-shareable IPC (hint: use IpcMode:shareable)"
            )
        return f"/proc/{other.pid}/ns/{kind}"

    def _shm(self, container: Container) -> str:
        """What to show as /dev/shm where others share it: one mount namespace can't reach into another's tmpfs."""
        mode = container.spec.host.ipc_mode
        if mode.startswith("container:"):
            return str(self._parts.files.shm(mode.removeprefix("container:")))
        if mode != "shareable":
            return ""
        path = self._parts.files.shm(container.id)
        path.mkdir(mode=0o700, exist_ok=True)
        self._parts.machine.unmount(path)
        self._parts.machine.mount_tmpfs(path, f"mode=1777,size={container.spec.host.shm_bytes}")
        return str(path)


def _check_bind(point: MountPoint) -> None:
    """The source of a bind is there, or made where that is wanted. Blocking. Raises: InvalidArgument, DriverError"""
    if os.path.lexists(point.source):
        return
    if not point.create_source:
        raise InvalidArgument(f'invalid mount config for type "bind": bind source path does not exist: {point.source}')
    try:
        os.makedirs(point.source, mode=0o755, exist_ok=True)
    except OSError as error:
        raise DriverError(
            f"error while creating mount source path '{point.source}': mkdir {point.source}: {error.strerror}"
        ) from error


def _is_file(point: MountPoint) -> bool:
    return not os.path.isdir(os.path.join(point.source, point.subpath) if point.subpath else point.source)


def _make_workdir(root: Path, path: str) -> None:
    try:
        rootfs.make_directory(root, path)
    except (FileExistsError, NotADirectoryError):
        raise InvalidArgument(f"Cannot mkdir: {path} is not a directory") from None
    except OSError as error:
        if error.errno != errno.EROFS:
            raise DriverError(f"cannot make the working directory {path}: {error.strerror}") from error


def start_error(error: ShoalError) -> ShoalError:
    """The error of a failed start in the words that clients look for.

    Source: docker/cli, `toStatusError`: 127 and 126 come from what the message says
    """
    if not isinstance(error, InvalidArgument) or not failure_exit_code(error.message) < 128:
        return error
    if error.message.startswith("failed to create task"):
        return error
    text = f"failed to create task for container: OCI runtime create failed: {error.message}: unknown"
    return InvalidArgument(text, hint=error.hint)


def failure_exit_code(message: str) -> int:
    """What `State.ExitCode` is after a start that failed: 127 not found, 126 not executable, else 128."""
    if any(words in message for words in _NOT_FOUND):
        return 127
    return 126 if any(words in message for words in _NOT_ALLOWED) else 128
