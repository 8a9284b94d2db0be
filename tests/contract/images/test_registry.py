"""Pull and push against the real docker-registry."""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from shoal.errors import DriverError, Forbidden, NotFound, Unauthorized, Unavailable
from shoal.model.image import Platform
from shoal.model.registry import RegistryAuth
from shoal.model.settings import Settings
from shoal.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, encode_index
from shoal.oci.reference import parse_reference
from tests.support.image_node import ImageNode
from tests.support.images import busybox_archive, busybox_layer, entry, image_archive, tar_of
from tests.support.registry import RegistryProcess, TokenServer, front_door, htpasswd, own_address

USER, PASSWORD = "ann", "s3cret"
LOGIN = RegistryAuth(username=USER, password=PASSWORD)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[RegistryProcess]:
    async with RegistryProcess(tmp_path / "registry") as running:
        yield running


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ImageNode]:
    async with ImageNode(tmp_path / "node") as running:
        yield running


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[ImageNode]:
    async with ImageNode(tmp_path / "other") as running:
        yield running


def three_layers(path: Path, name: str) -> str:
    """An image of three layers, the last of 6 MiB that does not compress."""
    layers = [busybox_layer(), tar_of(entry("etc/one", b"1")), tar_of(entry("big", os.urandom(6 << 20)))]
    return image_archive(path, name, layers, {"Cmd": ["sh"], "Labels": {"a": "b"}})


async def test_push_then_pull_gives_the_same_image_with_the_same_digest(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode, other: ImageNode
) -> None:
    name = f"{registry.host}/team/app:1"
    image_id = three_layers(tmp_path / "a.tar", name)
    await node.load(tmp_path / "a.tar")
    await node.images.push(name, report=node.report)
    assert node.statuses()[0] == f"The push refers to repository [{registry.host}/team/app]"
    assert node.statuses().count("Pushed") == 3
    digest = node.images.resolve(name).repo_digests[0]

    pulled = await other.images.pull(name, report=other.report)
    assert pulled.id == image_id
    assert pulled.repo_tags == (name,)
    assert pulled.repo_digests == (digest,)
    assert pulled.config.labels == {"a": "b"}
    statuses = other.statuses()
    assert statuses[0] == "Pulling from team/app"
    assert statuses.count("Pulling fs layer") == statuses.count("Pull complete") == 3
    assert statuses[-2:] == [f"Digest: {digest.partition('@')[2]}", f"Status: Downloaded newer image for {name}"]
    await other.snapshots.prepare("c", pulled.chain_id)
    root = await other.snapshots.mount("c")
    assert (root / "etc/one").read_text() == "1"
    assert (root / "bin/sh").is_symlink()

    other.lines.clear()
    await other.images.pull(name, report=other.report)
    assert other.statuses().count("Already exists") == 3
    assert other.statuses()[-1] == f"Status: Image is up to date for {name}"

    node.lines.clear()
    await node.images.push(name, report=node.report)
    assert node.statuses().count("Layer already exists") == 3
    assert node.images.resolve(name).repo_digests == (digest,)


async def test_push_takes_layers_over_from_another_repository_of_the_registry(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode
) -> None:
    three_layers(tmp_path / "a.tar", f"{registry.host}/one:1")
    await node.load(tmp_path / "a.tar")
    await node.images.push(f"{registry.host}/one:1")
    await node.images.tag(f"{registry.host}/one:1", f"{registry.host}/two:1")
    await node.images.push(f"{registry.host}/two:1", report=node.report)
    assert node.statuses().count("Mounted from one") == 3


async def test_pull_by_digest_and_all_tags(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode, other: ImageNode
) -> None:
    busybox_archive(tmp_path / "b.tar", f"{registry.host}/b:1")
    await node.load(tmp_path / "b.tar")
    await node.images.tag(f"{registry.host}/b:1", f"{registry.host}/b:2")
    await node.images.push(f"{registry.host}/b", report=node.report)
    by_digest = node.images.resolve(f"{registry.host}/b:1").repo_digests[0]

    image = await other.images.pull(by_digest)
    assert image.repo_tags == () and image.repo_digests == (by_digest,)
    assert other.images.resolve(by_digest).id == image.id
    await other.images.pull_all(f"{registry.host}/b")
    assert other.images.resolve(image.id).repo_tags == (f"{registry.host}/b:1", f"{registry.host}/b:2")


