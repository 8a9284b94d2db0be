from itertools import count

import pytest

from shoal.errors import InvalidArgument
from shoal.model.mount import BindOptions, Mount, MountPoint, MountType, TmpfsOptions, VolumeOptions
from shoal.oci.mount_points import parse_bind, plan_mounts
from tests.support.containers import spec_of


def plan(**fields: object) -> dict[str, MountPoint]:
    names = (f"anon{n}" for n in count())
    borrowed = fields.pop("borrowed", ())
    return {p.destination: p for p in plan_mounts(spec_of(**fields), borrowed, lambda: next(names))}  # type: ignore[arg-type]


def test_bind() -> None:
    point = parse_bind("/src:/dst/:ro,rslave")
    assert (point.type, point.source, point.destination) == (MountType.BIND, "/src", "/dst")
    assert (point.read_write, point.propagation, point.mode) == (False, "rslave", "ro,rslave")
    assert point.create_source


def test_named_volume() -> None:
    point = parse_bind("data:/var/lib:nocopy")
    assert (point.type, point.name, point.no_copy, point.mode) == (MountType.VOLUME, "data", True, "nocopy")
    assert parse_bind("data:/x").mode == "z"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"),
        ("/a:b", "invalid mount path: 'b' mount path must be absolute"),
        ("/a:/", "destination can't be '/'"),
        ("/a:/b:sideways", "invalid mode: sideways"),
        ("/a:/b:ro,rw", "invalid mode"),
        ("/a:/b:nocopy", "invalid mode"),
        ("v:/b:rshared", "invalid mode"),
        (":/b", "invalid volume specification"),
    ],
)
def test_bad_binds(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words.replace("(", r"\(")):
        parse_bind(text)


def test_all_sorts_at_once() -> None:
    points = plan(
        binds=("/src:/bind", "vol:/vol"),
        mounts=(
            Mount(type=MountType.TMPFS, target="/tmpfs", tmpfs=TmpfsOptions(size_bytes=1024, mode=0o700)),
            Mount(type=MountType.VOLUME, target="/anonymous"),
            Mount(type=MountType.VOLUME, source="sub", target="/sub", volume=VolumeOptions(subpath="a/b")),
            Mount(type=MountType.BIND, source="/s", target="/ro", read_only=True, bind=BindOptions(non_recursive=True)),
        ),
        tmpfs={"/run": "size=64k,exec"},
        volumes=("/image", "/vol"),
    )
    assert points["/tmpfs"].tmpfs_options == ("noexec", "nosuid", "nodev", "size=1024", "mode=700")
    assert points["/run"].tmpfs_options == ("nosuid", "nodev", "size=64k")
    assert not points["/run"].from_spec and points["/tmpfs"].from_spec
    assert points["/anonymous"].anonymous and points["/anonymous"].name == "anon0"
    assert points["/sub"].subpath == "a/b" and not points["/sub"].anonymous
    assert not points["/ro"].recursive_read_only and not points["/ro"].read_write
    assert points["/image"].anonymous and not points["/vol"].anonymous
    assert list(points) == sorted(points)


def test_two_for_one_place() -> None:
    with pytest.raises(InvalidArgument, match="Duplicate mount point: /x"):
        plan(binds=("/a:/x", "/b:/x/"))


def test_borrowed_mounts_can_be_made_read_only_and_replaced() -> None:
    borrowed = ((list(plan(binds=("a:/a", "b:/b")).values()), "ro"),)
    points = plan(borrowed=borrowed, binds=("mine:/b",))
    assert not points["/a"].read_write
    assert points["/b"].name == "mine" and points["/b"].read_write
