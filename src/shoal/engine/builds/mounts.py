"""The mounts of a RUN: where each has its content on the host, for the time of the step."""

import posixpath
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from shoal.contracts.build import CacheRequest, SecretFile, Transfer
from shoal.dockerfile.instructions import RunMount
from shoal.dockerfile.vertices import MountVertex
from shoal.engine.builds.tools import Job, Tools
from shoal.errors import InvalidArgument
from shoal.model.mount import MountPoint, MountType

#: programs in it may run, as BuildKit has it
_TMPFS_OPTIONS = ("nosuid", "nodev")


@dataclass(slots=True)
class StepMounts:
    """What a step gets besides its root. env: variables that hold secrets"""

    points: list[MountPoint] = field(default_factory=list)
    env: list[str] = field(default_factory=list)

    def bind(self, source: Path, target: str, *, writable: bool) -> None:
        """Show `source` at `target`."""
        self.points.append(MountPoint(type=MountType.BIND, destination=target, source=str(source), read_write=writable))


async def open_mounts(
    tools: Tools, job: Job, mounts: tuple[MountVertex, ...], chains: Mapping[MountVertex, str], held: AsyncExitStack
) -> StepMounts:
    """The mounts with their sources there; what must end with the step is put on `held`.

    chains: chain ids of the stages and images that mounts start from
    Raises: InvalidArgument
    """
    step = StepMounts()
    secrets: list[tuple[RunMount, SecretFile]] = []
    for number, vertex in enumerate(mounts):
        mount = vertex.mount
        match mount.type:
            case "tmpfs":
                options = (*_TMPFS_OPTIONS, *([f"size={mount.size_bytes}"] if mount.size_bytes else []))
                point = MountPoint(type=MountType.TMPFS, destination=mount.target, tmpfs_options=options)
                step.points.append(point)
            case "cache":
                source = await _cache(tools, job, vertex, chains.get(vertex), held)
                step.bind(source, mount.target, writable=not mount.readonly)
            case "secret":
                if (secret := _secret(job, mount, number)) is not None:
                    secrets.append((mount, secret))
            case _:
                source = await _bind(tools, job, vertex, chains.get(vertex), held)
                step.bind(source, mount.target, writable=not mount.readonly)
    await _add_secrets(tools, step, secrets, held)
    return step


async def _add_secrets(
    tools: Tools, step: StepMounts, secrets: list[tuple[RunMount, SecretFile]], held: AsyncExitStack
) -> None:
    for mount, secret in secrets:
        if mount.env:
            step.env.append(f"{mount.env}={secret.content.decode(errors='surrogateescape')}")
    files = [(mount, secret) for mount, secret in secrets if mount.target]
    if files:
        folder = await held.enter_async_context(tools.drivers.files.secrets([secret for _, secret in files]))
        for mount, secret in files:
            step.bind(folder / secret.name, mount.target, writable=False)


def _secret(job: Job, mount: RunMount, number: int) -> SecretFile | None:
    content = job.request.secrets.get(mount.id)
    if content is None:
        if mount.required:
            raise InvalidArgument(f'--mount: secret "{mount.id}" is required, but the build was given none of that id')
        return None
    mode = 0o400 if mount.mode is None else mount.mode
    return SecretFile(name=f"{number}", content=content, uid=mount.uid, gid=mount.gid, mode=mode)


async def _cache(tools: Tools, job: Job, vertex: MountVertex, chain: str | None, held: AsyncExitStack) -> Path:
    mount = vertex.mount
    seed = None
    if chain is not None:
        seed = tools.drivers.files.resolve(await job.sources.root(chain), mount.source or "/")
    request = CacheRequest(
        id=mount.id,
        sharing=mount.sharing,
        mode=0o755 if mount.mode is None else mount.mode,
        uid=mount.uid,
        gid=mount.gid,
        seed=seed,
    )
    return await held.enter_async_context(tools.drivers.files.cache(request))


async def _bind(tools: Tools, job: Job, vertex: MountVertex, chain: str | None, held: AsyncExitStack) -> Path:
    mount, files = vertex.mount, tools.drivers.files
    root = await job.context.directory() if chain is None else await job.sources.root(chain)
    source = files.resolve(root, mount.source or "/")
    if not source.exists():
        raise InvalidArgument(f'--mount: "{mount.source}" is not in what the mount starts from')
    if mount.readonly:
        return source
    return await _scratch(tools, job, root, mount, held, is_folder=source.is_dir())


async def _scratch(
    tools: Tools, job: Job, root: Path, mount: RunMount, held: AsyncExitStack, *, is_folder: bool
) -> Path:
    """A copy that the step may write to and nobody keeps."""
    snapshots = tools.drivers.snapshots
    key = f"build-{job.id[:12]}-scratch-{tools.settings.new_id()[:12]}"
    await snapshots.prepare(key, "")
    held.push_async_callback(snapshots.remove, key)
    target = await snapshots.mount(key)
    source = mount.source or "/"
    await tools.drivers.files.transfer(
        target,
        Transfer(verb="RUN", sources=(source,), source_root=root, destination="/copy" if is_folder else "/copy/"),
    )
    return target / "copy" if is_folder else target / "copy" / posixpath.basename(source)
