"""`up`: whole plans compared as text, and what must hold for every project."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compose import labels
from shoal.compose.observed import ObservedMount, ObservedState
from shoal.compose.operations import Call, CopyFiles, WaitFor
from shoal.compose.plan import plan_down, plan_images, plan_up, preview
from shoal.compose.planning.options import DownOptions, ImageOptions, UpOptions
from shoal.compose.project import Project
from shoal.compose.text.plan import render_plan
from shoal.errors import InvalidArgument, NotFound
from tests.support.compose_projects import after, image_id, project_of, with_images

APP = """
services:
  web:
    build: .
    ports: ["8080:80"]
    depends_on:
      db: {condition: service_healthy, restart: true}
      setup: {condition: service_completed_successfully}
    volumes: [data:/d]
    networks: [front, back]
  db: {image: postgres, networks: [back], volumes: [/anon]}
  setup: {image: busybox, depends_on: [db], networks: [back]}
networks: {front: , back: }
volumes: {data: }
"""


def up(project: Project, state: ObservedState | None = None, **options: Any) -> str:
    state = with_images(state or ObservedState(), project)
    return render_plan(plan_up(project, state, UpOptions(**options)))


def running(project: Project, **options: Any) -> ObservedState:
    """What the engine has after a first `up`."""
    state = with_images(ObservedState(), project)
    return after(state, plan_up(project, state, UpOptions(**options)))


def short_id(name: str) -> str:
    """How the engine of `after` begins the id of the container that was made as `name`."""
    return name.encode().hex()[:12]


def healthy(state: ObservedState) -> ObservedState:
    return replace(state, containers={n: replace(c, health="healthy") for n, c in state.containers.items()})


def test_an_image_that_another_service_builds_is_not_pulled():
    project = project_of("services: {web: {build: ., image: app}, worker: {image: app}, db: {image: postgres}}")
    assert render_plan(plan_images(project, ObservedState(), ImageOptions())).splitlines() == [
        "   1  build web: no such image",
        "   2  pull postgres: no such image",
    ]
    alone = plan_images(project, ObservedState(), ImageOptions(services=("worker",)))
    assert render_plan(alone) == "   1  pull app: no such image\n"


def test_a_first_up():
    project = project_of(APP)
    images = plan_images(project, ObservedState(), ImageOptions())
    text = render_plan(preview(images, plan_up(project, ObservedState(), UpOptions())))
    assert (
        text
        == """\
   1  pull postgres: no such image
   2  pull busybox: no such image
   3  build web: no such image
   4  create network app_back: no such network
   5  create network app_front: no such network
   6  create volume app_data: no such volume
   7  create app-db-1: no such container  after 1, 4
   8  create app-setup-1: no such container  after 2, 4
   9  create app-web-1: no such container  after 3, 4, 5, 6
  10  start app-db-1: created  after 7
  11  start app-setup-1: created  after 8, 10
  12  wait healthy app-db-1: web depends on it  after 10
  13  wait completed_successfully app-setup-1: web depends on it  after 11
  14  start app-web-1: created  after 9, 12, 13
"""
    )


def test_nothing_to_do():
    project = project_of("services: {a: {image: x}, b: {image: x, depends_on: [a]}}")
    assert (
        up(project, running(project))
        == "     = Container app-a-1 is as wanted\n     = Container app-b-1 is as wanted\n"
    )


def test_only_what_changed_is_made_anew_and_its_dependants_restart_where_they_ask():
    state = healthy(running(project_of(APP)))
    changed = project_of(APP.replace("image: postgres", "image: postgres, user: me"))
    assert (
        up(changed, state)
        == """\
   1  stop app-web-1: db is made anew
   2  create %s_app-db-1: configuration changed
   3  wait completed_successfully app-setup-1: web depends on it
   4  stop app-db-1: configuration changed  after 1, 2
   5  remove app-db-1: configuration changed  after 2, 4
   6  rename %s_app-db-1: configuration changed  after 5
   7  start app-db-1: configuration changed  after 6
   8  wait healthy app-db-1: web depends on it  after 7
   9  start app-web-1: a dependency was made anew  after 1, 3, 8
     = Container app-setup-1 is as wanted
