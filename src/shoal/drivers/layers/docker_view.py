"""Active snapshots where programs that read Docker's directories look for them.

root/overlay2/<mount id>/diff                            the directory that takes a container's changes
root/image/overlay2/layerdb/mounts/<container>/mount-id  the name of that mount

cAdvisor leaves a container out whose mount-id it can't read. Both folders are links to the one of the snapshots, and a
snapshot's mount id is its own key, so nothing has to be kept in step. Source: moby, layer/filestore.go
"""

import os
from pathlib import Path

_OVERLAY = "overlay2"
_MOUNTS = f"image/{_OVERLAY}/layerdb/mounts"


def open_view(root: Path, snapshots: Path) -> None:
    """Make the links; show the snapshots of earlier versions, whose changes were in `upper`, too."""
    for name in (_OVERLAY, _MOUNTS):
        link = root / name
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            link.symlink_to(os.path.relpath(snapshots, link.parent))
    for snapshot in snapshots.iterdir():
        if (snapshot / "upper").is_dir():
            os.rename(snapshot / "upper", snapshot / "diff")
        show(snapshot, snapshot.name)


def show(snapshot: Path, key: str) -> None:
    """Write the mount id of the snapshot `key`, whose files are in the folder `snapshot`."""
    mount_id = snapshot / "mount-id"
    if not mount_id.exists():
        mount_id.write_text(key)
