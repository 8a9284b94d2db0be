"""Which entries of the build cache a prune takes."""

import pytest

from shoal.engine.builds.pruning import choose_entries
from shoal.errors import InvalidArgument
from shoal.model.build import BuildCacheEntry

HOUR_NS = 3600 * 10**9
NOW = 100 * HOUR_NS


def entry(
    id: str, *, hours_ago: int = 0, size: int = 10, kind: str = "regular", shared: bool = False
) -> BuildCacheEntry:
    return BuildCacheEntry(
        id=id,
        kind=kind,
        description=f"RUN {id}",
        size_bytes=size,
        created_at=NOW - hours_ago * HOUR_NS,
        used_at=0,
        use_count=0,
        shared=shared,
    )


ENTRIES = [
    entry("new"),
    entry("old", hours_ago=50),
    entry("image", hours_ago=90, shared=True),
    entry("mount", hours_ago=10, kind="exec.cachemount"),
]


def chosen(filters: dict[str, list[str]] | None = None, *, everything: bool = False, keep_bytes: int = 0):
    return choose_entries(ENTRIES, filters or {}, everything=everything, keep_bytes=keep_bytes, now_ns=NOW)


def test_what_images_have_stays_unless_everything_goes():
    assert [e.id for e in chosen().entries] == ["old", "mount", "new"]
    assert chosen().reclaimed_bytes == 30
    assert [e.id for e in chosen(everything=True).entries] == ["image", "old", "mount", "new"]
    assert chosen(everything=True).reclaimed_bytes == 30


def test_the_oldest_go_until_the_rest_is_small_enough():
    assert [e.id for e in chosen(keep_bytes=25).entries] == ["old", "mount"]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"until": ["24h"]}, ["old"]),
        ({"type": ["exec.cachemount"]}, ["mount"]),
        ({"id": ["ol", "ne"]}, ["old", "new"]),
        ({"description": ["mount"]}, ["mount"]),
    ],
)
def test_filters(filters: dict[str, list[str]], ids: list[str]):
    assert [e.id for e in chosen(filters).entries] == ids


def test_labels_of_a_system_prune_leave_all_of_it():
    """`docker system prune --filter label=x` gives every noun the same filters."""
    assert chosen({"label": ["x"]}, everything=True).entries == ()
    assert len(chosen({"label!": ["x"]}, everything=True).entries) == len(ENTRIES)


def test_unknown_filters_are_refused():
    with pytest.raises(InvalidArgument, match="invalid filter 'colour'"):
        chosen({"colour": ["red"]})
