"""What must agree across a project, in Compose's words, with file, line and column."""

import pytest

from shoal.errors import InvalidArgument, NotFound, NotSupported, ShoalError
from tests.support.compose_projects import load_text, project_of

INVALID = ": invalid compose project"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "services:\n  web: {image: x, networks: [foo]}",
            '2:30: service "web" refers to undefined network foo' + INVALID,
        ),
        ("services:\n  a: {image: x, volumes: ['v:/x/']}", '2:27: service "a" refers to undefined volume v' + INVALID),
        ("services:\n  a: {image: x, secrets: [s]}", '2:27: service "a" refers to undefined secret s' + INVALID),
        ("services:\n  a: {image: x, configs: [c]}", '2:27: service "a" refers to undefined config c' + INVALID),
        ("services:\n  a: {image: x, depends_on: [b]}", '2:30: service "a" depends on undefined service "b"' + INVALID),
        (
            "services:\n  a: {image: x, network_mode: 'service:b'}",
            'service "a" depends on undefined service "b"' + INVALID,
        ),
        ("services:\n  a: {image: x, volumes_from: [b]}", 'depends on undefined service "b"' + INVALID),
        (
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, links: [a]}",
            "dependency cycle detected: a -> b -> a",
        ),
        ("services:\n  a: {image: x, depends_on: [a]}", "dependency cycle detected: a -> a"),
        ("services:\n  a: {user: me}", '2:3: service "a" has neither an image nor a build context specified' + INVALID),
        ("services:\n  a:\n", "2:3: services.a: expected a mapping, got nothing"),
        (
            "services:\n  a: {image: x, network_mode: host, networks: [default]}",
            "service a declares mutually exclusive `network_mode` and `networks`" + INVALID,
        ),
        (
            "services:\n  a: {image: x, deploy: {replicas: 2}, scale: 3}",
            "can't set distinct values on 'scale' and 'deploy.replicas'" + INVALID,
        ),
        (
            "services:\n  a: {image: x, mem_limit: 1m, deploy: {resources: {limits: {memory: 2m}}}}",
            "can't set distinct values on 'mem_limit' and 'deploy.resources.limits.memory'" + INVALID,
        ),
        (
            "services:\n  a: {image: x, cpus: 1, deploy: {resources: {limits: {cpus: '2'}}}}",
            "can't set distinct values on 'cpus' and 'deploy.resources.limits.cpus'" + INVALID,
        ),
        ("services:\n  a: {image: x, container_name: qq, scale: 2}", "container name must be unique" + INVALID),
        (
            "services:\n  a: {image: x, container_name: qq}\n  b: {image: x, container_name: qq}",
            'services.b: container name "qq" is already in use by "services.a"' + INVALID,
        ),
        (
            "services:\n  a: {image: x, secrets: [s]}\nsecrets: {s: {}}",
            "secrets.s: one of file|environment must be set",
        ),
        (
            "services:\n  a: {image: x, configs: [c]}\nconfigs: {c: {file: x, content: y}}",
            "configs.c: file|content attributes are mutually exclusive",
        ),
        (
            "services:\n  a: {image: x, volumes: ['v:/v']}\nvolumes: {v: {external: true, driver: x}}",
            'volumes.v: conflicting parameters "external" and "driver" specified',
        ),
        (
            "services:\n  a: {build: {context: ., dockerfile: D, dockerfile_inline: FROM x}}",
            "declares mutualy exclusive dockerfile and dockerfile_inline" + INVALID,
        ),
        (
            "services:\n  a: {image: x, volumes: ['/v'], configs: [{source: c, target: /v}]}\n"
            "configs: {c: {content: x}}",
            "target /v already mounted as volumes[0]",
        ),
        ("services:\n  a: {image: x, healthcheck: {test: []}}", "must not be empty"),
        ("services:\n  a: {image: x, healthcheck: {test: [curl]}}", "must be one of NONE, CMD or CMD-SHELL"),
        ("services:\n  a: {image: x, depends_on: {b: {}}}\n  b: {image: x}", '"condition" is required'),
        ("services:\n  a: {image: x, scale: 999999999999}", "can't run 999999999999 containers"),
        ("services:\n  a: {image: x, scale: -1}", "can't run -1 containers"),
        ("services:\n  a: {image: x, restart: sometimes}", 'invalid restart policy "sometimes"'),
        ("services:\n  a: {image: x, restart: 'always:3'}", "maximum retry count"),
    ],
)
def test_contradictions(text: str, message: str):
    with pytest.raises(InvalidArgument) as error:
        load_text(text)
    assert str(error.value).startswith("compose.yaml:")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "services:\n  a: {image: x, prots: [1]}",
            '2:17: services.a.prots: unknown key "prots", did you mean "ports"?',
        ),
        ("servces: {}", '1:1: servces: unknown key "servces", did you mean "services"?'),
        ("services:\n  a: {image: x, build: {contxt: .}}", 'unknown key "contxt", did you mean "context"?'),
        (
            "services:\n  a: {image: x, user: 472}",
            "expected a string, got a number; quote it to make it a string: '472'",
        ),
        ("services:\n  a: {image: x, environment: }", "expected a mapping or a list, got nothing"),
        ("services:\n  a: {image: x, ports: 80}", "expected a list, got a number"),
        ("services:\n  a: {image: x, privileged: maybe}", 'expected a boolean, got "maybe"'),
        ("services:\n  a: {image: x, mem_limit: lots}", 'invalid size: "lots"'),
        ("services:\n  a: {image: x, stop_grace_period: soon}", 'invalid duration: "soon"'),
        ("services:\n  a: {image: x, command: 'echo \"x'}", "invalid command line"),
        ("services:\n  a b: {image: x}", 'invalid name "a b"'),
        ("services:\n  a: {image: x, cap_add: [A, A]}", "items[0,1] must be unique"),
        ("services:\n  a: {image: x, pull_policy: often}", "expected one of always, never"),
        ("services:\n  a: {image: x, ulimits: {nofile: {soft: 1}}}", '"hard" is required'),
        ("services:\n  a: {image: x, scale: many}", 'expected an integer, got "many"'),
        ("services:\n  a: {image: x, extra_hosts: [h]}", "expected host=address"),
        ("services:\n  a: {image: x, devices: ['a::b']}", "confusing device mapping"),
        ("services: []", "services: expected nothing or a mapping, got a list"),
        ("foo", "compose.yaml: top-level object must be a mapping"),
        ("", "empty compose file"),
        ("name: Bad Name\nservices: {}", 'invalid project name "Bad Name"'),
    ],
)
def test_bad_values(text: str, message: str):
    with pytest.raises(InvalidArgument) as error:
        load_text(text)
    assert message in str(error.value)