""".replace("%s", short_id("app-db-1"))
    )


def test_anonymous_volumes_are_handed_on_unless_renewed():
    project = project_of(APP)
    state = running(project)
    name = state.containers["app-db-1"].mounts[0].name

    def mounts(**options: Any) -> Any:
        plan = plan_up(project, state, UpOptions(services=("db",), force_recreate=True, **options))
        creation = next(one for one in plan.operations if isinstance(one, Call) and one.id.startswith("create "))
        return creation.request.body["HostConfig"]["Mounts"]

    assert mounts() == [{"Type": "volume", "Target": "/anon", "Source": name}]
    assert mounts(renew_anon_volumes=True) == [{"Type": "volume", "Target": "/anon"}]


def test_a_volume_of_the_image_is_handed_on_too():
    project = project_of("services: {a: {image: x}}")
    state = running(project)
    kept = ObservedMount(type="volume", name="f" * 64, source="", destination="/var/lib")
    container = replace(state.containers["app-a-1"], mounts=(kept,))
    state = replace(state, containers={"app-a-1": container})
    plan = plan_up(project, state, UpOptions(force_recreate=True))
    body = plan.operations[0].request.body  # type: ignore[attr-defined]
    assert body["HostConfig"]["Mounts"] == [{"Type": "volume", "Source": "f" * 64, "Target": "/var/lib"}]
    assert body["Labels"][labels.REPLACE] == "a-1"


def test_a_newer_image_makes_containers_anew():
    project = project_of("services: {a: {image: x}, b: {image: y}}")
    state = running(project)
    state = replace(state, images={**state.images, "x:latest": image_id("newer")})
    plan = plan_up(project, state, UpOptions())
    assert {one.cause for one in plan.operations} == {"image changed"}
    assert {one.service for one in plan.operations} == {"a"}
    assert plan.unchanged == ("Container app-b-1",)


def test_policies():
    project = project_of("services: {a: {image: x, depends_on: [b]}, b: {image: x}}")
    state = running(project)
    changed = project_of("services: {a: {image: x, depends_on: [b], user: me}, b: {image: x}}")

    def touched(project: Project, **options: Any) -> set[str]:
        return {one.service for one in plan_up(project, with_images(state, project), UpOptions(**options)).operations}

    assert touched(changed) == {"a"}
    assert touched(changed, no_recreate=True) == set()
    assert touched(project, force_recreate=True) == {"a", "b"}
    assert touched(project, force_recreate=True, services=("a",)) == {"a"}
    assert touched(project, force_recreate=True, services=("a",), always_recreate_deps=True) == {"a", "b"}
    assert touched(project, force_recreate=True, services=("a",), no_deps=True) == {"a"}
    with pytest.raises(InvalidArgument, match="incompatible"):
        touched(project, force_recreate=True, no_recreate=True)


def test_scale_up_and_down():
    project = project_of("services: {a: {image: x, deploy: {replicas: 2}}}")
    state = running(project)
    assert list(state.containers) == ["app-a-1", "app-a-2"]
    assert (
        up(project, state, scale={"a": 4})
        == """\
   1  create app-a-3: scaled to 4
   2  create app-a-4: scaled to 4
   3  start app-a-3: created  after 1
   4  start app-a-4: created  after 2
     = Container app-a-1 is as wanted
     = Container app-a-2 is as wanted
"""
    )
    assert (
        up(project, state, scale={"a": 1})
        == """\
   1  stop app-a-2: scaled to 1
   2  remove app-a-2: scaled to 1  after 1
     = Container app-a-1 is as wanted
"""
    )
    assert up(project, state, scale={"a": 0}).count("remove") == 2


def test_outdated_containers_go_first_when_scaling_down():
    project = project_of("services: {a: {image: x, scale: 2}}")
    state = running(project)
    first = state.containers["app-a-1"]
    state = replace(
        state,
        containers={**state.containers, "app-a-1": replace(first, labels={**first.labels, labels.CONFIG_HASH: "old"})},
    )
    assert (
        up(project, state, scale={"a": 1})
        == """\
   1  stop app-a-1: scaled to 1
   2  remove app-a-1: scaled to 1  after 1
     = Container app-a-2 is as wanted
