"""down, start, stop, restart, kill, pause, rm, run, images, recovered projects."""

import json
from dataclasses import replace
from typing import Any

import pytest

from shoal.compose import labels
from shoal.compose.observed import ObservedContainer, ObservedNetwork, ObservedState, observed_state
from shoal.compose.operations import BuildImage, Call, Pull
from shoal.compose.plan import (
    plan_build,
    plan_down,
    plan_images,
    plan_kill,
    plan_pause,
    plan_pull,
    plan_push,
    plan_remove,
    plan_restart,
    plan_run,
    plan_start,
    plan_stop,
    plan_unpause,
    plan_up,
    recovered_project,
)
from shoal.compose.planning.options import (
    BuildOptions,
    DownOptions,
    ImageOptions,
    PullOptions,
    PushOptions,
    RemoveOptions,
    RunOptions,
    UpOptions,
    VerbOptions,
)
from shoal.compose.project import Project
from shoal.compose.text.plan import render_plan
from shoal.errors import InvalidArgument, NotFound, NotSupported
from tests.support.compose_projects import after, image_id, project_of, with_images

APP = """
services:
  web: {build: ., depends_on: {db: {condition: service_healthy, restart: true}}, volumes: ['data:/d']}
  db: {image: 'postgres:15', pre_stop: [{command: flush}]}
volumes: {data: }
"""


@pytest.fixture
def project() -> Project:
    return project_of(APP)


@pytest.fixture
def state(project: Project) -> ObservedState:
    before = with_images(ObservedState(), project)
    return after(before, plan_up(project, before, UpOptions()))


def stopped(state: ObservedState) -> ObservedState:
    return replace(state, containers={n: replace(c, state="exited") for n, c in state.containers.items()})


def test_down(project: Project, state: ObservedState):
    assert (
        render_plan(plan_down(project, state, DownOptions(volumes=True, images="local", stop_timeout_s=0)))
        == """\
   1  stop app-web-1: down
   2  pre_stop 1 app-db-1: pre_stop hook: flush  after 1
   3  remove app-web-1: down  after 1
   4  stop app-db-1: down  after 2
   5  remove app-db-1: down  after 4
   6  remove network app_default: down  after 3, 5
   7  remove volume app_data: down  after 3, 5
   8  remove image app-web: down  after 3, 5
"""
    )
    plan = plan_down(project, state, DownOptions(stop_timeout_s=0))
    stop = plan.operations[0]
    assert isinstance(stop, Call) and stop.request.query == {"t": "0"} and stop.accept == (304, 404)
    assert {"postgres:15", "app-web"} == {
        one.subject.split()[1]
        for one in plan_down(project, state, DownOptions(images="all")).operations
        if one.id.startswith("remove image")
    }


def test_down_of_nothing_of_one_service_and_with_orphans(project: Project, state: ObservedState):
    assert plan_down(project, ObservedState(), DownOptions()).warnings == (
        'No resource found to remove for project "app".',
    )
    assert (
        render_plan(plan_down(project, state, DownOptions(services=("web",))))
        == """\
   1  stop app-web-1: down
   2  remove app-web-1: down  after 1
"""
    )
    small = project_of("services: {web: {build: .}}")
    assert "Found orphan containers ([app-db-1])" in plan_down(small, state, DownOptions()).warnings[0]
    assert "remove app-db-1" in render_plan(plan_down(small, state, DownOptions(remove_orphans=True)))


def test_down_takes_one_off_containers_along(project: Project, state: ObservedState):
    run = plan_run(project, state, RunOptions(service="web", slug="abc"))
    with_run = after(state, run.plan)
    assert after(with_run, plan_down(project, with_run, DownOptions())).containers == {}


def test_down_by_name_alone(state: ObservedState):
    project = recovered_project("app", state)
    assert set(project.services) == {"web", "db"}
    assert project.services["web"].depends_on["db"].restart and project.working_dir == "/srv/app"
    text = render_plan(plan_down(project, state, DownOptions()))
    assert "stop app-db-1: down  after 1" in text and "remove network app_default" in text


