"""The real docker CLI and SDK with images of Shoal: archives, registries, names."""

import json
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, ImageNotFound

from tests.support.engine import EngineProcess, wait_for
from tests.support.images import busybox_archive, entry, image_archive, tar_of
from tests.support.registry import RegistryProcess, htpasswd

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed here")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[RegistryProcess]:
    async with RegistryProcess(tmp_path / "registry", htpasswd(tmp_path, "ann", "s3cret")) as running:
        yield running


def test_names_history_and_removal(engine: EngineProcess) -> None:
    engine.docker("tag", "busybox", "team/box:1")
    assert engine.docker("images", "team/box", "--format", "{{.Repository}}:{{.Tag}} {{.Size}}").stdout == (
        "team/box:1 1.98MB\n"
    )
    assert "ADD layer 0" in engine.docker("history", "--no-trunc", "team/box:1").stdout
    assert engine.docker("rmi", "team/box:1").stdout == "Untagged: team/box:1\n"
    missing = engine.docker("rmi", "team/box:1", check=False)
    assert (missing.returncode, missing.stderr) == (1, "Error response from daemon: No such image: team/box:1\n")
    engine.docker("create", "--name", "user", "busybox")
    used = engine.docker("rmi", "busybox", check=False).stderr
    assert "conflict: unable to remove repository reference" in used and "(must force)" in used


def test_save_and_load_and_import(engine: EngineProcess, tmp_path: Path) -> None:
    engine.docker("tag", "busybox", "saved:1")
    engine.docker("save", "-o", str(tmp_path / "saved.tar"), "saved:1")
    with tarfile.open(tmp_path / "saved.tar") as tar:
        assert {"manifest.json", "index.json", "oci-layout", "repositories"} <= set(tar.getnames())
    engine.docker("rmi", "saved:1")
    assert engine.docker("load", "-i", str(tmp_path / "saved.tar")).stdout == "Loaded image: saved:1\n"
    engine.docker("run", "--name", "source", "saved:1", "sh", "-c", "echo data > /etc/data")
    engine.docker("export", "-o", str(tmp_path / "flat.tar"), "source")
    engine.docker("import", "-c", "CMD cat /etc/data", str(tmp_path / "flat.tar"), "flat:1")
    assert engine.docker("run", "--rm", "flat:1").stdout == "data\n"
    engine.docker("rm", "source")
    engine.docker("rmi", "flat:1", "saved:1")


def test_commit(engine: EngineProcess) -> None:
    engine.docker("run", "-d", "--name", "work", "busybox", "sh", "-c", "echo made > /etc/made; exec sleep 1000")
    engine.docker("exec", "work", "sh", "-c", "until [ -s /etc/made ]; do :; done")
    flags = ["-m", "note", "-a", "ann", "-c", 'CMD ["cat", "/etc/made"]', "-c", "ENV A=1"]
    image_id = engine.docker("commit", *flags, "work", "made:1").stdout.strip()
    found = json.loads(engine.docker("image", "inspect", "made:1").stdout)[0]
    assert (found["Id"], found["Comment"], found["Author"]) == (image_id, "note", "ann")
    assert "A=1" in found["Config"]["Env"]
    assert engine.docker("run", "--rm", "made:1").stdout == "made\n"
    engine.docker("rm", "-f", "work")
    engine.docker("rmi", "made:1")