"""
    )


def test_a_named_container_cannot_be_scaled():
    project = project_of("services: {a: {image: x, container_name: own}}")
    with pytest.raises(InvalidArgument, match="custom container name"):
        up(project, scale={"a": 2})
    assert "create own: no such container" in up(project)


def test_stopped_and_paused_containers_come_back():
    project = project_of("services: {a: {image: x}, b: {image: x}, c: {image: x}}")
    state = running(project)
    for name, is_now in (("app-a-1", "exited"), ("app-b-1", "paused"), ("app-c-1", "created")):
        state = replace(state, containers={**state.containers, name: replace(state.containers[name], state=is_now)})
    assert (
        up(project, state)
        == """\
   1  start app-a-1: it is exited
   2  unpause app-b-1: it is paused
   3  start app-c-1: it is created
"""
    )


def test_create_only():
    project = project_of("services: {a: {image: x, depends_on: {b: {condition: service_healthy}}}, b: {image: x}}")
    assert (
        up(project, start=False)
        == """\
   1  create network app_default: no such network
   2  create app-b-1: no such container  after 1
   3  create app-a-1: no such container  after 1
"""
    )


def test_orphans():
    state = running(project_of("services: {a: {image: x}, old: {image: x}}"))
    project = project_of("services: {a: {image: x}, asleep: {image: x, profiles: [p]}}")
    assert "! Found orphan containers ([app-old-1]) for this project." in up(project, state)
    assert up(project, state, ignore_orphans=True) == "     = Container app-a-1 is as wanted\n"
    assert (
        up(project, state, remove_orphans=True)
        == """\
   1  stop app-old-1: orphan
   2  remove app-old-1: orphan  after 1
     = Container app-a-1 is as wanted
"""
    )


def test_orphans_make_room_first():
    state = running(project_of("services: {old: {image: x, ports: ['80:80']}}"))
    project = project_of("services: {new: {image: x, ports: ['80:80']}}")
    assert (
        up(project, state, remove_orphans=True)
        == """\
   1  stop app-old-1: orphan
   2  remove app-old-1: orphan  after 1
   3  create app-new-1: no such container  after 2
   4  start app-new-1: created  after 2, 3
"""
    )


def test_a_network_that_changed_is_made_anew_with_all_who_are_on_it():
    text = "services: {a: {image: x, networks: [n]}, b: {image: x, networks: [n]}}\nnetworks: {n: {internal: %s}}"
    state = running(project_of(text % "false"))
    changed = project_of(text % "true")
    plan = plan_up(changed, with_images(state, changed), UpOptions(services=("a",)))
    assert (
        render_plan(plan)
        == """\
   1  stop app-a-1: network app_n is made anew
   2  stop app-b-1: network app_n is made anew
   3  disconnect app-a-1 app_n: network app_n is made anew  after 1
   4  disconnect app-b-1 app_n: network app_n is made anew  after 2
   5  remove network app_n: configuration changed  after 3, 4
   6  create network app_n: configuration changed  after 5
   7  create %s_app-a-1: network app_n is made anew  after 6
   8  create %t_app-b-1: network app_n is made anew  after 6
   9  remove app-a-1: network app_n is made anew  after 1, 7
  10  remove app-b-1: network app_n is made anew  after 2, 8
  11  rename %s_app-a-1: network app_n is made anew  after 9
  12  rename %t_app-b-1: network app_n is made anew  after 10
  13  start app-a-1: network app_n is made anew  after 11
  14  start app-b-1: network app_n is made anew  after 12
