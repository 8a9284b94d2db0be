"""Which mounts a container has: volumes-from, binds, mounts, tmpfs, and the anonymous volumes of spec and image.

Source: Docker, `daemon.registerMountPoints` and `volume/mounts/linux_parser.go`.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from shoal.errors import InvalidArgument
from shoal.model.container import ContainerSpec
from shoal.model.mount import BindOptions, Mount, MountPoint, MountType, TmpfsOptions, VolumeOptions
from shoal.model.volume import LOCAL_DRIVER
from shoal.oci.runtime_spec.mounts import PROPAGATIONS, parse_propagation, tmpfs_options

_MODES = frozenset(
    ("ro", "rw", "z", "Z", "nocopy", "copy", "cached", "delegated", "consistent", "default", *PROPAGATIONS)
)


def parse_bind(text: str, volume_driver: str = "") -> MountPoint:
    """The mount point of one entry of HostConfig.Binds: "src:dst[:options]". Raises: InvalidArgument"""
    parts = text.split(":")
    if len(parts) == 1:
        driver = volume_driver or LOCAL_DRIVER
        return MountPoint(type=MountType.VOLUME, destination=_destination(text), driver=driver, anonymous=True)
    if len(parts) > 3 or not all(parts):
        raise InvalidArgument(f"invalid volume specification: '{text}'")
    source, destination = parts[0], _destination(parts[1])
    mode = parts[2] if len(parts) == 3 else ""
    options = [item for item in mode.split(",") if item]
    is_bind = posixpath.isabs(source)
    _check_mode(mode, options, is_bind)
    read_write = "ro" not in options
    if is_bind:
        return MountPoint(
            type=MountType.BIND,
            destination=destination,
            source=posixpath.normpath(source),
            mode=mode,
            read_write=read_write,
            propagation=parse_propagation(options) or "rprivate",
            create_source=True,
            recursive_read_only=True,
        )
    return MountPoint(
        type=MountType.VOLUME,
        destination=destination,
        name=source,
        driver=volume_driver,
        mode=mode or "z",
        read_write=read_write,
        no_copy="nocopy" in options,
    )


def _check_mode(mode: str, options: Sequence[str], is_bind: bool) -> None:
    unknown = [option for option in options if option not in _MODES]
    clash = "ro" in options and "rw" in options
    copies = is_bind and any(option in ("nocopy", "copy") for option in options)
    moves = not is_bind and parse_propagation(options)
    if unknown or clash or copies or moves:
        raise InvalidArgument(f"invalid mode: {mode}")


def _destination(path: str) -> str:
    if not posixpath.isabs(path):
        raise InvalidArgument(f"invalid mount path: '{path}' mount path must be absolute")
    clean = posixpath.normpath(path).replace("//", "/")
    if clean == "/":
        raise InvalidArgument("invalid volume specification: invalid specification: destination can't be '/'")
    return clean


def from_mount(mount: Mount) -> MountPoint:
    """The mount point of one entry of HostConfig.Mounts."""
    destination = _destination(mount.target)
    if mount.type is MountType.BIND:
        return _from_bind(mount, destination)
    if mount.type is MountType.TMPFS:
        options = _tmpfs(mount.tmpfs or TmpfsOptions())
        return MountPoint(
            type=MountType.TMPFS, destination=destination, tmpfs_options=options, read_write=not mount.read_only
        )
    if mount.type is MountType.VOLUME:
        volume = mount.volume or VolumeOptions()
        return MountPoint(
            type=MountType.VOLUME,
            destination=destination,
            name=mount.source,
            driver=volume.driver or ("" if mount.source else LOCAL_DRIVER),
            mode="z" if mount.source else "",
            read_write=not mount.read_only,
            no_copy=volume.no_copy,
            anonymous=not mount.source,
            subpath=volume.subpath,
        )
    raise InvalidArgument(
        f'invalid mount config for type "{mount.type.value}": this type of mount is not supported on Linux by Shoal'
    )


def _from_bind(mount: Mount, destination: str) -> MountPoint:
    bind = mount.bind or BindOptions()
    return MountPoint(
        type=MountType.BIND,
        destination=destination,
        source=posixpath.normpath(mount.source),
        read_write=not mount.read_only,
        propagation=bind.propagation or "rprivate",
        create_source=bind.create_mountpoint,
        non_recursive=bind.non_recursive,
        recursive_read_only=mount.read_only and not (bind.read_only_non_recursive or bind.non_recursive),
    )


def _tmpfs(options: TmpfsOptions) -> tuple[str, ...]:
    given = ["=".join(item) for item in options.options]
    if options.size_bytes:
        given.append(f"size={options.size_bytes}")
    if options.mode:
        given.append(f"mode={options.mode:o}")
    return tuple(tmpfs_options(",".join(given)))


def plan_mounts(
    spec: ContainerSpec,
    borrowed: Sequence[tuple[Sequence[MountPoint], str]],
    new_name: Callable[[], str],
) -> tuple[MountPoint, ...]:
    """Every mount of a container, in order of destination.

    borrowed: (mounts, mode) of each entry of `volumes_from`, mode "" | ro | rw
    new_name: of an anonymous volume
    Raises: InvalidArgument("Duplicate mount point: /x")
    """
    found: dict[str, MountPoint] = {}
    for points, mode in borrowed:
        for point in points:
            found[point.destination] = replace(point, read_write=False) if mode == "ro" else point
    host = spec.host
    asked = [
        *(parse_bind(text, host.volume_driver) for text in host.binds),
        *(from_mount(mount) for mount in host.mounts),
        *(_from_tmpfs(path, options) for path, options in host.tmpfs.items()),
    ]
    seen: set[str] = set()
    for point in asked:
        if point.destination in seen:
            raise InvalidArgument(f"Duplicate mount point: {point.destination}")
        seen.add(point.destination)
        found[point.destination] = point
    for path in spec.volumes:
        point = parse_bind(path, host.volume_driver)
        found.setdefault(point.destination, point)
    named = [replace(p, name=new_name()) if p.anonymous and not p.name else p for p in found.values()]
    return tuple(sorted(named, key=lambda point: point.destination))


def _from_tmpfs(path: str, options: str) -> MountPoint:
    given = tmpfs_options(options)
    return MountPoint(
        type=MountType.TMPFS,
        destination=_destination(path),
        tmpfs_options=tuple(item for item in given if item != "ro"),
        read_write="ro" not in given,
        from_spec=False,
    )


def volume_wishes(spec: ContainerSpec) -> Mapping[str, VolumeOptions]:
    """{volume name: how to make it where it is missing} of HostConfig.Mounts."""
    return {m.source: m.volume for m in spec.host.mounts if m.type is MountType.VOLUME and m.source and m.volume}