def test_start_and_stop(project: Project, state: ObservedState):
    assert (
        render_plan(plan_stop(project, state, VerbOptions()))
        == """\
   1  stop app-web-1: stop
   2  pre_stop 1 app-db-1: pre_stop hook: flush  after 1
   3  stop app-db-1: stop  after 2
"""
    )
    assert (
        render_plan(plan_start(project, stopped(state), VerbOptions()))
        == """\
   1  start app-db-1: it is exited
   2  wait healthy app-db-1: web depends on it  after 1
   3  start app-web-1: it is exited  after 2
"""
    )
    assert not plan_stop(project, stopped(state), VerbOptions()).operations
    with pytest.raises(NotFound, match='service "web" has no container to start'):
        plan_start(project, ObservedState(), VerbOptions(services=("web",)))


def test_restart_takes_dependants_along_that_ask_for_it(project: Project, state: ObservedState):
    assert (
        render_plan(plan_restart(project, state, VerbOptions(services=("db",), stop_timeout_s=1)))
        == """\
   1  pre_stop 1 app-db-1: pre_stop hook: flush
   2  restart app-db-1: restart  after 1
   3  restart app-web-1: restart  after 2
"""
    )
    assert "web" not in render_plan(plan_restart(project, state, VerbOptions(services=("db",), no_deps=True)))


def test_kill_pause_unpause(project: Project, state: ObservedState):
    plan = plan_kill(project, state, VerbOptions(signal="SIGUSR1", services=("db",)))
    assert isinstance(plan.operations[0], Call) and plan.operations[0].request.query == {"signal": "SIGUSR1"}
    assert [one.id for one in plan_pause(project, state, VerbOptions()).operations] == [
        "pause app-db-1",
        "pause app-web-1",
    ]
    assert not plan_unpause(project, state, VerbOptions()).operations
    with pytest.raises(NotFound, match="no such service: zz"):
        plan_pause(project, state, VerbOptions(services=("zz",)))


def test_rm_asks_first(project: Project, state: ObservedState):
    assert plan_remove(project, state, RemoveOptions()).warnings == ("No stopped containers",)
    plan = plan_remove(project, stopped(state), RemoveOptions())
    assert plan.questions[0].text == "Going to remove app-db-1, app-web-1" and not plan.operations
    yes = frozenset((plan.questions[0].id,))
    assert len(plan_remove(project, stopped(state), RemoveOptions(confirmed=yes)).operations) == 2
    assert len(plan_remove(project, state, RemoveOptions(confirmed=yes, stop=True)).operations) == 5


def run_body(project: Project, state: ObservedState, **options: Any) -> dict[str, Any]:
    run = plan_run(project, state, RunOptions(service="web", slug="0123456789ab", **options))
    last = next(one for one in run.plan.operations if one.id == f"create {run.container}")
    assert isinstance(last, Call)
    body: dict[str, Any] = {**last.request.body, "name": last.request.query["name"]}
    return body


def test_run_brings_dependencies_up_and_waits_for_them(project: Project):
    state = with_images(ObservedState(), project)
    run = plan_run(project, state, RunOptions(service="web", slug="0123456789ab"))
    assert run.container == "app-web-run-0123456789ab"
    assert (
        render_plan(run.plan)
        == """\
   1  create network app_default: no such network
   2  create volume app_data: no such volume
   3  create app-db-1: no such container  after 1
   4  start app-db-1: created  after 3
   5  wait healthy app-db-1: web depends on it  after 3, 4
   6  create app-web-run-0123456789ab: run  after 1, 2, 3, 4, 5
"""
    )
    alone = plan_run(project, state, RunOptions(service="web", slug="x", no_deps=True))
    assert [one.id for one in alone.plan.operations] == [
        "create network app_default",
        "create volume app_data",
        "create app-web-run-x",
    ]