""".replace("%s", short_id("app-a-1")).replace("%t", short_id("app-b-1"))
    )
    assert not plan_up(changed, after(state, plan), UpOptions()).operations


def test_a_volume_that_changed_is_a_question():
    text = "services: {a: {image: x, volumes: ['v:/v']}}\nvolumes: {v: {labels: {k: %s}}}"
    state = running(project_of(text % "1"))
    changed = project_of(text % "2")
    state = with_images(state, changed)
    plan = plan_up(changed, state, UpOptions())
    assert [question.id for question in plan.questions] == ["recreate volume app_v"]
    assert "(data will be lost)?" in plan.questions[0].text and not plan.operations
    plan = plan_up(changed, state, UpOptions(confirmed=frozenset(("recreate volume app_v",))))
    assert (
        render_plan(plan)
        == """\
   1  stop app-a-1: volume app_v is made anew
   2  remove app-a-1: volume app_v is made anew  after 1
   3  remove volume app_v: configuration changed  after 2
   4  create volume app_v: configuration changed  after 3
   5  create app-a-1: no such container  after 4
   6  start app-a-1: created  after 5
"""
    )
    assert not plan_up(changed, after(state, plan), UpOptions()).operations


def test_what_others_made_is_used_with_a_warning_and_what_is_external_must_be_there():
    from shoal.compose.observed import ObservedNetwork, ObservedVolume

    text = "services: {a: {image: x, volumes: ['v:/v'], networks: [n]}}\nvolumes: {v: }\nnetworks: {n: }"
    state = ObservedState(
        networks={"app_n": ObservedNetwork(id="1", name="app_n")},
        volumes={"app_v": ObservedVolume(name="app_v", labels={labels.PROJECT: "other"})},
    )
    plan = plan_up(project_of(text), state, UpOptions())
    assert [one.id for one in plan.operations] == ["create app-a-1", "start app-a-1"]
    assert plan.warnings == (
        "a network with name app_n exists but was not created by compose. "
        "Set `external: true` to use an existing network",
        'volume "app_v" already exists but was created for project "other" (expected "app"). '
        "Use `external: true` to use an existing volume",
    )
    external = project_of(text.replace("{n: }", "{n: {external: true}}"))
    with pytest.raises(NotFound, match="network n declared as external, but could not be found"):
        plan_up(external, state, UpOptions())
    external = project_of(text.replace("{v: }", "{v: {external: true}}"))
    with pytest.raises(NotFound, match='external volume "v" not found'):
        plan_up(external, state, UpOptions())


def test_who_shares_a_namespace_follows_its_owner():
    text = "services: {a: {image: x%s}, b: {image: y, network_mode: 'service:a'}}"
    state = running(project_of(text % ""))
    changed = project_of(text % ", user: me")
    causes = {one.service: one.cause for one in plan_up(changed, with_images(state, changed), UpOptions()).operations}
    assert causes == {"a": "configuration changed", "b": "shares the network namespace of a"}


def test_hooks_and_init_containers():
    project = project_of("""
services:
  a:
    image: x
    environment: {A: "1"}
    scale: 2
    post_start: [{command: warm up, user: root}]
    pre_stop: [{command: drain}]
    pre_start:
      - {image: tool, command: migrate, environment: {B: "2"}}
      - {command: seed, per_replica: true}
""")
    state = with_images(ObservedState(), project)
    plan = plan_up(project, state, UpOptions(scale={"a": 1}))
    assert (
        render_plan(plan)
        == """\
   1  create network app_default: no such network
   2  create app-a-1: no such container  after 1
   3  create app-a-pre_start-1: pre_start 1 of a  after 1
   4  start app-a-pre_start-1: pre_start 1 of a  after 3
   5  wait completed_successfully app-a-pre_start-1: pre_start 1 of a  after 4
   6  clear app-a-pre_start-1: pre_start 1 of a  after 5
   7  create app-a-1-pre_start-2: pre_start 2 of a  after 2, 6
   8  start app-a-1-pre_start-2: pre_start 2 of a  after 7
   9  wait completed_successfully app-a-1-pre_start-2: pre_start 2 of a  after 8
  10  clear app-a-1-pre_start-2: pre_start 2 of a  after 9
  11  start app-a-1: created  after 10
  12  post_start 1 app-a-1: post_start hook: warm up  after 11
