"""Volumes of services in every spelling."""

import pytest

from shoal.compose.parts import Mount
from shoal.errors import InvalidArgument
from tests.support.compose_projects import project_of

FILE = "services:\n  a:\n    image: x\n    volumes:\n      - {}\nvolumes:\n  data:\n"


def mount(entry: str) -> Mount:
    return (
        project_of(FILE.format(entry) if "{}" not in entry else FILE.replace("{}", entry, 1)).services["a"].volumes[0]
    )


@pytest.mark.parametrize(
    ("entry", "kind", "source", "target", "extra"),
    [
        ("./rel:/x", "bind", "/srv/app/rel", "/x", {}),
        ("./.:/app", "bind", "/srv/app", "/app", {}),
        ("/abs:/x:ro", "bind", "/abs", "/x", {"read_only": True}),
        ("~/foo:/z", "bind", "/home/me/foo", "/z", {}),
        ("/:/host:ro,rslave", "bind", "/", "/host", {"read_only": True, "propagation": "rslave"}),
        ("/var/run:/var/run:rw", "bind", "/var/run", "/var/run", {}),
        ("./c:/c:ro,Z", "bind", "/srv/app/c", "/c", {"read_only": True, "selinux": "Z"}),
        ("./c:/c:z", "bind", "/srv/app/c", "/c", {"selinux": "z"}),
        ("data:/d", "volume", "data", "/d", {}),
        ("data:/d:nocopy", "volume", "data", "/d", {"nocopy": True}),
        ("/anon", "volume", "", "/anon", {}),
        ("./c:/c:cached", "bind", "/srv/app/c", "/c", {"consistency": "cached"}),
        ("../up:/x", "bind", "/srv/up", "/x", {}),
        ("{type: bind, source: ./x, target: /y}", "bind", "/srv/app/x", "/y", {}),
        (
            "{type: bind, source: ./x, target: /y, bind: {create_host_path: false}}",
            "bind",
            "/srv/app/x",
            "/y",
            {"create_host_path": False},
        ),
        (
            "{type: volume, source: data, target: /y, volume: {subpath: s}, read_only: 'true'}",
            "volume",
            "data",
            "/y",
            {"subpath": "s", "read_only": True},
        ),
        (
            "{type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 01777}}",
            "tmpfs",
            "",
            "/t",
            {"tmpfs_size_bytes": 10 << 20, "tmpfs_mode": 0o1777},
        ),
        ("{type: image, source: redis, target: /i}", "image", "redis", "/i", {}),
        ("{type: volume, target: /a}", "volume", "", "/a", {}),
    ],
)
def test_forms(entry: str, kind: str, source: str, target: str, extra: dict[str, object]):
    assert mount(entry) == Mount(type=kind, source=source, target=target, **extra)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("'a:b:c:d'", "too many colons"),
        ("':/x'", "empty section between colons"),
        ("'./a:x'", "must be absolute"),
        ("'data:/x:rq'", 'unknown option "rq"'),
        ("'rel'", "must be absolute"),
        ("{type: bind, target: /x}", "a bind needs a source"),
        ("{type: volume, source: data}", "a mount needs a target"),
        ("{source: data, target: /x}", '"type" is required'),
        ("{type: bnd, source: ., target: /x}", 'did you mean "bind"?'),
        ("5", "expected a string or a mapping, got a number"),
        ("{type: tmpfs, target: /x, tmpfs: {size: big}}", 'invalid size: "big"'),
    ],
)
def test_errors(entry: str, message: str):
    with pytest.raises(InvalidArgument) as error:
        mount(entry)
    assert str(error.value).startswith("compose.yaml:5:")
    assert message in str(error.value)