def test_profiles():
    text = (
        "services:\n  a: {image: x}\n  b: {image: x, profiles: [p]}\n  c: {image: x, profiles: [q], depends_on: [b]}\n"
    )
    assert list(project_of(text).services) == ["a"]
    assert list(project_of(text).disabled_services) == ["b", "c"]
    assert list(project_of(text, profiles=("p",)).services) == ["a", "b"]
    assert list(project_of(text, profiles=("*",)).services) == ["a", "b", "c"]
    assert list(project_of(text, services=("b",)).services) == ["a", "b"]
    with pytest.raises(NotFound, match="no such service: zz"):
        load_text(text, services=("zz",))
    with pytest.raises(InvalidArgument, match='service "c" depends on disabled service "b"') as error:
        load_text(text, profiles=("q",))
    assert "--profile (p)" in error.value.hint


def test_a_dependency_that_is_not_required_may_sleep():
    text = (
        "services:\n  a: {image: x, depends_on: {b: {condition: service_started, required: false}}}\n"
        "  b: {image: x, profiles: [p]}\n"
    )
    assert project_of(text).services["a"].depends_on["b"].required is False
    with pytest.raises(InvalidArgument, match='depends on undefined service "b"'):
        load_text(text.replace("b: {image", "c: {image"))


def test_names():
    text = (
        "services: {a: {image: x, networks: [n, e], volumes: ['v:/v', 'f:/f']}}\n"
        "networks: {n: , e: {external: true, name: out}}\nvolumes: {v: , f: {name: fixed}, unused: }\n"
    )
    project = project_of(text)
    assert {key: one.name for key, one in project.networks.items()} == {"n": "app_n", "e": "out"}
    assert {key: one.name for key, one in project.volumes.items()} == {"v": "app_v", "f": "fixed"}
    assert project.container_name(project.services["a"], 2) == "app-a-2"
    assert project_of(text, compatibility=True).container_name(project.services["a"], 1) == "app_a_1"