def test_run_overrides(state: ObservedState):
    project = project_of(
        APP.replace("web: {", "web: {ports: ['80:80'], restart: always, container_name: own, command: serve, ")
    )
    body = run_body(project, state)
    assert body["name"] == "app-web-run-0123456789ab"
    assert "PortBindings" not in body["HostConfig"] and "RestartPolicy" not in body["HostConfig"]
    assert body["Labels"][labels.ONEOFF] == "True" and body["Labels"][labels.SLUG] == "0123456789ab"
    assert body["Tty"] and body["OpenStdin"] and body["Cmd"] == ["serve"]
    assert body["NetworkingConfig"]["EndpointsConfig"]["app_default"]["Aliases"] == [body["name"]]
    body = run_body(
        project,
        state,
        command=("echo", "hi"),
        entrypoint=("/bin/sh",),
        environment={"K": "V"},
        volumes=("./x:/x", "named:/n", "other:/d"),
        publish=("9000:80",),
        service_ports=True,
        use_aliases=True,
        detach=True,
        remove=True,
        user="me",
        working_dir="/w",
        name="mine",
        labels={"l": "1"},
        cap_add=("SYS_TIME",),
    )
    host = body["HostConfig"]
    assert (body["name"], body["User"], body["WorkingDir"], body["Env"]) == ("mine", "me", "/w", ["K=V"])
    assert (body["Cmd"], body["Entrypoint"]) == (["echo", "hi"], ["/bin/sh"])
    assert host["Binds"] == ["/srv/app/x:/x:rw", "named:/n:rw", "other:/d:rw"]
    assert host["PortBindings"]["80/tcp"] == [{"HostIp": "", "HostPort": "80"}, {"HostIp": "", "HostPort": "9000"}]
    assert host["AutoRemove"] and host["CapAdd"] == ["SYS_TIME"]
    assert "web" in body["NetworkingConfig"]["EndpointsConfig"]["app_default"]["Aliases"]
    with pytest.raises(InvalidArgument, match="--publish: invalid"):
        run_body(project, state, publish=("x:y",))
    with pytest.raises(InvalidArgument, match="--volume: invalid volume"):
        run_body(project, state, volumes=("a:b:c:d",))
    with pytest.raises(NotFound, match="no such service: zz"):
        plan_run(project, state, RunOptions(service="zz", slug="x"))


def test_run_starts_a_service_of_a_sleeping_profile():
    project = project_of("services: {a: {image: x}, tool: {image: x, profiles: [p]}}")
    assert plan_run(project, ObservedState(), RunOptions(service="tool", slug="s")).container == "app-tool-run-s"


# --- images

IMAGES = """
services:
  a: {image: 'host:5000/team/a:1'}
  b: {build: {context: ./b, args: {A: 1}, target: t, labels: {l: m}, secrets: [s], tags: ['x:1']}, image: 'me/b'}
  c: {build: {context: ., dockerfile_inline: FROM scratch}}
  d: {image: 'redis@sha256:%s'}
  e: {image: 'host:5000/team/a:1', pull_policy: %%s}
secrets: {s: {environment: S}}
""" % ("1" * 64)


def images_of(policy: str = "missing") -> Project:
    return project_of(IMAGES % policy, env={"S": "hush"})


def ids(plan: Any) -> list[str]:
    return [one.id for one in plan.operations]


def test_images_that_are_not_there_are_pulled_or_built():
    project = images_of()
    plan = plan_images(project, ObservedState(), ImageOptions())
    assert ids(plan) == ["pull host:5000/team/a:1", "build b", "build c", f"pull redis@sha256:{'1' * 64}"]
    pulls = [dict(one.request.query) for one in plan.operations if isinstance(one, Pull)]
    assert pulls == [
        {"fromImage": "host:5000/team/a", "tag": "1"},
        {"fromImage": "redis", "tag": f"sha256:{'1' * 64}"},
    ]
    build = plan.operations[1]
    assert isinstance(build, BuildImage)
    assert build.reference == "me/b" and build.build.context == "/srv/app/b"
    assert build.request.query["t"] == "me/b,x:1" and build.request.query["buildargs"] == '{"A": "1"}'
    assert build.request.query["target"] == "t" and '"l": "m"' in build.request.query["labels"]
    assert [(s.id, s.value) for s in build.secrets] == [("s", "hush")] and "hush" not in repr(plan)
    assert not plan_images(project, with_images(ObservedState(), project), ImageOptions()).operations


