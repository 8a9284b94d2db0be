"""`shoal stack` from the command line to a manager in memory."""

import base64
import io
import json
from pathlib import Path
from typing import Any, cast

import pytest

from shoal.cli.command import Context
from shoal.cli.main import run
from tests.support.fake_client import FakeClient
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_docker import Refused

APP = "services: {web: {image: nginx}}\n"
JOBS = """
services: {}
jobs:
  once: {image: nginx, triggers: {manual: true}}
  closed: {image: nginx, triggers: {manual: false, schedule: ["0 3 * * *"]}}
"""


class Shell:
    """A user's shell in a folder with files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cluster = FakeCluster(("nginx",))
        self.client = FakeClient(self.cluster)
        self.env = {"HOME": str(folder), "DOCKER_CONFIG": str(folder)}
        self.out = self.err = ""

    def write(self, text: str, name: str = "compose.yaml") -> None:
        (self.folder / name).write_text(text)

    def __call__(self, line: str, stdin: str = "") -> int:
        """Run `shoal stack LINE`; its exit status."""
        out, err = io.StringIO(), io.StringIO()
        context = Context(
            env=self.env,
            stdin=cast(Any, io.BytesIO(stdin.encode())),
            stdout=out,
            stderr=err,
            client_maker=lambda: self.client,
        )
        status = run(["stack", *line.split()], context)
        self.out, self.err = out.getvalue(), err.getvalue()
        return status

    def services(self) -> dict[str, Any]:
        """{name: spec}"""
        return {one["Spec"]["Name"]: one["Spec"] for one in self.cluster.services.values()}


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


def test_the_file_is_found_and_may_name_the_stack(shell: Shell):
    shell.write("name: own\n" + APP)
    assert shell("deploy") == 0 and list(shell.services()) == ["own_web"]
    assert shell("deploy other") == 0 and list(shell.services()) == ["own_web", "other_web"]


def test_a_stack_without_a_name(shell: Shell):
    shell.write(APP)
    assert shell("deploy") == 1
    assert "'shoal stack deploy' requires 1 argument" in shell.err and "`name:` in the file" in shell.err
    assert shell("deploy a b") == 1 and "requires at most 1 argument" in shell.err
    assert shell("deploy a/b") == 1 and 'invalid stack name: "a/b"' in shell.err
    assert shell.cluster.bodies == []


def test_files_are_merged_and_standard_input_is_one(shell: Shell):
    shell.write(APP)
    shell.write("services: {web: {deploy: {replicas: 3}, environment: {A: '${A}'}}}", "more.yaml")
    shell.write("A=from a file\n", "other.env")
    assert shell("deploy -c compose.yaml,more.yaml --env-file other.env app") == 0
    spec = shell.services()["app_web"]
    assert spec["Mode"] == {"Replicated": {"Replicas": 3}}
    assert spec["TaskTemplate"]["ContainerSpec"]["Env"] == ["A=from a file"]
    assert shell("deploy -c - piped", stdin=APP) == 0 and "piped_web" in shell.services()


def test_a_file_of_over_10_mb_is_refused_before_it_is_parsed(shell: Shell):
    shell.write(APP + "#" * (10 << 20))
    assert shell("deploy app") == 1
    assert shell.err == "Error: compose.yaml: a Compose file of over 10 MB is refused\n"
    assert shell("deploy -c - app", stdin=APP + "#" * (10 << 20)) == 1
    assert shell.err == "Error: -: a Compose file of over 10 MB is refused\n"


PINNED = "nginx:latest@sha256:" + "d1" * 32


def image(shell: Shell) -> str:
    return str(shell.services()["app_web"]["TaskTemplate"]["ContainerSpec"]["Image"])


def test_images_are_fixed_to_what_the_registry_says(shell: Shell):
    shell.write(APP)
    shell("deploy app")
    spec = shell.services()["app_web"]["TaskTemplate"]
    assert image(shell) == PINNED and spec["Placement"]["Platforms"] == [{"Architecture": "amd64", "OS": "linux"}]


def test_images_that_no_registry_has_are_fixed_to_the_engines_own(shell: Shell):
    shell.write(APP)
    refused = Refused(500, "no such host")
    shell.cluster.distribution = lambda *_: (_ for _ in ()).throw(refused)  # type: ignore[method-assign, assignment]
    assert shell("deploy app") == 0 and shell.err == ""
    assert image(shell) == shell.cluster.image("nginx")["RepoDigests"][0].replace("nginx@", "nginx:latest@")
    shell.write("services: {web: {image: nobody-has-it}}")
    shell("deploy app")
    assert image(shell) == "nobody-has-it:latest" and "could not be accessed on a registry" in shell.err


@pytest.mark.parametrize(("mode", "asked"), [("always", 2), ("changed", 1), ("never", 0)])
def test_when_the_registry_is_asked(shell: Shell, mode: str, asked: int):
    shell.write(APP)
    for _ in range(2):
        assert shell(f"deploy --resolve-image {mode} app") == 0
    assert shell.cluster.calls.count("GET /distribution/nginx:latest/json") == asked
    assert image(shell) == ("nginx:latest" if mode == "never" else PINNED)


def test_logins_are_handed_on_when_asked_for(shell: Shell):
    login = base64.b64encode(b"me:secret").decode()
    shell.write(json.dumps({"auths": {"reg.example:5000": {"auth": login}}}), "config.json")
    shell.write("services: {web: {image: 'reg.example:5000/x'}}")
    shell("deploy app")
    shell("deploy --with-registry-auth second")
    sent = [headers for method, path, headers in shell.client.sent if path.startswith("/services/create")]
    assert ["X-Registry-Auth" in one for one in sent] == [False, True]
    assert json.loads(base64.urlsafe_b64decode(sent[1]["X-Registry-Auth"] + "=="))["username"] == "me"


def test_an_image_is_built_where_it_is_missing_and_fixed_to_its_id(shell: Shell):
    (shell.folder / "Dockerfile").write_text("FROM scratch\n")
    shell.write("services: {web: {build: .}}")
    assert shell("deploy app") == 0
    shell.cluster.image("app-web:latest")["RepoDigests"] = []
    assert shell("deploy app") == 0
    assert image(shell) == f"app-web:latest@{shell.cluster.image('app-web:latest')['Id']}"
    assert shell.cluster.calls.count("POST /build") == 1
    assert shell("deploy --build app") == 0 and shell.cluster.calls.count("POST /build") == 2
    assert not [call for call in shell.cluster.calls if "distribution" in call]


def test_what_is_missing_is_told_before_a_build(shell: Shell):
    (shell.folder / "Dockerfile").write_text("FROM scratch\n")
    shell.write("services: {web: {build: ., secrets: [s]}}\nsecrets: {s: {external: true}}")
    assert shell("deploy app") == 1 and shell.err.startswith("Error: secret not found: s")
    assert "POST /build" not in shell.cluster.calls
    shell.write("services: {web: {image: nginx, secrets: [s]}}\nsecrets: {s: {file: ./nope}}")
    assert shell("deploy app") == 1
    assert shell.err == f"Error: secrets.s: open {shell.folder}/nope: no such file or directory\n"


def test_jobs_are_run_by_hand(shell: Shell):
    shell.write(JOBS)
    assert shell("deploy app") == 0
    assert shell("run -d app once") == 0 and shell.out == "app_once\n"
    spec = shell.services()["app_once"]
    assert spec["Mode"]["ReplicatedJob"]["TotalCompletions"] == 1 and spec["TaskTemplate"]["ForceUpdate"] == 1
    assert shell("run -d app once") == 0
    assert shell.services()["app_once"]["TaskTemplate"]["ForceUpdate"] == 2
    assert shell("run app closed") == 1 and "the file forbids to start it by hand" in shell.err
    assert shell("run app nope") == 1 and shell.err.startswith("Error: no such job: app_nope")
    assert shell("plan app") == 0
    assert shell.out == "Plan: 0 to create, 0 to update, 0 to remove, 2 unchanged services\n"


def test_an_update_that_the_manager_was_faster_than_is_tried_again(shell: Shell):
    shell.write(APP)
    shell("deploy app")
    (service,) = shell.cluster.services.values()
    listed = shell.cluster.service_list

    def late(query: Any, body: bytes) -> Any:
        reply = listed(query, body)
        service["Version"]["Index"] += 1  # the manager writes a status after we looked
        return reply

    shell.cluster.service_list = late  # type: ignore[method-assign]
    shell.write(APP.replace("nginx}", "nginx, hostname: h}"))
    assert shell("deploy app") == 0
    assert shell.services()["app_web"]["TaskTemplate"]["ContainerSpec"]["Hostname"] == "h"


def test_config_prints_what_can_be_deployed(shell: Shell):
    shell.write(
        "services: {web: {image: nginx, volumes: ['./x:/x', 'v:/v']}}\nvolumes: {v: }\n" + JOBS.split("\n", 2)[2]
    )
    assert shell("config") == 0
    printed = shell.out
    assert "create_host_path" not in printed and "triggers" in printed
    assert shell("deploy a") == 0
    assert shell("plan -c - a", stdin=printed) == 0, shell.err + printed
    assert shell.out == "Plan: 0 to create, 0 to update, 0 to remove, 3 unchanged services\n"


def test_removal_goes_on_where_one_thing_fails(shell: Shell):
    shell.write(APP)
    shell("deploy app")
    shell.cluster.network_delete = lambda *_: (_ for _ in ()).throw(Refused(418, "no"))  # type: ignore[method-assign, assignment]
    assert shell("rm nope app") == 1
    assert "Nothing found in stack: nope\n" in shell.err and "Error response from daemon: no" in shell.err
    assert shell.services() == {}
