"""Small images for tests, made from what the machine has."""

import functools
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

BUSYBOX = "/bin/busybox"
PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n"
MTIME = 1_700_000_000


def tar_of(*entries: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar with these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def entry(
    name: str, data: bytes = b"", *, type: bytes = tarfile.REGTYPE, **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    """A member for `tar_of`: a file unless `type` says otherwise; fields as in TarInfo (mode, uid, linkname, …)."""
    info = tarfile.TarInfo(name)
    info.type = type
    info.mtime = MTIME
    info.mode = 0o755 if type == tarfile.DIRTYPE else 0o644
    info.size = len(data) if type == tarfile.REGTYPE else 0
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


@functools.cache
def busybox_layer() -> bytes:
    """The tar of a small root file system: busybox with its applets, users, the usual folders."""
    applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    folders = ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "usr/sbin", "var", "var/www")
    return tar_of(
        *(entry(name, type=tarfile.DIRTYPE) for name in folders),
        entry("tmp", type=tarfile.DIRTYPE, mode=0o1777),
        entry("bin/busybox", Path(BUSYBOX).read_bytes(), mode=0o755),
        *(entry(f"bin/{name}", type=tarfile.SYMTYPE, linkname="busybox") for name in applets if name != "busybox"),
        entry("etc/passwd", PASSWD.encode()),
        entry("etc/group", GROUP.encode()),
        entry("etc/nsswitch.conf", b"hosts: files dns\n"),
    )


def image_archive(
    path: Path, name: str, layers: Sequence[bytes], config: Mapping[str, object] | None = None, **top: object
) -> str:
    """Write a docker-archive (as `docker save` of old) to `path`; the image's id.

    config: the image's Config ("Cmd", "Env", …)
    top: further fields of the config file ("architecture")
    """
    image = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-01-02T03:04:05.678901234Z",
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
        "history": [
            {"created": "2024-01-02T03:04:05Z", "created_by": f"/bin/sh -c #(nop) ADD layer {i}"}
            for i in range(len(layers))
        ],
        **top,
    }
    body = json.dumps(image).encode()
    image_id = hashlib.sha256(body).hexdigest()
    files = [f"{i}/layer.tar" for i in range(len(layers))]
    manifest = [{"Config": f"{image_id}.json", "RepoTags": [name] if name else None, "Layers": files}]
    path.write_bytes(
        tar_of(
            entry(f"{image_id}.json", body),
            *(entry(file, layer) for file, layer in zip(files, layers, strict=True)),
            entry("manifest.json", json.dumps(manifest).encode()),
        )
    )
    return f"sha256:{image_id}"


def busybox_archive(path: Path, name: str = "busybox:latest", config: Mapping[str, object] | None = None) -> str:
    """Write a docker-archive with a busybox image to `path`; the image's id.

    config: further fields of the image's Config, e.g. {"Labels": {"a": "b"}}
    """
    defaults = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["sh"]}
    return image_archive(path, name, [busybox_layer()], {**defaults, **(config or {})})