CONTEXTS = """
services:
  web:
    build:
      context: ./web
      additional_contexts: [base=service:base, tools=service:tools, assets=./assets, py=docker-image://python:3]
  base: {build: ./base, profiles: [p]}
  tools: {image: 'tools:1', profiles: [p]}
"""


def test_further_contexts_of_a_build_are_images_of_services_others_and_folders():
    project = project_of(CONTEXTS)
    for plan in (
        plan_images(project, ObservedState(), ImageOptions()),
        plan_build(project, BuildOptions(services=("web",))),
    ):
        build = plan.operations[-1]
        assert isinstance(build, BuildImage) and build.id == "build web"
        assert build.depends_on == tuple(one.id for one in plan.operations[:-1])
        assert json.loads(build.request.query["contexts"]) == {
            "base": "app-base",
            "tools": "tools:1",
            "py": "docker-image://python:3",
        }
        assert build.folders == {"assets": "/srv/app/assets"}
    there = with_images(ObservedState(), project)
    assert not plan_images(project, there, ImageOptions()).operations
    assert ids(plan_images(project, there, ImageOptions(build=True))) == ["build base", "pull tools:1", "build web"]


@pytest.mark.parametrize(
    ("contexts", "message"),
    [
        ("{x: 'service:gone'}", r"services.a.build.additional_contexts.x: no such service: gone"),
        ("{x: 'service:b'}", r"additional_contexts make a circle: a -> b -> a"),
        (
            "{x: 'https://example.com/x.git'}",
            r"services.a.build.additional_contexts.x: expected a folder, .*got .https",
        ),
        ("{x: 'oci-layout://x'}", r'services.a.build.additional_contexts.x: expected a folder, .*got "oci-layout'),
    ],
)
def test_contexts_that_can_not_be(contexts: str, message: str):
    project = project_of(f"""
services:
  a: {{build: {{context: ., additional_contexts: {contexts}}}}}
  b: {{build: {{context: ., additional_contexts: {{y: 'service:a'}}}}}}
""")
    with pytest.raises((InvalidArgument, NotSupported), match=message):
        plan_build(project, BuildOptions())


@pytest.mark.parametrize(
    ("policy", "options", "wanted"),
    [
        ("missing", {}, []),
        ("always", {}, ["pull host:5000/team/a:1"]),
        ("daily", {}, ["pull host:5000/team/a:1"]),
        ("every_12h", {}, ["pull host:5000/team/a:1"]),
        ("never", {"pull": "always"}, ["pull host:5000/team/a:1", "pull me/b"]),
        ("always", {"pull": "missing"}, []),
        ("missing", {"build": True}, ["build b", "build c"]),
        ("missing", {"services": ("b",), "build": True}, ["build b"]),
    ],
)
def test_pull_policies(policy: str, options: dict[str, Any], wanted: list[str]):
    project = images_of(policy)
    state = with_images(ObservedState(), project)
    assert [one for one in ids(plan_images(project, state, ImageOptions(**options))) if "redis" not in one] == wanted


def test_images_that_must_not_be_fetched():
    project = project_of("services: {a: {image: x, pull_policy: never}}")
    with pytest.raises(NotFound, match="No such image: x"):
        plan_images(project, ObservedState(), ImageOptions())
    project = project_of("services: {a: {build: .}}")
    with pytest.raises(NotFound, match="No such image: app-a"):
        plan_images(project, ObservedState(), ImageOptions(no_build=True))


def test_references_are_compared_as_people_write_them():
    state = observed_state([], images=[{"Id": image_id("x"), "RepoTags": ["redis:latest"], "RepoDigests": None}])
    for reference in ("redis", "redis:latest", "docker.io/library/redis", "docker.io/redis:latest", image_id("x")):
        assert state.image_id(reference) == image_id("x"), reference
    assert state.image_id("redis:7") == state.image_id("host:5000/redis") == ""