"""
    )
    bodies = {one.id: one.request.body for one in plan.operations if isinstance(one, Call) and one.request.body}
    first = bodies["create app-a-pre_start-1"]
    assert (first["Image"], first["Cmd"], first["Env"]) == ("tool", ["migrate"], ["A=1", "B=2"])
    assert first["Labels"][labels.ONEOFF] == "True"
    assert bodies["create app-a-1-pre_start-2"]["Image"] == "x"
    hook = plan.operations[-1]
    assert hook.body["Cmd"] == ["warm", "up"] and hook.body["User"] == "root"  # type: ignore[attr-defined]


def test_wait_for_all():
    project = project_of("services: {a: {image: x}, b: {image: x}}")
    plan = plan_up(project, running(project), UpOptions(wait=True, wait_timeout_s=9))
    waits = [one for one in plan.operations if isinstance(one, WaitFor)]
    assert [(one.containers, one.condition, one.timeout_s) for one in waits] == [
        (("app-a-1",), "service_running_or_healthy", 9),
        (("app-b-1",), "service_running_or_healthy", 9),
    ]


def test_a_dependency_that_is_not_required_fails_softly():
    project = project_of(
        "services: {a: {image: x, depends_on: {b: {condition: service_healthy, required: false}}}, b: {image: x}}"
    )
    plan = plan_up(project, with_images(ObservedState(), project), UpOptions())
    assert [one.required for one in plan.operations if isinstance(one, WaitFor)] == [False]


def test_secrets_are_copied_before_the_start_and_never_shown():
    text = """
services:
  a:
    image: x
    secrets: [s, {source: f, uid: "5", mode: 0400}, plain]
    configs: [{source: c, target: /etc/c}]
secrets: {s: {environment: TOKEN}, f: {file: ./f}, plain: {file: ./p}}
configs: {c: {content: "hi $$x ${TOKEN}"}}
"""
    project = project_of(text, env={"TOKEN": "hush"})
    plan = plan_up(project, with_images(ObservedState(), project), UpOptions())
    copy = next(one for one in plan.operations if one.id == "copy into app-a-1")
    assert copy.depends_on == ("create app-a-1",)
    assert [(f.path, f.content, f.source, f.uid, f.mode) for f in copy.files] == [  # type: ignore[attr-defined]
        ("/etc/c", b"hi $x hush", "", 0, 0o444),
        ("/run/secrets/s", b"hush", "", 0, 0o444),
        ("/run/secrets/f", None, "/srv/app/f", 5, 0o400),
    ]
    assert copy.id in next(one for one in plan.operations if one.id == "start app-a-1").depends_on
    assert "hush" not in repr(plan) + repr(project) + render_plan(plan)
    body = next(one for one in plan.operations if one.id == "create app-a-1").request.body  # type: ignore[attr-defined]
    assert body["HostConfig"]["Mounts"] == [
        {"Type": "bind", "Source": "/srv/app/p", "Target": "/run/secrets/plain", "ReadOnly": True}
    ]
    with pytest.raises(InvalidArgument, match='environment variable "TOKEN" required by secret "s" is not set'):
        up(project_of(text))


def test_the_create_call_declares_what_is_copied_without_its_content():
    text = """
services:
  a: {image: x, secrets: [{source: s, uid: "5", mode: 0400}, plain], configs: [{source: c, target: /etc/c}]}
secrets: {s: {environment: TOKEN}, plain: {file: ./p}}
configs: {c: {content: shown}}
"""
    project = project_of(text, env={"TOKEN": "hush"})
    plan = plan_up(project, with_images(ObservedState(), project), UpOptions())
    body = next(one for one in plan.operations if one.id == "create app-a-1").request.body  # type: ignore[attr-defined]
    assert body["HostConfig"]["MemoryFiles"] == [
        {"Target": "/etc/c", "UID": 0, "GID": 0, "Mode": 0o444},
        {"Target": "/run/secrets/s", "UID": 5, "GID": 0, "Mode": 0o400},
    ]
    assert "hush" not in str(body) and "shown" not in str(body)


def test_a_container_that_stands_still_gets_its_files_again_before_its_start():
    """It may have lost them; one that runs has them, and one of another Compose has them in its layer."""
    text = "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {environment: TOKEN}}"
    project = project_of(text, env={"TOKEN": "hush"})
    state = running(project)
    assert "copy" not in up(project, state)
    made = state.containers["app-a-1"]
    stopped = replace(state, containers={"app-a-1": replace(made, state="exited")})
    assert (
        up(project, stopped)
        == """\
   1  copy into app-a-1: configs and secrets
   2  start app-a-1: it is exited  after 1
