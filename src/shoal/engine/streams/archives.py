"""Files of containers as tar streams: cp, diff, export."""

import posixpath
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from shoal.contracts.snapshots import Snapshots
from shoal.contracts.trees import ShownMount, Trees
from shoal.engine.containers import Containers
from shoal.engine.containers.host.rootfs import read_text
from shoal.engine.volumes import Volumes
from shoal.errors import Forbidden, InvalidArgument, NotFound
from shoal.model.change import Change, ChangeKind
from shoal.model.container import Container
from shoal.model.mount import MountPoint, MountType
from shoal.model.path_stat import PathStat
from shoal.oci.users import find_user

#: mount points of each container; Docker keeps them in a layer of their own
OURS = frozenset(
    ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/mtab", "/dev", "/proc", "/sys", "/run/.containerenv")
)


class Archives:
    """Reads and writes files of containers, running or not. A tmpfs of a container is not seen, as with Docker."""

    def __init__(self, containers: Containers, snapshots: Snapshots, volumes: Volumes, trees: Trees) -> None:
        self._containers = containers
        self._snapshots = snapshots
        self._volumes = volumes
        self._trees = trees

    async def stat(self, reference: str, path: str) -> PathStat:
        """What is at `path`. Raises: NotFound"""
        async with self._view(reference) as (container, view):
            return await self._stat(container, view, path)

    @asynccontextmanager
    async def get(self, reference: str, path: str) -> AsyncIterator[tuple[PathStat, AsyncIterator[bytes]]]:
        """(what is at `path`, its tar). Raises: NotFound"""
        async with self._view(reference) as (container, view):
            stat = await self._stat(container, view, path)
            yield stat, self._trees.read(view, _absolute(path))

    async def put(
        self,
        reference: str,
        path: str,
        chunks: AsyncIterable[bytes],
        *,
        as_its_user: bool = False,
        keep_kinds: bool = False,
    ) -> None:
        """Unpack a tar in the directory `path`.

        as_its_user: what is written belongs to the container's user
        keep_kinds: no directory is replaced by something else, or the other way round
        Raises: NotFound, InvalidArgument; Forbidden where it is read-only
        """
        async with self._view(reference) as (container, view):
            _check_writable(container, path)
            owner = self._owner(container, view) if as_its_user else None
            try:
                await self._trees.write(view, _absolute(path) + "/", chunks, owner=owner, keep_kinds=keep_kinds)
            except NotFound:
                raise _missing(container, path) from None

    @asynccontextmanager
    async def export(self, reference: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The tar of its root file system, volumes left out. Raises: NotFound"""
        async with self._view(reference, with_mounts=False) as (_, view):
            yield self._trees.read(view, "/", bare=True)

    async def changes(self, reference: str) -> Sequence[Change]:
        """How its files differ from those of its image. Raises: NotFound"""
        return without_ours(await self._snapshots.changes(self._containers.resolve(reference).id))

    async def _stat(self, container: Container, view: Path, path: str) -> PathStat:
        if not path:
            raise InvalidArgument("bad parameter: path can't be empty")
        try:
            return await self._trees.stat(view, _absolute(path))
        except NotFound:
            raise _missing(container, path) from None

    def _owner(self, container: Container, view: Path) -> tuple[int, int] | None:
        if not container.spec.user:
            return None
        user = find_user(container.spec.user, read_text(view, "/etc/passwd"), read_text(view, "/etc/group"))
        return user.uid, user.gid

    @asynccontextmanager
    async def _view(self, reference: str, *, with_mounts: bool = True) -> AsyncIterator[tuple[Container, Path]]:
        """The container and its files. One that does not run can't be started meanwhile, nor removed."""
        container = self._containers.resolve(reference)
        async with AsyncExitStack() as at_rest, AsyncExitStack() as shown:
            lock = self._containers.lock(container.id)
            await at_rest.enter_async_context(lock)
            container = self._containers.resolve(container.id)
            root = await self._snapshots.mount(container.id)
            if not container.is_running:
                at_rest.push_async_callback(self._snapshots.unmount, container.id)
            mounts = await self._mounts(container, at_rest) if with_mounts else []
            view = await shown.enter_async_context(self._trees.view(root, mounts))
            if container.is_running:
                await at_rest.aclose()
            yield container, view

    async def _mounts(self, container: Container, at_rest: AsyncExitStack) -> list[ShownMount]:
        shown = []
        points = [*container.mounts, *self._containers.views.memory_points(container)]
        for point in sorted(points, key=lambda point: point.destination.count("/")):
            if point.type not in (MountType.BIND, MountType.VOLUME):
                continue
            source = Path(point.source)
            if point.type is MountType.VOLUME and not container.is_running:
                source = await self._volumes.mount(point.name, container.id)
                at_rest.push_async_callback(self._volumes.release, point.name, container.id)
            shown.append(
                ShownMount(
                    source=source,
                    destination=point.destination,
                    read_only=not point.read_write,
                    subpath=point.subpath,
                )
            )
        return shown


def without_ours(changes: Sequence[Change]) -> list[Change]:
    """`changes` without the places that every start makes for what it mounts, and the folders they alone changed."""
    ours = [change.path for change in changes if change.path in OURS or change.path.startswith("/dev/")]
    left = [change for change in changes if change.path not in ours]
    return [
        change
        for change in left
        if change.kind is not ChangeKind.MODIFIED
        or not _has_below(change.path, ours)
        or _has_below(change.path, [other.path for other in left])
    ]


def _has_below(folder: str, paths: Sequence[str]) -> bool:
    return any(path.startswith(folder.rstrip("/") + "/") for path in paths)


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _missing(container: Container, path: str) -> NotFound:
    return NotFound(f"Could not find the file {path} in container {container.name}")


def _check_writable(container: Container, path: str) -> None:
    """Raises: Forbidden, in Docker's words, where the container itself could not write"""
    path = posixpath.normpath(_absolute(path))
    over = [p for p in container.mounts if p.type is not MountType.TMPFS and _is_below(path, p)]
    if over:
        nearest = max(over, key=lambda point: len(point.destination))
        if not nearest.read_write:
            raise Forbidden("mounted volume is marked read-only")
    elif container.spec.host.readonly_rootfs:
        raise Forbidden("container rootfs is marked read-only")


def _is_below(path: str, point: MountPoint) -> bool:
    return path == point.destination or path.startswith(point.destination.rstrip("/") + "/")
