"""Which references there are stand-ins for, and where Debian's packages come from."""

from importlib import resources

import pytest

from shoal.dockerfile.parser import parse
from shoal.dockerfile.stages import plan_build
from shoal.errors import InvalidArgument
from shoal.stand_ins import VERSION_FILE, find_recipe, require_recipe
from shoal.stand_ins.recipes import RECIPES, Recipe
from shoal.stand_ins.sources import debian_sources


def _targets(recipe: Recipe) -> tuple[str, ...]:
    return ("plain", "alpine") if recipe.target == "plain" else (recipe.target,)


@pytest.mark.parametrize(
    ("reference", "recipe", "target"),
    [
        ("debian:bookworm-slim", "debian", ""),
        ("debian", "debian", ""),
        ("debian:12.5", "debian", ""),
        ("python:alpine", "python", "alpine"),
        ("python:3.6-alpine", "python", "alpine"),
        ("docker.io/library/python:3", "python", "plain"),
        ("redis:alpine", "redis", "alpine"),
        ("nginx", "nginx", "plain"),
        ("rabbitmq:3", "rabbitmq", "server"),
        ("rabbitmq:management", "rabbitmq", "management"),
        ("rabbitmq:3.8-management-alpine", "rabbitmq", "management"),
        ("fauria/vsftpd", "vsftpd", ""),
        ("postgres:15", "postgres", "plain"),
        ("postgres:16-alpine", "postgres", "alpine"),
        ("wordpress:6.1-php8.2-apache", "wordpress", ""),
        ("busybox", "busybox", ""),
        ("alpine:3.20", "busybox", ""),
    ],
)
def test_recipes(reference: str, recipe: str, target: str):
    found = find_recipe(reference)
    assert found is not None
    assert (found.name, found.target) == (recipe, target)


@pytest.mark.parametrize(
    "reference",
    [
        "debian:bullseye",
        "debian:120",
        "me/redis",
        "ghcr.io/library/redis",
        f"redis@sha256:{'0' * 64}",
        "me/postgres",
        "wordpress:cli",
        "wordpress:6-fpm",
    ],
)
def test_no_recipe(reference: str):
    assert find_recipe(reference) is None
    with pytest.raises(InvalidArgument, match="no recipe for a stand-in"):
        require_recipe(reference)


@pytest.mark.parametrize(
    ("name", "target"), sorted({(r.name, target) for r in RECIPES if r.name != "debian" for target in _targets(r)})
)
def test_every_recipe_is_a_right_dockerfile_that_tells_its_version(name: str, target: str):
    folder = resources.files("shoal.stand_ins").joinpath(name)
    text = folder.joinpath("Dockerfile").read_text()
    assert VERSION_FILE in text
    assert plan_build(parse(text), target=target, build_args={"SOURCE": "host"}).target


DEB822 = """# comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://other.example
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def test_the_hosts_sources_in_both_formats():
    wanted = [
        "deb http://mirror.example/debian bookworm main",
        "deb http://mirror.example/debian bookworm-updates main",
        "deb http://mirror.example/debian-security bookworm-security main",
    ]
    assert debian_sources([DEB822], "bookworm") == wanted
    one_line = (
        "deb [arch=amd64 signed-by=/k] http://a/debian bookworm main non-free # why\n#deb http://b bookworm main\n"
    )
    assert debian_sources([one_line], "bookworm") == ["deb http://a/debian bookworm main"]


@pytest.mark.parametrize(
    "text", ["", "deb http://archive.ubuntu.com/ubuntu noble main", "deb http://x/debian trixie main"]
)
def test_a_host_that_is_another_system_gets_the_default_mirror(text: str):
    assert debian_sources([text], "bookworm") == ["deb http://deb.debian.org/debian bookworm main"]