async def test_what_is_not_there_is_told_in_dockers_words(registry: RegistryProcess, node: ImageNode) -> None:
    with pytest.raises(NotFound, match=rf"^manifest for {registry.host}/no:1 not found: manifest unknown: "):
        await node.images.pull(f"{registry.host}/no:1")
    with pytest.raises(NotFound, match="An image does not exist locally with the tag: nobody/nothing"):
        await node.images.push("nobody/nothing", tag="1")


async def test_a_registry_that_is_down(node: ImageNode) -> None:
    with pytest.raises(Unavailable, match=r'^Get "http://127.0.0.1:1/v2/x/manifests/latest": dial tcp .*refused'):
        await node.images.pull("127.0.0.1:1/x")


async def test_basic_auth(tmp_path: Path, node: ImageNode) -> None:
    auth = htpasswd(tmp_path, USER, PASSWORD)
    async with RegistryProcess(tmp_path / "registry", auth) as registry:
        name = f"{registry.host}/private:1"
        busybox_archive(tmp_path / "b.tar", name)
        await node.load(tmp_path / "b.tar")
        with pytest.raises(Unauthorized, match="no basic auth credentials"):
            await node.images.push(name)
        with pytest.raises(Unauthorized):
            await node.images.push(name, auth=RegistryAuth(username=USER, password="wrong"))
        await node.images.push(name, auth=LOGIN)
        with pytest.raises(NotFound, match=r"pull access denied for .*unauthorized"):
            await node.images.pull(name, auth=RegistryAuth(username=USER, password="wrong"))
        await node.images.pull(name, auth=LOGIN)

        address = f"http://{registry.host}"
        assert await node.images.login(RegistryAuth(username=USER, password=PASSWORD, server_address=address)) == ""
        with pytest.raises(Unauthorized, match=r"login attempt to .* failed with status: 401"):
            await node.images.login(RegistryAuth(username=USER, password="no", server_address=registry.host))


async def test_token_auth(tmp_path: Path, node: ImageNode, other: ImageNode) -> None:
    async with (
        TokenServer(tmp_path / "tokens", USER, PASSWORD) as tokens,
        RegistryProcess(tmp_path / "registry", tokens.auth) as registry,
    ):
        busybox_archive(tmp_path / "b.tar", f"{registry.host}/public/b:1")
        await node.load(tmp_path / "b.tar")
        await node.images.tag(f"{registry.host}/public/b:1", f"{registry.host}/secret/b:1")
        await node.images.push(f"{registry.host}/public/b:1", auth=LOGIN)
        await node.images.push(f"{registry.host}/secret/b:1", auth=LOGIN, report=node.report)
        assert "Mounted from public/b" in node.statuses()

        await other.images.pull(f"{registry.host}/public/b:1")  # anonymous
        with pytest.raises(NotFound, match=r"pull access denied for .*secret/b, repository does not exist or may"):
            await other.images.pull(f"{registry.host}/secret/b:1")
        with pytest.raises(Unauthorized, match="incorrect username or password"):
            await other.images.pull(f"{registry.host}/secret/b:1", auth=RegistryAuth(username=USER, password="x"))
        with pytest.raises((Forbidden, Unauthorized)):
            await other.images.push(f"{registry.host}/public/b:1")

        refresh = await other.images.login(RegistryAuth(username=USER, password=PASSWORD, server_address=registry.host))
        assert refresh == tokens.refresh_token
        await other.images.pull(f"{registry.host}/secret/b:1", auth=RegistryAuth(identity_token=refresh))
        assert "repository:secret/b:pull" in tokens.asked


