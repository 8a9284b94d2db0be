"""The same stack, deployed by the real docker CLI and by ours, asks a manager for the same, and prints the same."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.compose.to_services.diff import differences, plain
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_docker import serve

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed")

STACKS = Path(__file__).parents[2] / "golden" / "stacks"
DOCKER, SHOAL = ("docker",), (sys.executable, "-m", "shoal.cli")
SIMPLE = """
services:
  web: {image: nginx, networks: [front], deploy: {replicas: 3}, ports: ["8080:80"], secrets: [key]}
networks: {front: }
secrets: {key: {file: ./key}}
"""


class Manager:
    """One manager in memory, and a folder with files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.cluster = FakeCluster(("nginx", "redis:alpine", "busybox"))
        self.socket = folder / "e.sock"
        self.cluster.network_create({}, json.dumps({"Name": "outside", "Driver": "overlay"}).encode())
        self.cluster.file_create("secrets", {}, json.dumps({"Name": "outer", "Data": "eA=="}).encode())
        (folder / "key").write_text("secret")
        (folder / "compose.yaml").write_text(SIMPLE)

    def run(self, program: tuple[str, ...], line: str) -> subprocess.CompletedProcess[str]:
        host = f"unix://{self.socket}"
        env = {**os.environ, "DOCKER_HOST": host, "SHOAL_HOST": host, "DOCKER_CONFIG": str(self.folder)}
        return subprocess.run([*program, *line.split()], cwd=self.folder, env=env, capture_output=True, text=True)


@pytest.fixture
def managers(tmp_path: Path) -> Iterator[tuple[Manager, Manager]]:
    theirs, ours = Manager(tmp_path / "d"), Manager(tmp_path / "s")
    with serve(theirs.cluster, theirs.socket), serve(ours.cluster, ours.socket):
        yield theirs, ours


def _by_name(bodies: list[Any]) -> dict[str, Any]:
    return {body["Name"]: body for body in bodies}


def _without_ids(body: dict[str, Any]) -> dict[str, Any]:
    """A service's body; ids are of the order in which things are made, and docker sorts the environment."""
    text = re.sub(r'"(Secret|Config)ID": "[^"]*"', r'"\1ID": ""', json.dumps(body))
    found: dict[str, Any] = json.loads(text)
    container = found["TaskTemplate"]["ContainerSpec"]
    container["Env"] = sorted(container.get("Env", []))
    privileges = container.get("Privileges") or {}
    assert not any(privileges.values())
    container.pop("Privileges", None)
    return found


#: {service of the rich stack: where ours says more than docker, which drops it}
MORE = {
    "st_web": {"TaskTemplate.ContainerSpec.HostConfig"},  # tmpfs
    "st_j": set(),
    "st_j1": {"Mode.ReplicatedJob.MaxConcurrent", "Mode.ReplicatedJob.TotalCompletions"},  # spelt out
    "st_r": {"Mode.Replicated.Replicas"},  # spelt out
}


def test_the_bodies_of_a_rich_stack_are_dockers(managers: tuple[Manager, Manager]) -> None:
    theirs, ours = managers
    file = STACKS / "everything" / "compose.yaml"
    for manager, program in ((theirs, DOCKER), (ours, SHOAL)):
        text = file.read_text()
        shutil.copytree(file.parent, manager.folder, dirs_exist_ok=True)
        # docker knows nothing of files without a version of its own
        (manager.folder / "compose.yaml").write_text(f'version: "3.13"\n{text}')
        done = manager.run(program, "stack deploy -c compose.yaml st")
        assert done.returncode == 0, done.stderr
    for kind in ("networks", "secrets", "configs"):
        wanted, got = (_by_name(m.cluster.sent(f"/{kind}/create")) for m in managers)
        assert got.keys() == wanted.keys()
        for name, body in wanted.items():
            mine = {**got[name], "Labels": {k: v for k, v in got[name]["Labels"].items() if "shoal." not in k}}
            assert plain(mine) == plain({k: v for k, v in body.items() if k not in ("Scope", "CheckDuplicate")})
    wanted, got = (_by_name(m.cluster.sent("/services/create")) for m in managers)
    assert got.keys() == wanted.keys()
    for name, body in wanted.items():
        paths = {line.split(": ")[0] for line in differences(_without_ids(body), _without_ids(got[name]))}
        assert paths == MORE.get(name, set()), name


SCRIPT = (
    "stack ls",
    "stack deploy -c compose.yaml app",
    "stack deploy -c compose.yaml app",
    "stack deploy --prune -c compose.yaml app",
    "stack up -c compose.yaml other",
    "stack ls",
    "stack ls --format json",
    "stack ls --format {{.Name}}={{.Services}}",
    "stack services app",
    "stack services --format json app",
    "stack services -q app",
    "stack services -f name=app_web app",
    "stack services nope",
    "stack ps app",
    "stack ps -q app",
    "stack ps --no-trunc --format {{.Name}}:{{.Image}} app",
    "stack ps nope",
    "stack rm app nope",
    "stack down other",
    "stack ls",
    "stack deploy -c missing.yaml app",
    "stack deploy app",
    "stack deploy --resolve-image x -c compose.yaml app",
    "stack rm",
    "stack services",
)
#: what docker says and nobody needs
_NOISE = re.compile(r"\n?Since --detach=false.*\n.*become the default\.\n")


