"""`Mounts` of a service's body."""

from typing import Any

from shoal.compose.bodies.host_config import OPTIONS_KEY, bind_text, mount_body, mount_options
from shoal.compose.parts import Mount
from shoal.compose.project import Project, Service
from shoal.compose.to_services.labels import NAMESPACE


def mounts_of(project: Project, service: Service) -> tuple[list[dict[str, Any]], list[str]]:
    """(`Mounts`, `Binds`); the latter hold what only they can say, the label of a bind for SELinux."""
    mounts: list[dict[str, Any]] = []
    binds: list[str] = []
    for mount in service.volumes:
        if mount.type == "bind" and mount.selinux:
            binds.append(bind_text(mount, mount.source))
        elif mount.type == "volume":
            mounts.append(_volume(project, mount))
        else:
            mounts.append(_other(mount))
    return mounts, binds


def _other(mount: Mount) -> dict[str, Any]:
    """A bind, tmpfs or image; the path of a bind has to be there on the node."""
    body = mount_body(mount, mount.source)
    options = {key: value for key, value in mount_options(mount).items() if key != "CreateMountpoint"}
    body.pop(OPTIONS_KEY[mount.type], None)
    return {**body, OPTIONS_KEY[mount.type]: options} if options else body


def _volume(project: Project, mount: Mount) -> dict[str, Any]:
    volume = project.volumes.get(mount.source)
    body = mount_body(mount, volume.name if volume else "")
    options = dict(body.pop("VolumeOptions", {}))
    if volume is not None and not volume.external:
        options["Labels"] = {**volume.labels, **mount.volume_labels, NAMESPACE: project.name}
        if volume.driver or volume.driver_opts:
            driver = {"Name": volume.driver, "Options": dict(volume.driver_opts)}
            options["DriverConfig"] = {key: value for key, value in driver.items() if value}
    return {**body, "VolumeOptions": options} if options else body
