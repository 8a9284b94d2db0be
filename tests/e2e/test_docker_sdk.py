"""The docker Python SDK, unmodified, must work on Shoal's socket."""

import io
import tarfile
from collections.abc import Iterator

import docker
import docker.errors
import pytest

from tests.support.engine import EngineProcess, wait_for

# The SDK leaves sockets of streams to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def sdk(engine: EngineProcess) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=f"unix://{engine.socket}", version="auto", timeout=30)
    yield client
    client.close()


def test_run_must_return_the_output_and_raise_on_failure(sdk: docker.DockerClient) -> None:
    assert sdk.containers.run("busybox", ["echo", "hello"], remove=True) == b"hello\n"
    with pytest.raises(docker.errors.ContainerError) as failed:
        sdk.containers.run("busybox", ["sh", "-c", "echo no >&2; exit 7"], remove=True)
    assert failed.value.exit_status == 7 and failed.value.stderr == b"no\n"


def test_an_image_that_is_not_there_must_be_image_not_found(sdk: docker.DockerClient) -> None:
    with pytest.raises(docker.errors.ImageNotFound):
        sdk.images.get("no/such:image")
    with pytest.raises(docker.errors.ImageNotFound):
        sdk.api.create_container("no/such:image", "true")


def test_the_life_of_a_container(sdk: docker.DockerClient) -> None:
    container = sdk.containers.run("busybox", ["sleep", "1000"], detach=True, name="life", labels={"a": "b"})
    container.reload()
    assert (container.status, container.labels) == ("running", {"a": "b"})
    assert [c.name for c in sdk.containers.list(filters={"label": "a=b"})] == ["life"]
    container.pause()
    container.reload()
    assert container.status == "paused"
    container.unpause()
    container.rename("lived")
    assert sdk.containers.get("lived").id == container.id
    container.restart(timeout=0)
    container.kill()
    assert container.wait()["StatusCode"] == 137
    container.remove()
    with pytest.raises(docker.errors.NotFound):
        sdk.containers.get("lived")


def test_exec_with_separate_streams_and_exit_code(sdk: docker.DockerClient) -> None:
    container = sdk.containers.run("busybox", ["sleep", "1000"], detach=True)
    code, (out, err) = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 3"], demux=True)
    assert (code, out, err) == (3, b"out\n", b"err\n")
    code, out = container.exec_run(["env"], environment={"COLOUR": "red"}, workdir="/tmp", user="1000")
    assert b"COLOUR=red" in out
    chunks = container.exec_run(["sh", "-c", "echo one; echo two"], stream=True)[1]
    assert b"".join(chunks) == b"one\ntwo\n"


def test_logs_must_follow_until_the_end(sdk: docker.DockerClient) -> None:
    container = sdk.containers.run("busybox", ["sh", "-c", "for i in 1 2 3; do echo $i; done"], detach=True)
    assert b"".join(container.logs(stream=True, follow=True)) == b"1\n2\n3\n"
    assert container.logs(tail=1) == b"3\n"
    assert container.logs(timestamps=True).split()[0].startswith(b"20")


def test_archives_go_in_and_out(sdk: docker.DockerClient) -> None:
    container = sdk.containers.run("busybox", ["sleep", "1000"], detach=True)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        info = tarfile.TarInfo("greeting")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    assert container.put_archive("/tmp", data.getvalue())
    stream, stat = container.get_archive("/tmp/greeting")
    assert stat["name"] == "greeting" and stat["size"] == 5
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        assert archive.extractfile("greeting").read() == b"hello"  # type: ignore[union-attr]


def test_stats_top_and_diff(sdk: docker.DockerClient) -> None:
    container = sdk.containers.run("busybox", ["sh", "-c", "touch /new; sleep 1000"], detach=True, mem_limit="64m")
    stats = container.stats(stream=False)
    assert stats["memory_stats"]["limit"] == 64 << 20 and stats["pids_stats"]["current"] >= 1
    assert any("sleep" in row[-1] or "sh" in row[-1] for row in container.top()["Processes"])
    wait_for("the new file", lambda: {"Path": "/new", "Kind": 1} in (container.diff() or []))


def test_events_must_tell_the_story(sdk: docker.DockerClient) -> None:
    events = sdk.events(decode=True, filters={"type": "container"})
    sdk.containers.run("busybox", ["true"], remove=True)
    actions = []
    for event in events:
        actions.append(event["Action"])
        if event["Action"] == "destroy":
            break
    events.close()
    assert [a for a in actions if a in ("create", "start", "die", "destroy")] == ["create", "start", "die", "destroy"]


def test_networks_and_names(sdk: docker.DockerClient) -> None:
    network = sdk.networks.create("sdk-net", driver="bridge", labels={"x": "y"})
    sdk.containers.run(
        "busybox", ["sh", "-c", "echo hi >/index.html; httpd -f -h /"], detach=True, name="server", network="sdk-net"
    )
    get = ["sh", "-c", "until wget -qO- http://server/index.html; do :; done"]
    assert sdk.containers.run("busybox", get, network="sdk-net", remove=True) == b"hi\n"
    assert [n.name for n in sdk.networks.list(filters={"label": "x=y"})] == ["sdk-net"]
    network.reload()
    assert [c.name for c in network.containers] == ["server"]
    with pytest.raises(docker.errors.APIError, match="has active endpoints"):
        network.remove()


def test_volumes(sdk: docker.DockerClient) -> None:
    volume = sdk.volumes.create("sdk-vol", labels={"x": "y"})
    mount = {"sdk-vol": {"bind": "/data", "mode": "rw"}}
    sdk.containers.run("busybox", ["sh", "-c", "echo kept >/data/file"], volumes=mount, remove=True)
    assert sdk.containers.run("busybox", ["cat", "/data/file"], volumes=mount, remove=True) == b"kept\n"
    assert [v.name for v in sdk.volumes.list(filters={"label": "x=y"})] == ["sdk-vol"]
    volume.remove()


def test_build_and_images(sdk: docker.DockerClient) -> None:
    dockerfile = b"FROM busybox\nLABEL kind=test\nRUN echo built >/file\nCMD cat /file\n"
    image, log = sdk.images.build(fileobj=io.BytesIO(dockerfile), tag="sdk-built", rm=True)
    assert any("Successfully built" in line.get("stream", "") for line in log)
    assert sdk.containers.run("sdk-built", remove=True) == b"built\n"
    assert "sdk-built:latest" in image.tags and image.labels == {"kind": "test"}
    assert len(image.history()) == 4
    saved = b"".join(image.save(named=True))
    sdk.images.remove("sdk-built")
    assert [i.tags for i in sdk.images.load(saved)] == [["sdk-built:latest"]]
    sdk.images.remove("sdk-built")


def test_info_version_and_df(sdk: docker.DockerClient) -> None:
    assert sdk.ping()
    assert sdk.version()["ApiVersion"] == "1.51"
    info = sdk.info()
    assert info["Driver"] == "overlay2" and info["NCPU"] >= 1
    usage = sdk.df()
    assert {"Images", "Containers", "Volumes", "BuildCache"} <= usage.keys()