def test_pull_push_and_build_commands():
    project = images_of()
    state = with_images(ObservedState(), project)
    plan = plan_pull(project, state, PullOptions())
    assert ids(plan) == ["pull host:5000/team/a:1", "pull me/b", f"pull redis@sha256:{'1' * 64}"]
    assert plan.told == {"Image app-c": "Skipped - No image to be pulled"}
    assert ids(plan_pull(project, state, PullOptions(ignore_buildable=True, services=("b",)))) == []
    assert ids(plan_push(project, PushOptions())) == ["push me/b", "push x:1"]
    build = plan_build(project, BuildOptions(args={"A": "2"}, no_cache=True, services=("b",))).operations[0]
    assert isinstance(build, BuildImage)
    assert build.request.query["nocache"] == "1" and build.request.query["buildargs"] == '{"A": "2"}'
    assert plan_build(project_of("services: {a: {image: x}}"), BuildOptions()).warnings == ("No services to build",)


# --- what lists say


def test_observed_state_from_lists():
    state = observed_state(
        [
            {
                "Id": "c" * 64,
                "Names": ["/other/alias", "/app-a-2"],
                "Image": "x",
                "ImageID": "sha256:1",
                "State": "running",
                "Status": "Up 3 seconds (health: starting)",
                "Labels": {labels.SERVICE: "a", labels.CONTAINER_NUMBER: "2", labels.ONEOFF: "False"},
                "NetworkSettings": {"Networks": {"n": {"NetworkID": "7"}}},
                "Mounts": [{"Type": "volume", "Name": "v", "Source": "", "Destination": "/v"}],
            },
            {
                "Id": "d",
                "Names": ["/app-a-1"],
                "State": "exited",
                "Status": "Exited (3) 2 hours ago",
                "Labels": {labels.SERVICE: "a", labels.CONTAINER_NUMBER: "1"},
            },
            {
                "Id": "e",
                "Names": ["/r"],
                "State": "running",
                "Status": "Up 1 second (healthy)",
                "Labels": {labels.SERVICE: "a", labels.ONEOFF: "True"},
            },
        ],
        [{"Id": "7", "Name": "n", "Driver": "bridge", "Labels": None}],
        [{"Name": "v", "Driver": "local", "Labels": None}],
        [{"Id": "sha256:1", "RepoTags": None, "RepoDigests": ["x@sha256:2"]}],
    )
    first, second = state.of_service("a")
    assert (first.name, first.exit_code, first.running) == ("app-a-1", 3, False)
    assert (second.name, second.health, second.networks, second.number) == ("app-a-2", "starting", {"n": "7"}, 2)
    assert state.containers["r"].oneoff and state.containers["r"].health == "healthy"
    assert state.networks["n"] == ObservedNetwork(id="7", name="n", driver="bridge")
    assert state.image_id("x@sha256:2") == "sha256:1"
    assert isinstance(second, ObservedContainer)


def test_links_of_old_files_give_variables():
    text = "web: {image: x, links: ['db', 'cache:mem']}\ndb: {image: mysql}\ncache: {image: y, expose: ['11211']}\n"
    project = project_of(text)
    state = with_images(ObservedState(), project)
    state = replace(state, image_ports={image_id("mysql"): ("3306/tcp",)})
    plan = plan_up(project, state, UpOptions())
    body = next(one for one in plan.operations if one.id == "create app-web-1").request.body  # type: ignore[attr-defined]
    variables = dict(entry.split("=", 1) for entry in body["Env"])
    assert variables["DB_PORT_3306_TCP_ADDR"] == "db" and variables["DB_PORT_3306_TCP_PORT"] == "3306"
    assert variables["DB_PORT"] == "tcp://db:3306" and variables["DB_NAME"] == "/app-web-1/db"
    assert variables["APP_DB_1_PORT_3306_TCP_ADDR"] == "db"
    assert variables["MEM_PORT_11211_TCP"] == "tcp://mem:11211"
    links = body["NetworkingConfig"]["EndpointsConfig"]["app_default"]["Links"]
    assert "app-db-1:db" in links and "app-cache-1:mem" in links
