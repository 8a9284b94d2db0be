"""The images that are measured with: kept in an archive, so that they are made once on a machine."""

import sys
from pathlib import Path

from tests.bench.resources import BASE_IMAGE, WEB_IMAGE
from tests.bench.target import Target
from tests.support.images import busybox_archive

NAMES = (BASE_IMAGE, WEB_IMAGE, "python:alpine", "redis:alpine")
KEPT = Path(".cache/bench-images.tar")
MACHINES_OWN = Path("/run/shoal/shoal.sock")


def load_images(targets: list[Target], work: Path) -> None:
    """Every target has busybox and, where they can be had, the others. Rows whose image is missing fail alone."""
    busybox = work / "busybox.tar"
    busybox_archive(busybox)
    for target in targets:
        target.load_missing(busybox, "busybox")
    try:
        archive = KEPT if KEPT.exists() else _make_archive(targets[0], work)
        for target in targets:
            target.load_missing(archive, *NAMES)
    except RuntimeError as error:
        print(f"without {', '.join(NAMES)}: {error}", file=sys.stderr)


def _make_archive(target: Target, work: Path) -> Path:
    """From the engine that runs on this machine where it has them all, else pulled or made as stand-ins."""
    KEPT.parent.mkdir(exist_ok=True)
    source = Target("machine", str(MACHINES_OWN), target.cli)
    if not (source.answers() and all(map(source.has_image, NAMES))):
        source = target
        for name in NAMES:
            print(f"… pulling {name}, or making a stand-in for it (kept in {KEPT})", file=sys.stderr)
            target.run("pull", "-q", "--stand-ins", name)
    part = work / "images.tar"
    source.run("save", "-o", str(part), *NAMES)
    KEPT.write_bytes(part.read_bytes())
    return KEPT
