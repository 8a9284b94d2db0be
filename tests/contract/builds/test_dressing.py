"""A RUN finds mount points and certificates, and the layer has no trace of them. On a real overlay."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoal.drivers.builds.dressing import dress, tidy, undress
from shoal.drivers.mount import mount, unmount

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts an overlay")

POINTS = [("/proc", True), ("/dev", True), ("/etc/resolv.conf", False), ("/var/run/cache/x", True)]
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


@dataclass
class Overlay:
    base: Path

    @property
    def root(self) -> Path:
        return self.base / "merged"

    @property
    def upper(self) -> Path:
        return self.base / "upper"

    def unmount(self) -> None:
        unmount(str(self.root), 0)


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Overlay]:
    """A lower layer with a certificate bundle, and an empty upper; on a tmpfs, which always carries an overlay."""
    base = tmp_path / "fs"
    base.mkdir()
    mount("tmpfs", str(base), "tmpfs")
    for name in ("lower/etc/ssl/certs", "lower/run", "lower/var", "upper", "work", "merged"):
        (base / name).mkdir(parents=True)
    (base / "lower" / BUNDLE).write_text("image's own\n")
    (base / "lower/var/run").symlink_to("/run")
    for folder in ("etc/ssl/certs", "etc/ssl", "etc", "run", "var", "", BUNDLE):
        os.utime(base / "lower" / folder, (1000, 1000))
    os.utime(base / "upper", (1000, 1000))
    options = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
    mount("overlay", str(base / "merged"), "overlay", 0, options)
    yield Overlay(base)
    unmount(str(base / "merged"))
    unmount(str(base))


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    path = tmp_path / "host.crt"
    path.write_text("the host's\n")
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_run_that_changes_nothing_leaves_nothing(overlay: Overlay, certificates: Path):
    dressing = dress(overlay.root, POINTS, certificates)
    assert (overlay.root / BUNDLE).read_text() == "the host's\n"
    assert (overlay.root / "run/cache/x").is_dir()
    assert (overlay.root / "etc/resolv.conf").is_file()
    undress(dressing)
    assert (overlay.root / BUNDLE).read_text() == "image's own\n"
    overlay.unmount()
    assert not tidy(dressing, overlay.upper)
    assert names(overlay.upper) == []


def test_what_the_run_made_stays_and_only_that(overlay: Overlay, certificates: Path):
    dressing = dress(overlay.root, POINTS, certificates)
    (overlay.root / "etc/mine").write_text("x")
    (overlay.root / "run/cache/kept").write_text("x")
    undress(dressing)
    overlay.unmount()
    assert tidy(dressing, overlay.upper)
    assert names(overlay.upper) == ["etc", "etc/mine", "run", "run/cache", "run/cache/kept"]


def test_a_bundle_that_the_run_renews_is_kept(overlay: Overlay, certificates: Path):
    """update-ca-certificates writes a new file and renames it over the old one."""
    dressing = dress(overlay.root, POINTS, certificates)
    fresh = overlay.root / "etc/ssl/certs/fresh"
    fresh.write_text("renewed\n")
    fresh.rename(overlay.root / BUNDLE)
    undress(dressing)
    overlay.unmount()
    tidy(dressing, overlay.upper)
    assert (overlay.upper / BUNDLE).read_text() == "renewed\n"


def test_a_bundle_that_only_changes_owner_does_not_become_the_hosts(overlay: Overlay, certificates: Path):
    dressing = dress(overlay.root, POINTS, certificates)
    os.chown(overlay.root / BUNDLE, 7, 7)
    undress(dressing)
    overlay.unmount()
    tidy(dressing, overlay.upper)
    assert (overlay.upper / BUNDLE).read_text() == "image's own\n"
    assert (overlay.upper / BUNDLE).stat().st_uid == 7


def test_a_folder_that_was_made_anew_stays_opaque(overlay: Overlay, certificates: Path):
    dressing = dress(overlay.root, POINTS, certificates)
    (overlay.root / BUNDLE).unlink()
    (overlay.root / "etc/ssl/certs").rmdir()
    (overlay.root / "etc/ssl").rmdir()
    (overlay.root / "etc/ssl").mkdir()
    undress(dressing)
    overlay.unmount()
    assert tidy(dressing, overlay.upper)
    assert "etc/ssl" in names(overlay.upper)


def test_a_mount_point_that_the_run_filled_is_kept(overlay: Overlay):
    dressing = dress(overlay.root, POINTS, None)
    (overlay.root / "etc/resolv.conf").write_text("nameserver 1\n")
    undress(dressing)
    assert (overlay.root / "etc/resolv.conf").exists()
    assert (overlay.root / BUNDLE).read_text() == "image's own\n"


def test_folders_keep_their_times(overlay: Overlay, certificates: Path):
    undress(dress(overlay.root, POINTS, certificates))
    assert (overlay.root / "etc").stat().st_mtime == 1000
    assert overlay.root.stat().st_mtime == 1000


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A place on the host, outside of every build, with what a build would like to change."""
    folder = tmp_path / "host"
    (folder / "certs").mkdir(parents=True)
    (folder / "certs/ca-certificates.crt").write_text("the host's\n")
    (folder / "x").write_text("")
    (folder / "cache").mkdir()
    (folder / "cache/x").mkdir()
    for path in ("certs", "certs/ca-certificates.crt", "x", "cache/x", "cache", ""):
        os.utime(folder / path, (2000, 2000))
    return folder


def replace_by_link(folder: Path, target: Path) -> None:
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.symlink_to(target)


def stamps(folder: Path) -> dict[str, float]:
    return {name: (folder / name).stat().st_mtime for name in names(folder)} | {"": folder.stat().st_mtime}


@pytest.mark.parametrize("before_tidy", [False, True])
def test_links_that_the_run_left_lead_nowhere(overlay: Overlay, certificates: Path, host: Path, before_tidy: bool):
    """A program may replace a folder above a mount point or a bundle by a link to anywhere, seen from the engine."""
    points = [("/etc/ssl/x", False), ("/run/cache/x", True)]
    before = stamps(host)
    dressing = dress(overlay.root, points, certificates)
    if before_tidy:
        undress(dressing)
    replace_by_link(overlay.root / "etc/ssl", host)
    replace_by_link(overlay.root / "run", host)
    if not before_tidy:
        undress(dressing)
    overlay.unmount()
    assert tidy(dressing, overlay.upper)
    assert stamps(host) == before
    assert (host / "certs/ca-certificates.crt").read_text() == "the host's\n"
    assert (overlay.upper / "etc/ssl").readlink() == host
