"""Images of a node: archives, names, removal, what is kept and what goes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shoal.engine.images import NewImage, Removal
from shoal.errors import Conflict, DriverError, InvalidArgument, NotFound
from shoal.model.change import Change, ChangeKind
from shoal.model.image import HistoryItem, Image, ImageConfig, ImageUse
from tests.support.image_node import ImageNode, chunks_of, collected, names
from tests.support.images import busybox_archive, busybox_layer, entry, image_archive, tar_of
from tests.support.registry import RegistryProcess


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ImageNode]:
    async with ImageNode(tmp_path / "node") as running:
        yield running


@pytest.fixture
async def busybox(tmp_path: Path, node: ImageNode) -> Image:
    busybox_archive(tmp_path / "busybox.tar")
    return await node.load(tmp_path / "busybox.tar")


async def derived(node: ImageNode, base: Image, files: dict[str, str], tag: str = "", **config: object) -> Image:
    """An image with a few more files, as the builder makes them."""
    key = f"build-{len(node.images.all())}"
    await node.snapshots.prepare(key, base.chain_id)
    root = await node.snapshots.mount(key)
    for name, text in files.items():
        (root / name).write_text(text)
    layer = await node.images.commit_layer(key, base.chain_id)
    new = NewImage(
        config=ImageConfig(**config),  # type: ignore[arg-type]
        layers=(*base.layers, layer),
        history=(*base.history, HistoryItem(created_by="COPY", created_at=1)),
    )
    return await node.images.add(new, tags=[tag] if tag else [])


# archives


async def test_load_reports_as_docker_does(tmp_path: Path, node: ImageNode) -> None:
    busybox_archive(tmp_path / "b.tar")
    await node.images.load(chunks_of((tmp_path / "b.tar").read_bytes()), report=node.report)
    assert [line.stream for line in node.lines if line.stream] == ["Loaded image: busybox:latest\n"]
    moving = [line for line in node.lines if line.status == "Loading layer"]
    assert moving and moving[-1].current_bytes == moving[-1].total_bytes

    node.lines.clear()
    old = node.images.resolve("busybox")
    busybox_archive(tmp_path / "c.tar", config={"Labels": {"v": "2"}})
    await node.images.load(chunks_of((tmp_path / "c.tar").read_bytes()), report=node.report, quiet=True)
    assert [line.stream for line in node.lines] == [
        f"The image busybox:latest already exists, renaming the old one with ID {old.id} to empty string\n",
        "Loaded image: busybox:latest\n",
    ]
    assert node.images.resolve(old.id).is_dangling


@pytest.mark.parametrize("compress", [None, "gzip", "zstd", "xz", "bzip2"])
async def test_load_of_compressed_archives(tmp_path: Path, node: ImageNode, compress: str | None) -> None:
    wanted = busybox_archive(tmp_path / "b.tar")
    data = (tmp_path / "b.tar").read_bytes()
    if compress == "zstd":
        import zstandard

        data = zstandard.compress(data)
    elif compress is not None:
        import bz2
        import gzip
        import lzma

        data = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}[compress](data)
    (image,) = await node.images.load(chunks_of(data))
    assert image.id == wanted


async def test_a_saved_archive_is_an_oci_layout_and_a_docker_archive_and_keeps_every_digest(
    tmp_path: Path, node: ImageNode, busybox: Image
) -> None:
    app = await derived(node, busybox, {"etc/app": "1"}, "team/app:1")
    await node.images.tag("team/app:1", "team/app:2")
    saved = tmp_path / "saved.tar"
    saved.write_bytes(await collected(node.images.save(["team/app", "busybox:latest"])))

    with tarfile.open(saved) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]
    for name, data in members.items():
        if name.startswith("blobs/sha256/"):
            assert name.rpartition("/")[2] == hashlib.sha256(data).hexdigest()
    manifest = json.loads(members["manifest.json"])
    assert [entry["RepoTags"] for entry in manifest] == [["team/app:1", "team/app:2"], ["busybox:latest"]]
    assert all(layer in members for entry in manifest for layer in entry["Layers"])
    index = json.loads(members["index.json"])
    assert [e["annotations"]["io.containerd.image.name"] for e in index["manifests"]] == [
        "docker.io/team/app:1",
        "docker.io/team/app:2",
        "docker.io/library/busybox:latest",
    ]

    async with ImageNode(tmp_path / "other") as other:
        loaded = await other.images.load(chunks_of(saved.read_bytes()))
        assert names(loaded) == ["team/app:1", "team/app:2", "busybox:latest"]
        assert [(image.id, image.manifest) for image in loaded] == [
            (app.id, app.manifest),
            (busybox.id, busybox.manifest),
        ]


async def test_an_oci_layout_without_dockers_files(tmp_path: Path, node: ImageNode, busybox: Image) -> None:
    layout = tmp_path / "layout"
    shutil.copytree(node.root / "blobs", layout / "blobs")
    for name in ("index.json", "oci-layout"):
        shutil.copy(node.root / name, layout / name)
    subprocess.run(["tar", "-C", layout, "-cf", tmp_path / "oci.tar", "."], check=True)  # noqa: ASYNC221
    async with ImageNode(tmp_path / "other") as other:
        (image,) = await other.images.load(chunks_of((tmp_path / "oci.tar").read_bytes()))
        assert (image.id, image.repo_tags) == (busybox.id, ("busybox:latest",))


async def test_an_archive_of_docker_before_1_10(node: ImageNode) -> None:
    base, top = busybox_layer(), tar_of(entry("etc/top", b"1"))
    first, second = "1" * 64, "2" * 64
    archive = tar_of(
        entry("repositories", json.dumps({"old": {"1": second}}).encode()),
        entry(f"{first}/json", json.dumps({"id": first, "created": "2014-01-01T00:00:00Z"}).encode()),
        entry(f"{first}/layer.tar", base),
        entry(
            f"{second}/json",
            json.dumps(
                {
                    "id": second,
                    "parent": first,
                    "config": {"Cmd": ["sh"], "Env": ["A=1"]},
                    "architecture": "amd64",
                    "os": "linux",
                    "container_config": {"Cmd": ["/bin/sh", "-c", "touch"]},
                }
            ).encode(),
        ),
        entry(f"{second}/layer.tar", top),
    )
    (image,) = await node.images.load(chunks_of(archive))
    assert image.repo_tags == ("old:1",)
    assert image.config.cmd == ("sh",) and len(image.layers) == 2
    assert image.history[-1].created_by == "/bin/sh -c touch"


async def test_layers_that_are_links_to_other_members(tmp_path: Path, node: ImageNode) -> None:
    image_archive(tmp_path / "a.tar", "a:1", [busybox_layer()])
    with tarfile.open(tmp_path / "a.tar") as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    members = [(m, d) if m.name != "0/layer.tar" else (entry("real/layer.tar", d)) for m, d in members]
    archive = tar_of(entry("0/layer.tar", type=tarfile.SYMTYPE, linkname="../real/layer.tar"), *members)
    (image,) = await node.images.load(chunks_of(archive))
    assert image.repo_tags == ("a:1",)


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (tar_of(entry("readme", b"hello")), "does not contain a manifest.json"),
        (tar_of(entry("manifest.json", b"{}")), "no list of images"),
        (tar_of(entry("manifest.json", b"\xff\xfe")), "not JSON"),
        (tar_of(entry("manifest.json", b'[{"Config": "no.json"}]')), '"no.json" is not in it'),
        (tar_of(entry("manifest.json", b'[{"Config": "../../etc/passwd"}]')), "leads out of its folder"),
        (tar_of(entry("../manifest.json", b"[]")), "leads out of its folder"),
        (tar_of(entry("c", b'{"rootfs":{}}'), entry("manifest.json", b'[{"Config":"c","Layers":["c"]}]')), "0 layers"),
        (b"no tar at all, but long enough to be read as one header block " * 20, "no tar archive"),
        (tar_of(entry("manifest.json", b"[]" + bytes(5000)))[:2000], "cut off"),
    ],
    ids=["nothing", "object", "noise", "missing", "outside", "name", "layers", "text", "short"],
)
async def test_archives_that_are_no_images(node: ImageNode, archive: bytes, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        await node.images.load(chunks_of(archive))
    assert not node.images.all() and not node.snapshots.layers()
    await node.images.collect_garbage()
    assert not node.blobs.digests()


async def test_a_body_that_breaks_off(tmp_path: Path, node: ImageNode) -> None:
    busybox_archive(tmp_path / "b.tar")

    async def broken() -> AsyncIterator[bytes]:
        yield (tmp_path / "b.tar").read_bytes()[:1_000_000]
        raise ConnectionResetError("client is gone")

    with pytest.raises(ConnectionResetError):
        await node.images.load(broken())
    assert not node.images.all()


async def test_import_makes_an_image_of_a_plain_tar(node: ImageNode) -> None:
    image = await node.images.import_tar(
        chunks_of(busybox_layer()), tag="mine", changes=['CMD ["sh"]', "ENV A=1"], message="from a tar"
    )
    assert image.repo_tags == ("mine:latest",)
    assert image.config.cmd == ("sh",) and "A=1" in image.config.env
    assert image.history == (HistoryItem(created_at=image.history[0].created_at, comment="from a tar"),)
    with pytest.raises(InvalidArgument, match="RUN is not a valid change command"):
        await node.images.import_tar(chunks_of(busybox_layer()), changes=["RUN true"])


async def test_an_image_of_nothing_and_one_with_the_same_layer_twice(tmp_path: Path, node: ImageNode) -> None:
    image_archive(tmp_path / "empty.tar", "empty:1", [])
    empty = await node.load(tmp_path / "empty.tar")
    assert (empty.layers, empty.chain_id, empty.size_bytes) == ((), "", 0)
    await node.snapshots.prepare("e", empty.chain_id)
    assert list((await node.snapshots.mount("e")).iterdir()) == []
    same = tar_of(entry("a", b"1"))
    image_archive(tmp_path / "twice.tar", "twice:1", [same, same])
    twice = await node.load(tmp_path / "twice.tar")
    assert twice.layers[0].digest == twice.layers[1].digest and twice.layers[0].chain_id != twice.layers[1].chain_id
    await node.images.remove("twice:1")
    await node.images.remove("empty:1", force=True)
    assert not node.snapshots.layers()


# names


async def test_resolve(node: ImageNode, busybox: Image) -> None:
    digits = busybox.id.removeprefix("sha256:")
    for text in (
        "busybox",
        "busybox:latest",
        "docker.io/library/busybox",
        busybox.id,
        digits,
        digits[:4],
        f"sha256:{digits[:9]}",
    ):
        assert node.images.resolve(text).id == busybox.id
    for text, shown in (("nope", "nope:latest"), ("x/y:1", "x/y:1"), ("busybox:2", "busybox:2"), ("0" * 64, "0" * 64)):
        with pytest.raises(NotFound, match=f"^No such image: {shown}$"):
            node.images.resolve(text)
    with pytest.raises(InvalidArgument, match="must be lowercase"):
        node.images.resolve("BusyBox")


async def test_tag_moves_a_name(node: ImageNode, busybox: Image) -> None:
    app = await derived(node, busybox, {"a": "1"}, "app:1")
    await node.images.tag("busybox", "app:1")
    assert node.images.resolve("app:1").id == busybox.id
    assert node.images.resolve(app.id).is_dangling
    with pytest.raises(InvalidArgument, match="digest reference"):
        await node.images.tag("busybox", f"x@{busybox.id}")


async def test_list_and_its_filters(node: ImageNode, busybox: Image) -> None:
    await derived(node, busybox, {"a": "1"}, "reg.example:5000/team/app:1", labels={"tier": "web"})
    await derived(node, busybox, {"b": "1"})
    everything = node.images.list()
    assert len(everything) == 3 and everything[-1].id == busybox.id
    assert names(node.images.list({"reference": ["busy*"]})) == ["busybox:latest"]
    assert names(node.images.list({"reference": ["*/*/app"]})) == ["reg.example:5000/team/app:1"]
    assert names(node.images.list({"reference": ["app"]})) == []
    assert names(node.images.list({"label": ["tier=web"]})) == ["reg.example:5000/team/app:1"]
    assert [image.is_dangling for image in node.images.list({"dangling": ["true"]})] == [True]
    assert names(node.images.list({"dangling": ["false"], "before": ["reg.example:5000/team/app:1"]})) == [
        "busybox:latest"
    ]
    assert len(node.images.list({"since": ["busybox"]})) == 2
    assert names(node.images.list({"until": ["2024-06-01"]})) == ["busybox:latest"]
    with pytest.raises(InvalidArgument, match="invalid filter 'colour'"):
        node.images.list({"colour": ["red"]})


# removal


async def test_the_last_name_takes_image_and_layers_along(node: ImageNode, busybox: Image) -> None:
    await node.images.tag("busybox", "second:1")
    assert await node.images.remove("busybox") == [Removal(untagged="busybox:latest")]
    assert await node.images.remove("second:1") == [
        Removal(untagged="second:1"),
        Removal(deleted=busybox.id),
        Removal(deleted=busybox.chain_id),
    ]
    assert not node.snapshots.layers() and not node.blobs.digests()
    with pytest.raises(NotFound, match=r"^No such image: busybox:latest$"):
        await node.images.remove("busybox")


async def test_an_image_of_several_names_is_not_removed_by_id(node: ImageNode, busybox: Image) -> None:
    await node.images.tag("busybox", "other/busybox:1")
    short = busybox.id[7:19]
    message = rf"^conflict: unable to delete {short} \(must be forced\) - image is referenced in multiple repositories$"
    with pytest.raises(Conflict, match=message):
        await node.images.remove(short)
    assert Removal(deleted=busybox.id) in await node.images.remove(short, force=True)


async def test_images_of_containers_stay(node: ImageNode, busybox: Image) -> None:
    use = ImageUse(container_id="c" * 64, image_id=busybox.id, reference="busybox", is_running=True)
    node.uses.append(use)
    short = busybox.id[7:19]
    with pytest.raises(Conflict) as name_error:
        await node.images.remove("busybox")
    assert name_error.value.message == (
        f'conflict: unable to remove repository reference "busybox" (must force) - container {"c" * 12} '
        f"is using its referenced image {short}"
    )
    with pytest.raises(Conflict, match=rf"{short} \(cannot be forced\) - image is being used by running container"):
        await node.images.remove(short, force=True)
    node.uses[0] = ImageUse(container_id="c" * 64, image_id=busybox.id, reference="busybox", is_running=False)
    with pytest.raises(Conflict, match=rf"{short} \(must be forced\) - image is being used by stopped container"):
        await node.images.remove(short)
    assert await node.images.remove("busybox", force=True) != []
    assert not node.images.all()


async def test_shared_layers_stay_until_the_last_image_goes(node: ImageNode, busybox: Image) -> None:
    app = await derived(node, busybox, {"a": "1"}, "app:1")
    await node.images.remove("busybox")
    assert node.snapshots.has_layer(busybox.chain_id)
    removed = await node.images.remove("app:1")
    assert [r.deleted for r in removed if r.deleted] == [app.id, app.chain_id, busybox.chain_id]
    assert not node.snapshots.layers()


async def test_layers_below_a_container_stay_after_a_forced_removal(node: ImageNode, busybox: Image) -> None:
    await node.snapshots.prepare("c1", busybox.chain_id)
    await node.images.remove("busybox", force=True)
    assert (await node.snapshots.mount("c1") / "bin/sh").is_symlink()
    await node.snapshots.remove("c1")
    await node.images.collect_garbage()
    assert not node.snapshots.layers()


async def test_prune(node: ImageNode, busybox: Image) -> None:
    dangling = await derived(node, busybox, {"a": "x" * 1000})
    used = await derived(node, busybox, {"b": "1"})
    node.uses.append(ImageUse(container_id="1", image_id=used.id, reference="", is_running=False))
    pruned = await node.images.prune()
    assert [r.deleted for r in pruned.removals] == [dangling.id, dangling.chain_id]
    assert pruned.freed_bytes >= 1000
    assert {image.id for image in node.images.all()} == {busybox.id, used.id}
    await node.images.tag("busybox", "keep:1")
    assert not (await node.images.prune({"label": ["no"], "dangling": ["false"]})).removals
    pruned = await node.images.prune({"dangling": ["false"]})
    assert [r.untagged for r in pruned.removals if r.untagged] == ["busybox:latest", "keep:1"]
    assert [image.id for image in node.images.all()] == [used.id]


async def test_held_layers_survive_the_garbage_collection(node: ImageNode, busybox: Image) -> None:
    await node.snapshots.prepare("b", busybox.chain_id)
    (await node.snapshots.mount("b") / "x").write_text("1")
    layer = await node.images.commit_layer("b", busybox.chain_id)
    with node.images.hold(layer.chain_id):
        await node.images.collect_garbage()
        assert node.snapshots.has_layer(layer.chain_id)
        assert node.blobs.size(layer.digest)
    await node.images.collect_garbage()
    assert not node.snapshots.has_layer(layer.chain_id)


# snapshots and commits


async def test_commit_makes_an_image_of_a_containers_changes(tmp_path: Path, node: ImageNode, busybox: Image) -> None:
    await node.snapshots.prepare("c", busybox.chain_id)
    root = await node.snapshots.mount("c")
    (root / "etc/new").write_text("new")
    os.link(root / "etc/new", root / "etc/same")
    (root / "etc/passwd").write_text("changed")
    (root / "etc/group").unlink()
    shutil.rmtree(root / "var")
    (root / "var").mkdir()
    os.setxattr(root / "etc/new", "user.note", b"x")
    kinds = {change.path: change.kind for change in await node.snapshots.changes("c")}
    assert kinds == {
        "/etc": ChangeKind.MODIFIED,
        "/etc/new": ChangeKind.ADDED,
        "/etc/same": ChangeKind.ADDED,
        "/etc/passwd": ChangeKind.MODIFIED,
        "/etc/group": ChangeKind.DELETED,
        "/var": ChangeKind.MODIFIED,
    }
    assert Change("/etc/group", ChangeKind.DELETED) in await node.snapshots.changes("c")
    assert await node.snapshots.usage("c") == len("new") + len("changed")

    image = await node.images.commit(
        "c", busybox, busybox.config, item=HistoryItem(created_by="sh", comment="mine"), tag="mine"
    )
    assert image.parent == busybox.id and image.history[-1].comment == "mine"
    assert (root / "etc/new").exists()  # the container goes on

    archive = await collected(node.images.save(["mine"]))
    async with ImageNode(tmp_path / "other") as other:
        (loaded,) = await other.images.load(chunks_of(archive))
        await other.snapshots.prepare("c", loaded.chain_id)
        there = await other.snapshots.mount("c")
        assert (there / "etc/passwd").read_text() == "changed"
        assert not (there / "etc/group").exists()
        assert list((there / "var").iterdir()) == []
        assert os.path.samefile(there / "etc/new", there / "etc/same")
        assert os.getxattr(there / "etc/new", "user.note") == b"x"
    with pytest.raises(Conflict, match="image has dependent child images"):
        await node.images.remove(busybox.id)


async def test_many_layers_mount_as_one(node: ImageNode, busybox: Image) -> None:
    image = busybox
    for number in range(126):
        image = await derived(node, image, {f"file{number}": str(number)}, "deep:1")
    await node.snapshots.prepare("c", image.chain_id)
    root = await node.snapshots.mount("c")
    assert len([name for name in os.listdir(root) if name.startswith("file")]) == 126
    assert (root / "file0").read_text() == "0"
    await node.snapshots.remove("c")


async def test_a_snapshot_is_written_through_and_kept_over_mounts(node: ImageNode, busybox: Image) -> None:
    await node.snapshots.prepare("c", busybox.chain_id)
    root = await node.snapshots.mount("c")
    assert await node.snapshots.mount("c") == root
    (root / "f").write_text("1")
    await node.snapshots.unmount("c")
    assert not list(root.iterdir())
    root = await node.snapshots.mount("c", readonly=True)
    assert (root / "f").read_text() == "1"
    with pytest.raises(OSError, match="Read-only"):
        (root / "g").write_text("2")
    await node.snapshots.remove("c")
    await node.snapshots.remove("c")
    assert "c" not in node.snapshots.keys()  # noqa: SIM118


# crashes

CHILD = """
import asyncio, os, signal, sqlite3, sys
from pathlib import Path
from shoal.drivers import sqlite_store
from shoal.model.settings import Settings
from tests.support.image_node import ImageNode, chunks_of