@pytest.mark.parametrize(("folder", "name"), [("/x/My App.2", "myapp2"), ("/x/_-a_b", "a_b"), ("/x/Ünï", "n")])
def test_a_folder_gives_the_name(folder: str, name: str):
    assert project_of("services: {a: {image: x}}", working_dir=folder).name == name


def test_the_name_that_is_given_goes_before_the_file_and_the_folder():
    assert project_of("name: ${N:-inner}\nservices: {a: {image: x}}").name == "inner"
    assert project_of("name: inner\nservices: {a: {image: x}}", project_name="outer").name == "outer"
    with pytest.raises(InvalidArgument, match="must not be empty"):
        load_text("services: {a: {image: x}}", working_dir="/___")


def test_the_default_network_is_there_where_it_is_used():
    assert list(project_of("services: {a: {image: x}}").networks) == ["default"]
    assert list(project_of("services: {a: {image: x, network_mode: none}}").networks) == []
    unset = "services: {a: {image: x, network_mode: '${MODE:-}'}}"
    assert list(project_of(unset).networks) == ["default"]
    custom = project_of("services: {a: {image: x}}\nnetworks: {default: {driver: macvlan, internal: true}}")
    assert custom.networks["default"].driver == "macvlan" and custom.networks["default"].internal


def test_what_depends_on_what_without_saying_so():
    text = (
        "services:\n  a: {image: x, links: ['b:q'], volumes_from: ['c:ro'], ipc: 'service:d', pid: 'service:e'}\n"
        + "".join(f"  {name}: {{image: x}}\n" for name in "bcde")
    )
    found = project_of(text).services["a"].depends_on
    assert {name: one.restart for name, one in found.items()} == {"b": True, "c": False, "d": True, "e": True}


def test_host_network_discards_ports_with_a_warning():
    result = load_text("services: {a: {image: x, network_mode: host, ports: [21:21]}}")
    assert result.warnings == (
        "compose.yaml:1:46: services.a.ports: no effect: published ports are discarded when using host network mode",
    )


def test_external_secrets_are_refused_where_they_are_used():
    text = "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {external: true}}"
    with pytest.raises(NotSupported, match="external secrets live in a cluster"):
        load_text(text)
    assert load_text(text, check_support=False).project.secrets["s"].external


def test_a_cluster_key_of_many_services_is_one_warning():
    services = "".join(f"  s{n}: {{image: x, deploy: {{mode: global, endpoint_mode: vip}}}}\n" for n in range(7))
    warnings = load_text("services:\n" + services).warnings
    assert len(warnings) == 2
    assert all("(also in s1, s2, s3 and others)" in warning for warning in warnings)


def test_jobs_are_checked_and_named():
    text = "services: {}\njobs: {j: {image: x, triggers: {schedule: ['0 * * * *']}}}"
    assert load_text(text).warnings == (
        "compose.yaml:2:1: jobs: no effect: jobs are checked and not started: one engine has no scheduler",
    )
    with pytest.raises(InvalidArgument, match='"triggers" is required'):
        load_text("services: {}\njobs: {j: {image: x}}")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), IsADirectoryError(21, "Is a directory")])
def test_files_that_cannot_be_read_are_named(error: OSError):
    from shoal.compose.load import LoadOptions, Source, load

    def read(path: str) -> str:
        raise error

    source = Source(path="/p/c.yaml", text="include: [x.yaml]\n", shown="c.yaml")
    with pytest.raises(ShoalError, match=f"open /p/x.yaml: {str(error.strerror).lower()}"):
        load([source], {}, LoadOptions(working_dir="/p"), read)
