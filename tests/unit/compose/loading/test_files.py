"""`extends`, `include`, `env_file`, `label_file` and files of the first format."""

import pytest

from shoal.errors import InvalidArgument, NotSupported
from tests.support.compose_projects import load_text, project_of


def test_extends_in_one_file_and_across_files():
    files = {
        "common/base.yml": (
            "services:\n  web:\n    build: .\n    environment: {A: '1', B: '1'}\n    volumes: ['./data:/data']\n"
            "    extends: {service: root}\n  root:\n    image: r\n    user: root\n    cap_add: [ALL]\n"
        )
    }
    text = (
        "services:\n  a:\n    extends: {file: common/base.yml, service: web}\n    environment: {B: '2'}\n"
        "  b:\n    extends: a\n    command: x\n"
    )
    project = project_of(text, files=files)
    a, b = project.services["a"], project.services["b"]
    assert (a.user, a.cap_add, a.environment) == ("root", ("ALL",), {"A": "1", "B": "2"})
    assert a.build.context == "/srv/app/common"
    assert a.volumes[0].source == "/srv/app/common/data"
    assert (b.command, b.environment, b.build) == (("x",), a.environment, a.build)


def test_extends_in_a_circle():
    text = "services:\n  a: {image: x, extends: {service: b}}\n  b: {image: x, extends: a}\n"
    with pytest.raises(InvalidArgument) as error:
        load_text(text)
    assert str(error.value) == (
        "compose.yaml:2:17: circular reference:\n  a in /srv/app/compose.yaml\n"
        "  extends b in /srv/app/compose.yaml\n  extends a in /srv/app/compose.yaml"
    )


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("{service: zz}", 'cannot extend service "a": service "zz" not found'),
        ("{service: zz, file: nope.yml}", "open /srv/app/nope.yml: no such file or directory"),
        ("{service: zz, file: other.yml}", 'cannot extend service "a" in /srv/app/other.yml: service "zz" not found'),
        ("{file: other.yml}", '"service" is required'),
        ("{service: broken, file: other.yml}", "/srv/app/other.yml:2:12: services.broken.imag: unknown key"),
    ],
)
def test_extends_that_cannot_be(extends: str, message: str):
    files = {"other.yml": "services:\n  broken: {imag: x}\n" if "broken" in extends else "services: {}\n"}
    with pytest.raises(InvalidArgument) as error:
        load_text(f"services:\n  a:\n    image: x\n    extends: {extends}\n", files=files)
    assert message in str(error.value)


def test_include_brings_resources_with_their_own_folder_and_environment():
    files = {
        "db/compose.yaml": (
            "services:\n  db:\n    image: postgres:${TAG}\n    volumes: ['data:/d', './init:/init']\n"
            "    env_file: db.env\nvolumes: {data: }\n"
        ),
        "db/.env": "TAG=15\nSHARED=inner\n",
        "db/db.env": "X=${SHARED}\n",
        "extra/over.yaml": "services: {db: {user: me}}\n",
    }
    text = "include: [{path: [db/compose.yaml, extra/over.yaml]}]\nservices:\n  a: {image: x, depends_on: [db]}\n"
    project = project_of(text, files=files, env={"SHARED": "outer"})
    db = project.services["db"]
    assert (db.image, db.user, db.environment) == ("postgres:15", "me", {"X": "outer"})
    assert [mount.source for mount in db.volumes] == ["data", "/srv/app/db/init"]
    assert project.volumes["data"].name == "app_data"


def test_include_of_itself_of_a_conflict_and_of_what_is_not_there():
    with pytest.raises(InvalidArgument, match="include cycle detected"):
        load_text("include: [compose.yaml]\nservices: {}\n")
    files = {"b.yaml": "services: {a: {image: other}}\n"}
    with pytest.raises(InvalidArgument, match=r"compose.yaml:1:.*services.a conflicts with imported resource"):
        load_text("include: [b.yaml]\nservices: {a: {image: x}}\n", files=files)
    with pytest.raises(InvalidArgument, match=r"open /srv/app/nope\.yaml: no such file"):
        load_text("include: [nope.yaml]\n")
    with pytest.raises(NotSupported, match="remote"):
        load_text("include: ['https://example.org/x.yaml']\n")


