import pytest

from shoal.errors import InvalidArgument
from shoal.model.health import Healthcheck
from shoal.model.image import ImageConfig
from shoal.oci.image_defaults import argv_of, merge_image
from tests.support.containers import spec_of

IMAGE = ImageConfig(
    env=("PATH=/bin", "LANG=C"),
    cmd=("serve",),
    entrypoint=("/entry",),
    workdir="/srv",
    user="www",
    labels={"a": "image", "b": "image"},
    volumes=("/data",),
    exposed_ports=("80/tcp",),
    stop_signal="SIGQUIT",
    healthcheck=Healthcheck(test=("CMD", "ok"), interval_ns=5, retries=9),
)


def test_everything_comes_from_the_image_when_nothing_is_said() -> None:
    merged = merge_image(spec_of(), IMAGE)
    assert argv_of(merged) == ("/entry", "serve")
    assert (merged.user, merged.workdir, merged.stop_signal) == ("www", "/srv", "SIGQUIT")
    assert merged.env == IMAGE.env and merged.volumes == ("/data",) and merged.exposed_ports == ("80/tcp",)


def test_what_is_said_wins() -> None:
    merged = merge_image(
        spec_of(env=("LANG=de",), labels={"a": "mine"}, exposed_ports=("443/tcp",), volumes=("/x",), user="0"), IMAGE
    )
    assert merged.env == ("LANG=de", "PATH=/bin")
    assert merged.labels == {"a": "mine", "b": "image"}
    assert merged.exposed_ports == ("443/tcp", "80/tcp")
    assert merged.volumes == ("/x", "/data")
    assert merged.user == "0"


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "argv"),
    [
        (None, ("x",), ("/entry", "x")),
        (("/mine",), None, ("/mine",)),
        (("/mine",), ("x",), ("/mine", "x")),
        (("",), ("x",), ("x",)),
        ((), ("x",), ("x",)),
        ((), None, ("serve",)),
    ],
)
def test_entrypoint_and_command(
    entrypoint: tuple[str, ...] | None, cmd: tuple[str, ...] | None, argv: tuple[str, ...]
) -> None:
    assert argv_of(merge_image(spec_of(entrypoint=entrypoint, cmd=cmd), IMAGE)) == argv


def test_nothing_to_run() -> None:
    with pytest.raises(InvalidArgument, match="no command specified"):
        merge_image(spec_of(entrypoint=("",)), IMAGE)


def test_health_checks_are_merged_field_by_field() -> None:
    merged = merge_image(spec_of(healthcheck=Healthcheck(interval_ns=7)), IMAGE).healthcheck
    assert merged == Healthcheck(test=("CMD", "ok"), interval_ns=7, retries=9)