def test_a_users_day_prints_what_docker_prints(managers: tuple[Manager, Manager]) -> None:
    theirs, ours = managers
    (ours.folder / "app").mkdir()
    for line in SCRIPT:
        if line == "stack deploy app":  # docker has no file to find
            for manager in managers:
                (manager.folder / "compose.yaml").unlink()
        wanted, got = theirs.run(DOCKER, line), ours.run(SHOAL, line)
        assert got.returncode == wanted.returncode, f"{line}: {got.stderr}"
        assert _same(got.stdout) == _same(wanted.stdout), line
        if wanted.returncode == 0:
            assert got.stderr.strip() == _NOISE.sub("", wanted.stderr).strip(), line


def _same(text: str) -> str:
    """Ids are counted: theirs come in another order. Go's JSON escapes what HTML would not like."""
    return re.sub(r"\b(task\d\d)?\d{4}[a-u]{2,}\b", "ID", text).replace("\\u003e", ">")


def test_only_the_change_moves(managers: tuple[Manager, Manager]) -> None:
    _, ours = managers
    assert ours.run(SHOAL, "stack deploy -c compose.yaml app").returncode == 0
    before = len(ours.cluster.bodies)
    again = ours.run(SHOAL, "stack deploy -c compose.yaml app")
    assert again.stdout.startswith("Updating service app_web (id: ")
    assert len(ours.cluster.bodies) == before, "nothing was sent"
    (ours.folder / "compose.yaml").write_text(SIMPLE.replace("replicas: 3", "replicas: 5"))
    plan = ours.run(SHOAL, "stack plan -c compose.yaml app").stdout
    assert plan == (
        "~ service app_web\n    Mode.Replicated.Replicas: 3 -> 5\n"
        "Plan: 0 to create, 1 to update, 0 to remove, 0 unchanged services\n"
    )
    assert len(ours.cluster.bodies) == before, "a plan changes nothing"
    ours.run(SHOAL, "stack deploy -c compose.yaml app")
    assert len(ours.cluster.bodies) == before + 1


def test_ours_finds_what_docker_deployed_as_it_is(managers: tuple[Manager, Manager]) -> None:
    theirs, _ = managers
    (theirs.folder / "compose.yaml").write_text(SIMPLE.replace(", secrets: [key]", ""))
    theirs.run(DOCKER, "stack deploy -c compose.yaml app")
    plan = theirs.run(SHOAL, "stack plan -c compose.yaml app").stdout
    assert plan == "Plan: 0 to create, 0 to update, 0 to remove, 1 unchanged services\n"


def test_a_changed_secret_is_deployed_where_docker_refuses(managers: tuple[Manager, Manager]) -> None:
    for manager, program, status in zip(managers, (DOCKER, SHOAL), (1, 0), strict=True):
        assert manager.run(program, "stack deploy -c compose.yaml app").returncode == 0
        (manager.folder / "key").write_text("changed")
        assert manager.run(program, "stack deploy -c compose.yaml app").returncode == status
    named = [spec["Spec"]["Name"] for spec in managers[1].cluster.secrets.values()]
    assert named[:2] == ["outer", "app_key"] and re.fullmatch(r"app_key\.[0-9a-f]{12}", named[2])


def test_networks_are_removed_once_their_tasks_are_gone(managers: tuple[Manager, Manager]) -> None:
    _, ours = managers
    ours.cluster.busy_removals = 3
    ours.run(SHOAL, "stack deploy -c compose.yaml app")
    done = ours.run(SHOAL, "stack rm app")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Removing network app_front"
    assert "app_front" not in ours.cluster.networks


def test_a_network_that_is_on_its_way_out_does_not_disturb_the_next_deploy(managers: tuple[Manager, Manager]) -> None:
    _, ours = managers
    ours.cluster.ghosts = 5
    ours.run(SHOAL, "stack deploy -c compose.yaml app")
    ours.run(SHOAL, "stack rm app")
    done = ours.run(SHOAL, "stack deploy -c compose.yaml app")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "Creating network app_front",
        "Creating secret app_key",
        "Creating service app_web",
    ]


def test_outside_a_cluster(managers: tuple[Manager, Manager]) -> None:
    _, ours = managers
    ours.cluster.is_manager = False
    done = ours.run(SHOAL, "stack deploy -c compose.yaml app")
    assert done.returncode == 1 and "This node is not a swarm manager." in done.stderr
    assert ours.cluster.bodies == []
