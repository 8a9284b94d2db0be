"""`shoal image ls`: docker's table of images."""

from __future__ import annotations

import time

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, filter_flag, switch
from shoal.cli.listing import Listing, parse_filters, print_list
from shoal.cli.units import ago_text, go_time_text, short_id, size_text, size_text4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

_NONE = "<none>"


class ImageRow:
    """One line of the list: an image under one of its names."""

    __slots__ = ("digest", "image", "repository", "tag")

    def __init__(self, image: Mapping[str, Any], repository: str, tag: str, digest: str) -> None:
        self.image = image
        self.repository = repository
        self.tag = tag
        self.digest = digest


def image_rows(images: Iterable[Mapping[str, Any]], *, has_digests: bool = False) -> Iterator[ImageRow]:
    """A row for each name of each image; one of "<none>" for an image without."""
    for image in images:
        tags = [tag for tag in image.get("RepoTags") or () if tag != f"{_NONE}:{_NONE}"]
        digests = {name: digest for name, _, digest in (text.partition("@") for text in image.get("RepoDigests") or ())}
        digests.pop(_NONE, None)
        named = set()
        for reference in tags:
            repository, _, tag = reference.rpartition(":")
            named.add(repository)
            yield ImageRow(image, repository, tag, digests.get(repository, _NONE))
        rest = [(name, digest) for name, digest in digests.items() if name not in named]
        for repository, digest in rest:
            yield ImageRow(image, repository, _NONE, digest if has_digests else _NONE)
        if not tags and not rest:
            yield ImageRow(image, _NONE, _NONE, _NONE)


def image_listing(now_s: float, *, is_truncated: bool = True) -> Listing:
    """How rows of images are listed."""
    fields = {
        "Containers": lambda row: "N/A" if row.image.get("Containers", -1) < 0 else str(row.image["Containers"]),
        "CreatedAt": lambda row: go_time_text(row.image["Created"]),
        "CreatedSince": lambda row: ago_text(row.image["Created"], now_s) if row.image.get("Created", 0) > 0 else "N/A",
        "Digest": lambda row: row.digest,
        "ID": lambda row: short_id(row.image["Id"]) if is_truncated else row.image["Id"],
        "Repository": lambda row: row.repository,
        "SharedSize": lambda row: _known_size(row.image.get("SharedSize", -1)),
        "Size": lambda row: size_text(row.image["Size"]),
        "Tag": lambda row: row.tag,
        "UniqueSize": lambda row: _unique_size(row.image),
        "VirtualSize": lambda row: size_text4(row.image["Size"]),
    }
    headings = {
        "CreatedAt": "CREATED AT",
        "CreatedSince": "CREATED",
        "ID": "IMAGE ID",
        "SharedSize": "SHARED SIZE",
        "UniqueSize": "UNIQUE SIZE",
    }
    columns = ("Repository", "Tag", "ID", "CreatedSince", "Size")
    return Listing(fields, columns, headings=headings, quiet="ID")


def _known_size(size_bytes: int) -> str:
    return "N/A" if size_bytes < 0 else size_text4(size_bytes)


def _unique_size(image: Mapping[str, Any]) -> str:
    shared = image.get("SharedSize", -1)
    return "N/A" if shared < 0 else size_text4(image["Size"] - shared)


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    filters = parse_filters(options.list("filter"))
    if arguments:
        filters.setdefault("reference", []).append(arguments[0])
    images = context.api.images.list(all=options.flag("all"), filters=filters)
    has_digests = options.flag("digests")
    rows = image_rows(images, has_digests=has_digests or options.is_given("format"))
    listing = image_listing(time.time(), is_truncated=not options.flag("no-trunc"))
    columns = ("Repository", "Tag", "Digest", "ID", "CreatedSince", "Size") if has_digests else ()
    shown = _one_each(rows) if options.flag("quiet") else list(rows)
    print_list(
        context, listing, shown, template=options.text("format"), is_quiet=options.flag("quiet"), columns=columns
    )
    return 0


def _one_each(rows: Iterable[ImageRow]) -> list[ImageRow]:
    return list({str(row.image["Id"]): row for row in rows}.values())


LS = Command(
    "[OPTIONS] [REPOSITORY[:TAG]]",
    _run,
    (
        switch("all", "a", "Show all images (default hides intermediate images)"),
        switch("digests", "", "Show digests"),
        filter_flag("f", "Filter output based on conditions provided"),
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("no-trunc", "", "Don't truncate output"),
        switch("quiet", "q", "Only show image IDs"),
    ),
    arguments=(0, 1),
)