base, source = Path(sys.argv[1]), sys.argv[2]
steps = die_at = 0

def deadly(function):
    def step(*args, **kwargs):
        global steps
        steps += 1
        if steps == 2 * die_at:
            os.kill(os.getpid(), signal.SIGKILL)  # before it
        result = function(*args, **kwargs)
        if steps == 2 * die_at + 1:
            os.kill(os.getpid(), signal.SIGKILL)  # after it
        return result
    return step

async def main():
    async with ImageNode(base / str(die_at)) as node:
        os.rename, os.replace, os.link = deadly(os.rename), deadly(os.replace), deadly(os.link)
        sqlite_store.SqliteStore._write = deadly(sqlite_store.SqliteStore._write)
        if source.endswith(".tar"):
            await node.images.load(chunks_of(Path(source).read_bytes()))
        else:
            await node.images.pull(source)
        await node.images.remove("app:1" if source.endswith(".tar") else source)

# One child for each step: forked, since starting Python takes longer than all that it does here.
while True:
    die_at += 1
    pid = os.fork()
    if pid == 0:
        asyncio.run(main())
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status != -signal.SIGKILL:
        print(die_at)
        sys.exit(status)
"""


async def assert_whole(root: Path) -> None:
    """Every image on record can be used, and nothing half-done is left."""
    async with ImageNode(root) as node:
        for image in node.images.all():
            await node.snapshots.prepare("check", image.chain_id)
            assert (await node.snapshots.mount("check") / "bin/sh").is_symlink()
            await node.snapshots.remove("check")
            assert all(
                node.blobs.size(digest) for digest in (image.id, image.manifest, *(x.digest for x in image.layers))
            )
        layers = {layer.chain_id for image in node.images.all() for layer in image.layers}
        assert set(node.snapshots.layers()) == layers
        half_done = [p.name for folder in ("layers", "snapshots", "trash", "ingest") for p in (root / folder).iterdir()]
        assert not [name for name in half_done if name.startswith(("new-", "gone-"))]


@pytest.mark.parametrize("way", ["load", "pull"])
async def test_a_kill_at_any_step_loses_nothing(tmp_path: Path, node: ImageNode, way: str) -> None:
    layers = [busybox_layer(), tar_of(entry("etc/one", b"1"))]
    async with RegistryProcess(tmp_path / "registry") as registry:
        source = str(tmp_path / "a.tar")
        image_id = image_archive(Path(source), "app:1", layers)
        if way == "pull":
            await node.load(Path(source))
            source = f"{registry.host}/app:1"
            await node.images.tag("app:1", source)
            await node.images.push(source)
        argv = [sys.executable, "-c", CHILD, tmp_path / "roots", source]
        done = subprocess.run(argv, check=False, capture_output=True, timeout=120)  # noqa: ASYNC221
        assert done.returncode == 0, done.stderr.decode()
        steps = int(done.stdout)
        assert steps > 5
        for root in (tmp_path / "roots" / str(step) for step in range(1, steps + 1)):
            await assert_whole(root)
            async with ImageNode(root) as again:
                if way == "load":
                    await again.load(Path(source))
                else:
                    await again.images.pull(source)
                assert again.images.resolve(image_id).repo_tags


async def test_an_image_whose_layer_was_lost_is_unpacked_again_or_forgotten(
    tmp_path: Path, node: ImageNode, busybox: Image
) -> None:
    app = await derived(node, busybox, {"a": "1"}, "app:1")
    top, base = app.layers[-1], app.layers[0]
    shutil.rmtree(node.root / "layers" / top.chain_id.removeprefix("sha256:"))
    node.snapshots.open()
    await node.images.open()
    assert node.snapshots.has_layer(top.chain_id)

    shutil.rmtree(node.root / "layers" / base.chain_id.removeprefix("sha256:"))
    node.blobs.path(base.digest).unlink()
    node.snapshots.open()
    await node.images.open()
    with pytest.raises(NotFound):
        node.images.resolve("app:1")


async def test_a_full_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=True)  # noqa: ASYNC221
    try:
        busybox_archive(tmp_path / "b.tar")
        async with ImageNode(small) as node:
            with pytest.raises(DriverError, match="no space left on device"):
                await node.load(tmp_path / "b.tar")
            assert not node.images.all()
            await node.images.collect_garbage()
            assert not node.blobs.digests() and not node.snapshots.layers()
    finally:
        subprocess.run(["umount", small], check=True)  # noqa: ASYNC221