"""
    )
    plan = plan_up(project, stopped, UpOptions())
    assert [one.again for one in plan.operations if isinstance(one, CopyFiles)] == [True]
    labels_of_others = {key: value for key, value in made.labels.items() if key != labels.CONTENT_HASH}
    others = replace(made, state="exited", labels=labels_of_others)
    assert "copy" not in up(project, replace(state, containers={"app-a-1": others}))
    assert "copy" not in up(project_of(text), stopped, no_recreate=True)  # the variable is not set now


def test_new_content_of_a_config_makes_the_container_anew():
    text = "services: {a: {image: x, configs: [c]}}\nconfigs: {c: {content: %s}}"
    state = running(project_of(text % "one"))
    assert "content of a config or secret changed" in up(project_of(text % "two"), state)


def test_an_unknown_service():
    with pytest.raises(NotFound, match="no such service: zz"):
        up(project_of("services: {a: {image: x}}"), services=("zz",))
    with pytest.raises(InvalidArgument, match="no such service: zz"):
        up(project_of("services: {a: {image: x}}"), scale={"zz": 2})
    with pytest.raises(InvalidArgument, match="can't run 1000000 containers"):
        up(project_of("services: {a: {image: x}}"), scale={"a": 1_000_000})


# --- what holds for every project

NAMES = "abcdef"


@st.composite
def projects(draw: st.DrawFn) -> str:
    """A project of up to six services whose dependencies point backwards."""
    count = draw(st.integers(1, 6))
    lines = ["services:"]
    for position in range(count):
        before = NAMES[:position]
        lines += [f"  {NAMES[position]}:", f"    image: {draw(st.sampled_from(['x', 'y']))}"]
        lines.append(f"    user: u{draw(st.integers(0, 1))}")
        lines.append(f"    scale: {draw(st.integers(0, 3))}")
        if draw(st.booleans()):
            lines.append(f"    networks: [{draw(st.sampled_from(['n', 'm', 'n, m']))}]")
        if draw(st.booleans()):
            lines.append(f"    volumes: ['v{draw(st.integers(0, 1))}:/v', /anon]")
        needed = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        if needed:
            lines.append("    depends_on:")
        for name in needed:
            condition = draw(st.sampled_from(["started", "healthy", "completed_successfully"]))
            restart = draw(st.sampled_from(["true", "false"]))
            lines.append(f"      {name}: {{condition: service_{condition}, restart: {restart}}}")
    internal = draw(st.sampled_from(["true", "false"]))
    return "\n".join([*lines, f"networks: {{n: {{internal: {internal}}}, m: }}", "volumes: {v0: , v1: }"])


def settled(state: ObservedState, project: Project, **options: Any) -> ObservedState:
    state = with_images(state, project)
    return after(state, plan_up(project, state, UpOptions(**options)))


@given(projects(), projects())
def test_from_anything_to_anything_in_one_step(one: str, two: str):
    """Every plan can be carried out in its order, leaves what was asked for, and then there is nothing to do."""
    first, second = project_of(one), project_of(two)
    state = settled(ObservedState(), first)
    state = settled(state, second, remove_orphans=True)
    wanted = {second.container_name(s, n) for s in second.services.values() for n in range(1, s.scale + 1)}
    by_service = {name: len(state.of_service(name)) for name in second.services}
    assert by_service == {name: service.scale for name, service in second.services.items()}
    assert len(state.containers) == len(wanted)
    assert all(container.running for container in state.containers.values())
    again = plan_up(second, with_images(state, second), UpOptions())
    assert not again.operations or all(isinstance(operation, WaitFor) for operation in again.operations)
    empty = after(state, plan_down(second, state, DownOptions(volumes=True)))
    assert (empty.containers, empty.networks, empty.volumes) == ({}, {}, {})