def test_the_same_resource_may_come_twice():
    files = {"b.yaml": "networks: {n: {driver: bridge}}\nservices: {b: {image: x, networks: [n]}}\n"}
    project = project_of("include: [b.yaml]\nnetworks: {n: {driver: bridge}}\nservices: {}\n", files=files)
    assert list(project.services) == ["b"]


def test_env_files_are_worked_in_under_the_environment():
    files = {"a.env": "A=1\nB=$OUT-$A\n", "b.env": "A=2\nQ='x y'\n", "raw.env": "R='$x'\n"}
    text = (
        "services:\n  a:\n    image: x\n    environment: {Q: own, Z: , NO: }\n    env_file:\n      - a.env\n"
        "      - {path: b.env}\n      - {path: nope.env, required: false}\n      - {path: raw.env, format: raw}\n"
    )
    service = project_of(text, files=files, env={"OUT": "o", "Z": "z"}).services["a"]
    assert service.environment == {"A": "2", "B": "o-1", "Q": "own", "R": "'$x'", "Z": "z", "NO": None}


def test_an_env_file_may_name_the_services_own_variables():
    text = "services: {a: {image: x, environment: {LEVEL: info, N: 1}, env_file: a.env}}"
    files = {"a.env": "A=${LEVEL:-none}$N\nB=${OUT:-none}\n"}
    assert project_of(text, files=files).services["a"].environment["A"] == "info1"
    service = project_of(text, files=files, env={"LEVEL": "outside", "OUT": "o"}).services["a"]
    assert (service.environment["A"], service.environment["B"]) == ("outside1", "o")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("nope.env", "compose.yaml:5:9: services.a.env_file.0: env file /srv/app/nope.env not found"),
        ("{path: a.env, format: xml}", 'unknown format "xml"'),
        ("bad.env", "/srv/app/bad.env:1: unterminated quoted value"),
    ],
)
def test_env_files_that_cannot_be_read(entry: str, message: str):
    with pytest.raises(InvalidArgument) as error:
        load_text(
            f"services:\n  a:\n    image: x\n    env_file:\n      - {entry}\n",
            files={"a.env": "A=1", "bad.env": "A='x"},
        )
    assert message in str(error.value)


def test_labels_from_files_are_under_the_own_ones():
    text = "services: {a: {image: x, label_file: l, labels: {b: own}}}"
    assert project_of(text, files={"l": "a=1\nb=2\n"}).services["a"].labels == {"a": "1", "b": "own"}


V1 = """
lb:
  build: ./lb
  dockerfile: Other
  ports: ["80", "8181:8181"]
  links: ["db", "user:account"]
user:
  extends: {file: common.yml, service: micro}
  volumes_from: [gems]
  environment: [SERVICE_3000_NAME=user]
gems: {image: busybox, volumes: ["/gems", "cache:/c"]}
db: {image: mysql, net: "container:gems", log_driver: none}
"""


def test_a_file_of_the_first_format():
    files = {"common.yml": "micro:\n  build: micro\n  ports: ['3000']\n  restart: always\n"}
    project = project_of(V1, files=files)
    assert project.link_environment
    lb, user, db = project.services["lb"], project.services["user"], project.services["db"]
    assert (lb.build.context, lb.build.dockerfile) == ("/srv/app/lb", "Other")
    assert lb.links == ("db", "user:account") and set(lb.depends_on) == {"db", "user"}
    assert (user.restart, user.ports[0].target, user.volumes_from) == ("always", 3000, ("gems",))
    assert (db.network_mode, db.logging.driver) == ("service:gems", "none")
    assert project.volumes["cache"].name == "cache"


def test_a_file_that_only_looks_old_is_not():
    with pytest.raises(InvalidArgument, match='unknown key "servces", did you mean "services"'):
        load_text("servces:\n  web: {image: x}\n")
