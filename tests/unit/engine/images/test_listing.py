"""Patterns of the reference filter, as Go's path.Match."""

import pytest

from shoal.engine.images.listing import select_images
from shoal.errors import InvalidArgument
from shoal.model.image import Image, ImageConfig


def image(number: int, *tags: str, parent: int = 0, **labels: str) -> Image:
    return Image(
        id=f"sha256:{number:064x}",
        manifest="",
        manifest_type="",
        manifest_bytes=0,
        repo_tags=tags,
        parent=f"sha256:{parent:064x}" if parent else "",
        created_at=number,
        config=ImageConfig(labels=labels),
    )


IMAGES = [image(1, "redis:7"), image(2, "me/redis:7", "redis:8"), image(3, parent=1), image(4, parent=3, tier="x")]


def ids(**filters: list[str]) -> list[int]:
    wanted = {key.replace("_not", "!"): values for key, values in filters.items()}
    found = select_images(IMAGES, wanted, lambda name: IMAGES[0], now_ns=10**18)
    return [found.created_at for found in found]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("redis", [2, 1]),
        ("redis:*", [2, 1]),
        ("*", [2, 1]),
        ("*/*", [2]),
        ("me/red?s", [2]),
        ("redis:[78]", [2, 1]),
        ("redis:[^7]", [2]),
        ("r*:9", []),
        ("docker.io/redis", []),
    ],
)
def test_reference_patterns(pattern: str, found: list[int]) -> None:
    assert ids(reference=[pattern]) == found


def test_only_matching_tags_are_shown() -> None:
    (shown,) = select_images(IMAGES, {"reference": ["me/*"]}, lambda name: IMAGES[0], now_ns=0)
    assert shown.repo_tags == ("me/redis:7",)


def test_images_between_others_are_hidden_unless_asked_for() -> None:
    assert ids() == [4, 2, 1]
    everything = select_images(IMAGES, {}, lambda name: IMAGES[0], now_ns=0, intermediate=True)
    assert len(everything) == 4


def test_labels_and_times() -> None:
    assert ids(label=["tier=x"]) == [4]
    assert ids(label_not=["tier"]) == [2, 1]
    assert ids(since=["redis:7"]) == [4, 2]
    assert ids(before=["redis:7"]) == []
    assert ids(until=["1s"]) == [4, 2, 1]
    assert ids(until=["0.000000002"]) == [1]
    with pytest.raises(InvalidArgument):
        ids(until=["soon"])
    with pytest.raises(InvalidArgument, match="invalid filter 'dangling=maybe'"):
        ids(dangling=["maybe"])
