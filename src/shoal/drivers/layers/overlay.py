"""Mounts of many layers as one file system. Source: the kernel's Documentation/filesystems/overlayfs.rst."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from shoal.drivers.mount import MS_RDONLY, mount
from shoal.errors import DriverError

#: mount(2) takes one page of options
_OPTIONS_LIMIT_BYTES = 4095
#: Layers are made from uppers, so an upper must say all that it changes in whiteouts and opaque folders.
_OPTIONS = "index=off,redirect_dir=off,metacopy=off"
_MIN_LINK = 6


def mount_overlay(
    target: Path, lowers: Sequence[Path], upper: Path, work: Path, *, links: Path, readonly: bool
) -> None:
    """Mount `lowers` (top first) below `upper` on `target`.

    links: folder of short names for layers, used when the paths don't fit into one page
    Raises: DriverError
    """
    for path in (*lowers, upper, work):
        if any(char in str(path) for char in ":,\\"):
            raise DriverError(f'"{path}": overlayfs takes no path with a colon, a comma or a backslash')
    rest = f",upperdir={upper},workdir={work},{_OPTIONS}"
    options = "lowerdir=" + ":".join(str(lower) for lower in lowers) + rest
    flags = MS_RDONLY if readonly else 0
    if len(os.fsencode(options)) <= _OPTIONS_LIMIT_BYTES:
        _mount(target, flags, options)
        return
    # The kernel resolves names while it mounts, so names below an open descriptor need no chdir, which all threads
    # share.
    fd = os.open(links, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        names = ":".join(f"/proc/self/fd/{fd}/{short_link(links, lower)}" for lower in lowers)
        options = f"lowerdir={names}{rest}"
        if len(os.fsencode(options)) > _OPTIONS_LIMIT_BYTES:
            raise DriverError(f"too many layers: {len(lowers)}")
        _mount(target, flags, options)
    finally:
        os.close(fd)


def _mount(target: Path, flags: int, options: str) -> None:
    try:
        mount("overlay", str(target), "overlay", flags, options)
    except DriverError as error:
        if error.exit_status == errno.EINVAL:
            error.hint = (
                "the file system below --root can't carry overlayfs: it is one itself, or lacks d_type or xattrs"
            )
        elif error.exit_status == errno.ENODEV:
            error.hint = "the kernel has no overlayfs: modprobe overlay"
        raise


def short_link(links: Path, layer: Path) -> str:
    """The name of the link in `links` that leads to the layer's folder `…/<64 hex digits>/diff`; made if needed."""
    wanted = os.path.relpath(layer, links)
    digits = layer.parent.name
    for length in range(_MIN_LINK, len(digits) + 1):
        name = digits[:length]
        try:
            os.symlink(wanted, links / name)
            return name
        except FileExistsError:
            if os.readlink(links / name) == wanted:
                return name
    raise DriverError(f'no short name left for the layer "{digits}"')


def drop_links(links: Path, layer: Path) -> None:
    """Remove the short names of a layer that goes."""
    wanted = os.path.relpath(layer, links)
    digits = layer.parent.name
    for length in range(_MIN_LINK, len(digits) + 1):
        link = links / digits[:length]
        try:
            if os.readlink(link) == wanted:
                os.unlink(link)
        except FileNotFoundError:
            return
