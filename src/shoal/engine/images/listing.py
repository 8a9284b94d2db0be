"""Which images a list shows."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from shoal.model.filters import check_filters, match_labels, parse_flag
from shoal.model.image import Image
from shoal.oci.reference import parse_reference
from shoal.wire.times import parse_moment

FILTERS = ("dangling", "label", "label!", "reference", "before", "since", "until")
PRUNE_FILTERS = ("dangling", "label", "label!", "until")


def select_images(
    images: Sequence[Image],
    filters: Mapping[str, Sequence[str]],
    resolve: Callable[[str], Image],
    *,
    now_ns: int,
    intermediate: bool = False,
) -> list[Image]:
    """The images that match every filter, newest first; of their tags only those that a reference filter names.

    intermediate: also those without a name that others were built on
    Raises: InvalidArgument for an unknown filter, NotFound for a reference in `before` or `since`
    """
    check_filters(filters, FILTERS)
    wanted = [*_tests(filters, resolve, now_ns)]
    parents = {image.parent for image in images if image.parent}
    found = [
        image
        for image in images
        if (intermediate or not (image.is_dangling and image.id in parents)) and all(test(image) for test in wanted)
    ]
    patterns = filters.get("reference", ())
    if patterns:
        found = [shown for image in found if (shown := _with_references(image, patterns)) is not None]
    return sorted(found, key=lambda image: image.created_at, reverse=True)


def _tests(
    filters: Mapping[str, Sequence[str]], resolve: Callable[[str], Image], now_ns: int
) -> list[Callable[[Image], bool]]:
    tests: list[Callable[[Image], bool]] = []
    dangling = parse_flag("dangling", filters.get("dangling", ()))
    if dangling is not None:
        tests.append(lambda image: image.is_dangling == dangling)
    if befores := [resolve(name).created_at for name in filters.get("before", ())]:
        tests.append(lambda image: image.created_at < min(befores))
    if sinces := [resolve(name).created_at for name in filters.get("since", ())]:
        tests.append(lambda image: image.created_at > max(sinces))
    return [*tests, *label_and_time_tests(filters, now_ns)]


def label_and_time_tests(filters: Mapping[str, Sequence[str]], now_ns: int) -> list[Callable[[Image], bool]]:
    """The tests of `label`, `label!` and `until`."""
    tests: list[Callable[[Image], bool]] = []
    if labels := filters.get("label", ()):
        tests.append(lambda image: match_labels(image.config.labels, labels))
    for text in filters.get("label!", ()):
        tests.append(lambda image, text=text: not match_labels(image.config.labels, [text]))  # type: ignore[misc]
    if untils := filters.get("until", ()):
        at = min(parse_moment(text, now_ns) for text in untils)
        tests.append(lambda image: image.created_at < at)
    return tests


def _with_references(image: Image, patterns: Sequence[str]) -> Image | None:
    tags = tuple(tag for tag in image.repo_tags if _matches(tag, patterns))
    repositories = {parse_reference(tag).name for tag in tags}
    digests = tuple(
        digest
        for digest in image.repo_digests
        if parse_reference(digest).name in repositories or _matches(digest, patterns)
    )
    return replace(image, repo_tags=tags, repo_digests=digests) if tags or digests else None


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """As Go's path.Match on the familiar reference, then on its name."""
    familiar_name = parse_reference(name).familiar_name
    return any(_glob(p).fullmatch(text) for p in patterns for text in (name, familiar_name))


@lru_cache(maxsize=64)
def _glob(pattern: str) -> re.Pattern[str]:
    parts = []
    for token in re.findall(r"\*|\?|\[\^?[^\]]*\]|\\.|.", pattern):
        if token == "*":
            parts.append("[^/]*")
        elif token == "?":
            parts.append("[^/]")
        elif token.startswith("[") and len(token) > 2:
            parts.append(token)
        else:
            parts.append(re.escape(token.removeprefix("\\")))
    try:
        return re.compile("".join(parts))
    except re.error:
        return re.compile(re.escape(pattern))
