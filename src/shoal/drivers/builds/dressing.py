"""What a RUN finds in its root although it must not stay: mount points, the host's certificates. Blocking.

Nothing is bound over the image's certificate bundle: a program that renews the bundle (update-ca-certificates) renames
over it, which a mount point refuses. The content is put in place instead, and taken back unless the program changed it.
The program may leave symlinks where folders were: after it has run, nothing is reached through one.
"""

import contextlib
import os
import stat
from pathlib import Path

from shoal.contracts.build import Dressing
from shoal.drivers.builds import rooted

#: where distributions keep all certificates in one file
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
)

_Stat = tuple[int, int, int, int]


def dress(root: Path, mount_points: list[tuple[str, bool]], certificates: Path | None) -> Dressing:
    """Prepare the mounted `root`; see the contract."""
    base = str(root)
    folders: dict[str, _Stat] = {}
    stubs: list[tuple[str, bool]] = []
    for path, is_folder in mount_points:
        stubs += _make_stub(base, path, is_folder, folders)
    bundles, bundle_stats, content = _place_bundles(base, certificates, folders)
    for path in folders:
        _touch(base, path, folders[path][3])
    return Dressing(
        root=root,
        stubs=tuple(stubs),
        folders=folders,
        bundles=bundles,
        bundle_stats=bundle_stats,
        certificates=content,
    )


def _make_stub(base: str, path: str, is_folder: bool, folders: dict[str, _Stat]) -> list[tuple[str, bool]]:
    """Make a mount point with all above it; what was missing, parents first, as paths in the root without links."""
    made: list[tuple[str, bool]] = []
    missing: list[str] = []
    current = os.path.normpath(path)
    while not os.path.lexists(rooted.resolve(base, current)):
        missing.append(current)
        current = os.path.dirname(current)
    _remember(base, rooted.resolve(base, current), folders)
    for item in reversed(missing):
        host = rooted.resolve(base, item)
        folder = is_folder or item != missing[0]
        if folder:
            os.mkdir(host, 0o755)
        else:
            with open(host, "xb"):
                pass
        made.append((_inside(base, host), folder))
    return made


def _place_bundles(
    base: str, certificates: Path | None, folders: dict[str, _Stat]
) -> tuple[dict[str, bytes], dict[str, _Stat], bytes]:
    """({path: content from before}, {path: stat from before}, the host's bundle)"""
    if certificates is None or not certificates.is_file():
        return {}, {}, b""
    content = certificates.read_bytes()
    bundles: dict[str, bytes] = {}
    stats: dict[str, _Stat] = {}
    for path in BUNDLES:
        original = rooted.read_bytes(base, path)
        host = rooted.resolve(base, path)
        inside = _inside(base, host)
        if original is None or original == content or inside in bundles:
            continue
        _remember(base, os.path.dirname(host), folders)
        bundles[inside] = original
        stats[inside] = _stat(host)
        _write(host, content)
        _touch(base, inside, stats[inside][3])
    return bundles, stats, content


def undress(dressing: Dressing) -> None:
    """Take it back; see the contract."""
    base = str(dressing.root)
    for path, original in dressing.bundles.items():
        host = rooted.without_links(base, path)
        if host is not None and _is_ours(host, dressing.certificates):
            _write(host, original)
            _touch(base, path, dressing.bundle_stats[path][3])
    before = {path: known[3] for path, known in dressing.folders.items()}
    unchanged = {path for path in before if _mtime(base, path) == before[path]}
    for path, is_folder in reversed(dressing.stubs):
        host = rooted.without_links(base, path)
        with contextlib.suppress(OSError):
            if host is not None and is_folder:
                os.rmdir(host)
            elif host is not None and os.lstat(host).st_size == 0:
                os.unlink(host)
    for path in unchanged:
        _touch(base, path, before[path])


def tidy(dressing: Dressing, upper: Path) -> bool:
    """Remove what only our touch copied up; see the contract."""
    base = str(upper)
    folders = sorted((path for path in dressing.folders if path != "/"), key=len, reverse=True)
    # Taken before anything is removed, which changes the times of the folders above.
    found = {path: known for path in folders if (known := _folder_stat(base, path)) is not None}
    for path, known in dressing.bundle_stats.items():
        host = rooted.without_links(base, path)
        # The same content and the same metadata as below: not a change.
        if host is not None and _is_ours(host, dressing.bundles[path]) and _stat(host) == known:
            os.unlink(host)
    for path, known in found.items():
        if known == dressing.folders[path] and not os.listdir(base + path) and not _is_opaque(base + path):
            os.rmdir(base + path)
    for path, known in found.items():
        _touch(base, path, known[3])
    return bool(os.listdir(upper))


def _folder_stat(base: str, path: str) -> _Stat | None:
    host = rooted.without_links(base, path)
    return _stat(host) if host is not None and os.path.isdir(host) and not os.path.islink(host) else None


def _is_opaque(folder: str) -> bool:
    try:
        return os.getxattr(folder, "trusted.overlay.opaque") in (b"y", b"x")
    except OSError:
        return False


def _remember(base: str, host: str, folders: dict[str, _Stat]) -> None:
    """Keep the metadata of a folder and all above it, as it is before anything is touched."""
    while host.startswith(base):
        inside = _inside(base, host)
        if os.path.isdir(host):
            folders.setdefault(inside, _stat(host))
        if inside == "/":
            return
        host = os.path.dirname(host)


def _inside(base: str, host: str) -> str:
    return "/" + os.path.relpath(host, base) if host.rstrip("/") != base.rstrip("/") else "/"


def _stat(path: str) -> _Stat:
    info = os.lstat(path)
    return stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, info.st_mtime_ns


def _mtime(base: str, path: str) -> int:
    host = rooted.without_links(base, path)
    try:
        return -1 if host is None else os.lstat(host).st_mtime_ns
    except OSError:
        return -1


def _touch(base: str, path: str, mtime_ns: int) -> None:
    host = rooted.without_links(base, path)
    with contextlib.suppress(OSError):
        if host is not None:
            os.utime(host, ns=(mtime_ns, mtime_ns), follow_symlinks=False)


def _write(host: str, content: bytes) -> None:
    with open(host, "wb") as out:
        out.write(content)


def _is_ours(host: str, content: bytes) -> bool:
    try:
        info = os.lstat(host)
        if not stat.S_ISREG(info.st_mode) or info.st_size != len(content):
            return False
        with open(host, "rb") as file:
            return file.read() == content
    except OSError:
        return False