async def test_login_push_and_pull(engine: EngineProcess, registry: RegistryProcess) -> None:
    name = f"{registry.host}/team/box:1"
    engine.docker("tag", "busybox", name)
    refused = engine.docker("push", name, check=False)
    assert refused.returncode == 1 and "no basic auth credentials" in refused.stderr
    wrong = engine.docker("login", "-u", "ann", "-p", "wrong", registry.host, check=False)
    assert wrong.returncode == 1 and "401 Unauthorized" in wrong.stderr
    assert "Login Succeeded" in engine.docker("login", "-u", "ann", "-p", "s3cret", registry.host).stdout
    pushed = engine.docker("push", name).stdout
    assert pushed.startswith(f"The push refers to repository [{registry.host}/team/box]\n")
    assert "1: digest: sha256:" in pushed
    engine.docker("rmi", name)
    pulled = engine.docker("pull", name).stdout
    assert pulled.startswith("1: Pulling from team/box\n")
    assert pulled.endswith(f"Status: Downloaded newer image for {name}\n{name}\n")
    assert "Image is up to date" in engine.docker("pull", name).stdout
    digest = engine.docker("images", "--digests", "--format", "{{.Digest}}", name).stdout
    assert digest.startswith("sha256:")
    found = json.loads(engine.docker("manifest", "inspect", "--insecure", name).stdout)
    assert found["config"]["digest"].startswith("sha256:")
    engine.docker("rmi", name)
    assert engine.docker("run", "--rm", name, "echo", "pulled").stdout == "pulled\n"
    engine.docker("rmi", name)
    missing = engine.docker("pull", f"{registry.host}/team/nothing:1", check=False)
    assert "not found: manifest unknown" in missing.stderr


async def test_the_sdk(engine: EngineProcess, registry: RegistryProcess, tmp_path: Path) -> None:
    client = docker.DockerClient(base_url=f"unix://{engine.socket}")
    try:
        with pytest.raises(ImageNotFound):
            client.images.get("nothing:1")
        image = client.images.get("busybox")
        name = f"{registry.host}/sdk"
        assert image.tag(name, "1")
        auth = {"username": "ann", "password": "s3cret"}
        lines = list(client.images.push(name, tag="1", auth_config=auth, stream=True, decode=True))
        assert any(line.get("aux", {}).get("Tag") == "1" for line in lines)
        data = client.images.get_registry_data(f"{name}:1", auth_config=auth)
        assert data.has_platform("linux/amd64")
        client.images.remove(f"{name}:1")
        assert client.images.pull(name, tag="1", auth_config=auth).id == image.id
        with pytest.raises(APIError, match="no basic auth credentials"):
            client.images.pull(name, tag="1", auth_config={})
        client.images.remove(f"{name}:1")

        image_archive(tmp_path / "a.tar", "", [tar_of(entry("a", b"1"))])
        (untagged,) = client.images.load((tmp_path / "a.tar").read_bytes())
        assert client.images.list(filters={"dangling": True}) == [untagged]
        deleted = client.images.prune()["ImagesDeleted"]
        assert {"Deleted": untagged.id} in deleted
        with pytest.raises(APIError, match="search is not served"):
            client.images.search("redis")
    finally:
        client.close()


@pytest.mark.parametrize("member", ["../../escape", "/../../escape"])
def test_a_malicious_archive_is_refused(engine: EngineProcess, tmp_path: Path, member: str) -> None:
    image_archive(tmp_path / "bad.tar", "bad:1", [tar_of(entry("ok", b"1"), entry(member, b"!"))])
    refused = engine.docker("load", "-i", str(tmp_path / "bad.tar"), check=False)
    assert refused.returncode == 1 and "leads out of its folder" in refused.stderr
    assert "bad" not in engine.docker("images").stdout


def test_a_kill_while_loading_leaves_an_engine_that_starts_and_loads(
    fresh_engine: EngineProcess, tmp_path: Path
) -> None:
    engine = fresh_engine
    layers = [tar_of(*(entry(f"d{n}/{i}", bytes([i]) * 60_000) for i in range(250))) for n in range(3)]
    image_archive(tmp_path / "big.tar", "big:1", layers)
    loading = subprocess.Popen(["docker", "load", "-i", str(tmp_path / "big.tar")], env=engine.env)
    wait_for("unpacking", lambda: list((engine.root / "layers").glob("new-*")))
    engine.kill()
    loading.wait(20)
    engine.start()
    assert not list((engine.root / "layers").glob("new-*"))
    assert engine.docker("images", "-q", "busybox").stdout
    assert "big:1" in engine.docker("load", "-i", str(tmp_path / "big.tar")).stdout
    assert busybox_archive(tmp_path / "b.tar", "again:1").startswith("sha256:")
