"""Shoal's Compose and Docker Compose on one engine: the same bodies, and each finds what the other made unchanged."""

from pathlib import Path
from typing import Any, cast

import pytest

from shoal.client.apply.applier import Applier
from shoal.compose.labels import CONTENT_HASH, DEPENDS_ON
from shoal.compose.observed import observed_state
from shoal.compose.operations import Call, CopyFiles
from shoal.compose.plan import plan_up
from shoal.compose.planning.options import UpOptions
from shoal.compose.project import Project
from tests.golden.test_compose import FOLDERS, loaded
from tests.support.fake_client import FakeClient
from tests.support.fake_docker import FakeDocker, serve
from tests.support.foreign import compose_binary, foreign_compose

#: microservices: of the first format, which Docker Compose refuses
SHARED = [folder for folder in FOLDERS if folder.name != "microservices"]
#: Docker Compose hashes the ids of containers that lend a namespace or volumes; ids differ from run to run
BY_ID = {"everything-c-1", "odds-c-1"}

#: compared in other words, or (MemoryFiles) Shoal's own
OTHERWISE = ("Links", "CapAdd", "Binds", "Mounts", "MemoryFiles")

#: what an engine does not read when it creates a container
NOISE = {"ConsoleSize", "IPAddress", "IPv6Gateway", "CheckDuplicate"}


@pytest.fixture(params=SHARED, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    compose_binary()
    return cast(Path, request.param)


def engine_for(project: Project) -> FakeDocker:
    return FakeDocker(tuple({project.image_of(service) for service in project.services.values()}))


def observed(docker: FakeDocker) -> Any:
    listed = (
        docker.network_list({}, b"").body,
        docker.volume_list({}, b"").body["Volumes"],
        docker.image_list({}, b"").body,
    )
    return observed_state(docker.container_list({"all": "1"}, b"").body, *listed)


def foreign(folder: Path, socket: Path, *command: str) -> str:
    env = {"HOME": "/root", "DOCKER_CONFIG": str(socket.parent)}
    return foreign_compose(*command, socket=socket, cwd=folder, **env).stderr


def bare(value: Any) -> Any:
    """A body without what is empty, with lists of words in order."""
    if isinstance(value, dict):
        inner = {key: bare(item) for key, item in value.items() if key not in NOISE}
        return {key: item for key, item in inner.items() if item not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        return sorted((bare(item) for item in value), key=repr)
    return value


def test_bodies_are_those_of_docker_compose(folder: Path, tmp_path: Path) -> None:
    project = loaded(folder, check_support=False).project
    docker = engine_for(project)
    with serve(docker, tmp_path / "docker.sock"):
        foreign(folder, tmp_path / "docker.sock", "create", "--pull", "never")
    theirs = {container.name: bare(container.spec) for container in docker.containers.values()}
    plan = plan_up(project, observed_state([], [], [], docker.image_list({}, b"").body), UpOptions(start=False))
    ours = {
        one.request.query["name"]: bare(one.request.body)
        for one in plan.operations
        if isinstance(one, Call) and one.request.path == "/containers/create"
    }
    assert ours.keys() == theirs.keys()
    # a file with an owner or a mode is bound by Docker Compose, which then ignores both
    copied = {entry.path for one in plan.operations if isinstance(one, CopyFiles) for entry in one.files}
    for name in ours.keys() - BY_ID:
        assert same_meaning(ours[name], copied) == same_meaning(theirs[name], copied), name


def same_meaning(body: dict[str, Any], copied: set[str]) -> dict[str, Any]:
    """The body with what the two say in different words left out, one by one:

    Links also in HostConfig, and by a number of their own; capabilities with CAP_; ports of host networks, which
    engines discard; binds with options as mounts. copied: targets that Shoal copies in.
    """
    host = {key: value for key, value in body["HostConfig"].items() if key not in OTHERWISE}
    host["CapAdd"] = sorted("CAP_" + name.removeprefix("CAP_") for name in body["HostConfig"].get("CapAdd", ()))
    if host["NetworkMode"] == "host":
        host.pop("PortBindings", None)
    endpoints = {
        name: {key: value for key, value in endpoint.items() if key != "Links"}
        for name, endpoint in body.get("NetworkingConfig", {}).get("EndpointsConfig", {}).items()
    }
    labels = {key: value for key, value in body["Labels"].items() if key != CONTENT_HASH}
    # in the order of a Go map: any
    labels[DEPENDS_ON] = ",".join(sorted(labels.get(DEPENDS_ON, "").split(",")))
    mounts = {(source, target) for source, target in mounted(body["HostConfig"]) if target not in copied}
    return {**body, "Labels": labels, "HostConfig": host, "NetworkingConfig": endpoints, "mounted": mounts}


def mounted(host: dict[str, Any]) -> set[tuple[str, str]]:
    """(source, target) of binds and mounts alike."""
    binds = {tuple(bind.split(":")[:2]) for bind in host.get("Binds", ())}
    return cast(Any, binds | {(mount.get("Source", ""), mount["Target"]) for mount in host.get("Mounts", ())})


def test_shoal_finds_what_docker_compose_made_unchanged(folder: Path, tmp_path: Path) -> None:
    project = loaded(folder, check_support=False).project
    docker = engine_for(project)
    with serve(docker, tmp_path / "docker.sock"):
        foreign(folder, tmp_path / "docker.sock", "create", "--pull", "never")
    plan = plan_up(project, observed(docker), UpOptions(start=False))
    touched = {one.subject.removeprefix("Container ") for one in plan.operations}
    assert touched <= BY_ID


def test_docker_compose_finds_what_shoal_made_unchanged(folder: Path, tmp_path: Path) -> None:
    project = loaded(folder, check_support=False).project
    docker = engine_for(project)
    plan = plan_up(project, observed(docker), UpOptions(start=False))
    Applier(FakeClient(docker)).apply(plan).raise_failure()
    before = {container.name: container.id for container in docker.containers.values()}
    with serve(docker, tmp_path / "docker.sock"):
        foreign(folder, tmp_path / "docker.sock", "create", "--pull", "never")
    after = {container.name: container.id for container in docker.containers.values()}
    assert {name: after.get(name) for name in before if name not in BY_ID} == {
        name: identity for name, identity in before.items() if name not in BY_ID
    }