async def test_a_download_that_breaks_off_goes_on_where_it_was(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode, other: ImageNode
) -> None:
    three_layers(tmp_path / "a.tar", f"{registry.host}/a:1")
    await node.load(tmp_path / "a.tar")
    await node.images.push(f"{registry.host}/a:1")
    ranges: list[str] = []

    def meddle(request: web.Request, body: bytes, headers: dict[str, str]) -> tuple[bytes, int | None]:
        if "/blobs/" not in request.path or len(body) < 2 << 20:
            return body, None
        ranges.append(request.headers.get("Range", ""))
        return body, 2 << 20

    async with front_door(registry, meddle) as host:
        await other.images.pull(f"{host}/a:1")
    assert ranges[0] == ""
    assert len(ranges) > 1 and all(int(text.removeprefix("bytes=").rstrip("-")) >= 1 << 20 for text in ranges[1:])
    assert other.images.resolve(f"{host}/a:1").id == node.images.resolve(f"{registry.host}/a:1").id


async def test_the_next_pull_goes_on_with_what_an_earlier_one_left(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.drivers.registry.client._TRIES", 1)
    image_id = three_layers(tmp_path / "a.tar", f"{registry.host}/a:1")
    await node.load(tmp_path / "a.tar")
    await node.images.push(f"{registry.host}/a:1")
    is_down = True
    ranges: list[str] = []

    def meddle(request: web.Request, body: bytes, headers: dict[str, str]) -> tuple[bytes, int | None]:
        if len(body) > 2 << 20:
            ranges.append(request.headers.get("Range", ""))
            return body, 3 << 20 if is_down else None
        return body, None

    async with front_door(registry, meddle) as host:
        async with ImageNode(tmp_path / "fresh") as fresh:
            with pytest.raises(Unavailable):
                await fresh.images.pull(f"{host}/a:1")
            with pytest.raises(NotFound):
                fresh.images.resolve(f"{host}/a:1")
        is_down = False
        ranges.clear()
        async with ImageNode(tmp_path / "fresh") as fresh:  # also after a restart
            assert (await fresh.images.pull(f"{host}/a:1")).id == image_id
    assert ranges and all(text.startswith("bytes=") for text in ranges)


@pytest.mark.parametrize("lie", ["layer", "manifest", "header"])
async def test_a_registry_that_lies_about_a_digest(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode, other: ImageNode, lie: str
) -> None:
    busybox_archive(tmp_path / "b.tar", f"{registry.host}/b:1")
    await node.load(tmp_path / "b.tar")
    await node.images.push(f"{registry.host}/b:1")
    digest = node.images.resolve(f"{registry.host}/b:1").repo_digests[0].partition("@")[2]

    def meddle(request: web.Request, body: bytes, headers: dict[str, str]) -> tuple[bytes, int | None]:
        if lie == "layer" and len(body) > 100_000:
            return body[:-1] + b"!", None
        if "/manifests/" in request.path:
            if lie == "manifest":
                return body.replace(b"config", b"Config", 1), None
            if lie == "header":
                headers["Docker-Content-Digest"] = "sha256:" + "0" * 64
        return body, None

    async with front_door(registry, meddle) as host:
        with pytest.raises(DriverError, match="verification failed for digest"):
            await other.images.pull(f"{host}/b@{digest}" if lie != "header" else f"{host}/b:1")
    assert not other.images.all()
    assert not other.snapshots.layers()
    await other.images.collect_garbage()
    assert all((other.blobs.size(d) or 0) < 100_000 for d, _ in other.blobs.digests())


async def test_a_layer_whose_content_is_not_what_the_config_says(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode
) -> None:
    layer = tar_of(entry("a", b"1"))
    path = tmp_path / "x.tar"
    image_archive(path, "x:1", [layer], rootfs={"type": "layers", "diff_ids": ["sha256:" + "1" * 64]})
    with pytest.raises(DriverError, match="layer verification failed: expected diff id sha256:1111"):
        await node.load(path)
    assert not node.images.all() and not node.snapshots.layers()


async def test_mirrors_come_first_and_the_registry_is_not_needed_then(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode
) -> None:
    busybox_archive(tmp_path / "b.tar", f"{registry.host}/library/busybox:latest")
    await node.load(tmp_path / "b.tar")
    await node.images.push(f"{registry.host}/library/busybox:latest")
    settings = Settings(registry_mirrors=("http://127.0.0.1:1", f"http://{registry.host}/"))
    async with ImageNode(tmp_path / "mirrored", settings) as mirrored:
        image = await mirrored.images.pull("busybox")
        assert image.repo_tags == ("busybox:latest",)
        assert image.repo_digests[0].startswith("busybox@sha256:")


async def test_distribution_tells_what_a_registry_has(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode
) -> None:
    name = f"{registry.host}/b:1"
    busybox_archive(tmp_path / "b.tar", name)
    await node.load(tmp_path / "b.tar")
    await node.images.push(name)
    found, platforms = await node.images.distribution(name)
    assert found.digest == node.images.resolve(name).repo_digests[0].partition("@")[2]
    assert [str(platform) for platform in platforms] == ["linux/amd64"]


async def test_a_plain_layer_is_pushed_compressed(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode, other: ImageNode
) -> None:
    name = f"{registry.host}/plain:1"
    layer = tar_of(entry("zeros", bytes(1 << 20)))
    image_archive(tmp_path / "p.tar", name, [layer])
    await node.load(tmp_path / "p.tar")
    await node.images.push(name)
    (pulled,) = (await other.images.pull(name)).layers
    assert pulled.size_bytes < 100_000
    assert gzip.decompress(other.blobs.path(pulled.digest).read_bytes()) == layer


async def test_a_certificate_that_nobody_knows_is_taken_on_loopback(tmp_path: Path, node: ImageNode) -> None:
    async with RegistryProcess(tmp_path / "registry", tls=True) as registry:
        busybox_archive(tmp_path / "b.tar", f"{registry.host}/b:1")
        await node.load(tmp_path / "b.tar")
        await node.images.push(f"{registry.host}/b:1")
        await node.images.pull(f"{registry.host}/b:1")


@pytest.mark.skipif(not own_address(), reason="this machine has no address but loopback")
@pytest.mark.parametrize(
    ("tls", "why"), [(True, "tls: failed to verify certificate"), (False, "server gave HTTP response to HTTPS client")]
)
async def test_elsewhere_only_by_setting(tmp_path: Path, node: ImageNode, tls: bool, why: str) -> None:
    async with RegistryProcess(tmp_path / "registry", address=own_address(), tls=tls) as registry:
        name = f"{registry.host}/b:1"
        busybox_archive(tmp_path / "b.tar", name)
        await node.load(tmp_path / "b.tar")
        with pytest.raises(Unavailable, match=why):
            await node.images.push(name)
        async with ImageNode(tmp_path / "lenient", Settings(insecure_registries=(registry.host,))) as lenient:
            await lenient.load(tmp_path / "b.tar")
            await lenient.images.push(name)
            await lenient.images.pull(name)


async def test_the_image_for_a_platform_is_taken_from_an_index(
    tmp_path: Path, registry: RegistryProcess, node: ImageNode, other: ImageNode
) -> None:
    name = f"{registry.host}/multi:1"
    entries, ids = [], {}
    for architecture in ("arm64", "amd64"):
        path = tmp_path / f"{architecture}.tar"
        tag = f"{registry.host}/multi:{architecture}"
        layers = [busybox_layer(), tar_of(entry("arch", architecture.encode()))]
        ids[architecture] = image_archive(path, tag, layers, architecture=architecture)
        image = await node.load(path)
        await node.images.push(tag)
        image = node.images.resolve(tag)
        platform = Platform(architecture=architecture)
        descriptor = Descriptor(
            media_type=OCI_MANIFEST, digest=image.manifest, size_bytes=image.manifest_bytes, platform=platform
        )
        entries.append(descriptor)
    digest = await node.registry.push_manifest(parse_reference(name), encode_index(entries), OCI_INDEX)

    found, platforms = await other.images.distribution(name)
    assert found.digest == digest and [str(p) for p in platforms] == ["linux/arm64", "linux/amd64"]
    image = await other.images.pull(name)
    assert (image.id, image.architecture) == (ids["amd64"], "amd64")
    assert image.repo_digests == (f"{registry.host}/multi@{digest}",)
    image = await other.images.pull(name, platform="linux/arm64")
    assert (image.id, image.architecture) == (ids["arm64"], "arm64")
    assert other.images.resolve(name).id == image.id
    assert other.images.resolve(ids["amd64"]).repo_tags == ()
    with pytest.raises(NotFound, match=f"no matching manifest for linux/s390x in the manifest list entries of {name}"):
        await other.images.pull(name, platform="linux/s390x")
