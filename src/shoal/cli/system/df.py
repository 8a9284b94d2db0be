"""`shoal system df`."""

from __future__ import annotations

import time

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.listing import Listing, print_list, table_text
from shoal.cli.units import ago_text, size_text, size_text4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class UsageRow:
    """Disk usage of one kind of object."""

    __slots__ = ("active", "kind", "reclaimable_bytes", "size_bytes", "total")

    def __init__(self, kind: str, total: int, active: int, size_bytes: int, reclaimable_bytes: int) -> None:
        self.kind = kind
        self.total = total
        self.active = active
        self.size_bytes = size_bytes
        self.reclaimable_bytes = reclaimable_bytes

    @property
    def reclaimable_text(self) -> str:
        """ "12MB (40%)"; of the build cache, as docker's, without the share."""
        text = size_text4(self.reclaimable_bytes)
        has_share = self.size_bytes > 0 and self.kind != "Build Cache"
        return f"{text} ({self.reclaimable_bytes * 100 // self.size_bytes}%)" if has_share else text


def usage_rows(usage: dict[str, Any]) -> list[UsageRow]:
    """A row for images, containers, volumes and build cache. Reclaimable is what nothing that runs or is named uses."""
    images, containers = usage.get("Images") or [], usage.get("Containers") or []
    volumes, caches = usage.get("Volumes") or [], usage.get("BuildCache") or []
    used_images = [image for image in images if image.get("Containers", 0) > 0]
    used_bytes = sum(max(image["Size"] - max(image.get("SharedSize", 0), 0), 0) for image in used_images)
    layers_bytes = usage.get("LayersSize") or 0
    running = [item for item in containers if item.get("State") in ("running", "paused", "restarting")]
    container_bytes = sum(item.get("SizeRw") or 0 for item in containers)
    used_volumes = [volume for volume in volumes if (volume.get("UsageData") or {}).get("RefCount", 0) > 0]
    cache_bytes = sum(cache["Size"] for cache in caches if not cache.get("Shared"))
    return [
        UsageRow("Images", len(images), len(used_images), layers_bytes, max(layers_bytes - used_bytes, 0)),
        UsageRow(
            "Containers",
            len(containers),
            len(running),
            container_bytes,
            container_bytes - sum(item.get("SizeRw") or 0 for item in running),
        ),
        UsageRow(
            "Local Volumes",
            len(volumes),
            len(used_volumes),
            _volume_bytes(volumes),
            _volume_bytes(volumes) - _volume_bytes(used_volumes),
        ),
        UsageRow(
            "Build Cache",
            len(caches),
            sum(bool(cache.get("InUse")) for cache in caches),
            cache_bytes,
            sum(cache["Size"] for cache in caches if not cache.get("InUse") and not cache.get("Shared")),
        ),
    ]


def _volume_bytes(volumes: list[dict[str, Any]]) -> int:
    return sum(max((volume.get("UsageData") or {}).get("Size", 0), 0) for volume in volumes)


LISTING = Listing(
    {
        "Active": lambda row: str(row.active),
        "Reclaimable": lambda row: row.reclaimable_text,
        "Size": lambda row: size_text4(row.size_bytes),
        "TotalCount": lambda row: str(row.total),
        "Type": lambda row: row.kind,
    },
    ("Type", "TotalCount", "Active", "Size", "Reclaimable"),
    headings={"TotalCount": "TOTAL"},
)


def _verbose_text(usage: dict[str, Any], now_s: float) -> str:
    from shoal.cli.container.ls import container_listing
    from shoal.cli.image.ls import image_listing, image_rows

    image_columns = ("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers")
    container_columns = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
    volumes = [["VOLUME NAME", "LINKS", "SIZE"]]
    for volume in usage.get("Volumes") or []:
        data = volume.get("UsageData") or {}
        volumes.append([volume["Name"], str(data.get("RefCount", 0)), size_text4(max(data.get("Size", 0), 0))])
    caches = [["CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"]]
    caches += [_cache_row(cache, now_s) for cache in usage.get("BuildCache") or []]
    rows = image_rows(usage.get("Images") or [])
    containers = [item | {"SizeRootFs": 0} for item in usage.get("Containers") or []]  # the image's part is shown above
    parts = [
        "Images space usage:\n\n" + image_listing(now_s).table(rows, image_columns),
        "Containers space usage:\n\n" + container_listing(now_s).table(containers, container_columns),
        "Local Volumes space usage:\n\n" + table_text(volumes),
        f"Build cache usage: {size_text4(sum(cache['Size'] for cache in usage.get('BuildCache') or []))}\n\n"
        + table_text(caches),
    ]
    return "\n".join(parts)


def _verbose_values(usage: dict[str, Any], now_s: float) -> dict[str, list[dict[str, Any]]]:
    """What templates of the verbose form see: lists of images, containers, volumes and build cache."""
    from shoal.cli.container.ls import container_listing
    from shoal.cli.image.ls import image_listing, image_rows
    from shoal.cli.volume.commands import volume_listing

    kinds = (
        ("Images", image_listing(now_s, is_truncated=False), list(image_rows(usage.get("Images") or []))),
        ("Containers", container_listing(now_s, is_truncated=False), usage.get("Containers") or []),
        ("Volumes", volume_listing(), usage.get("Volumes") or []),
    )
    found = {name: [_without_methods(listing.values(item)) for item in items] for name, listing, items in kinds}
    names = ("ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared")
    caches = usage.get("BuildCache") or []
    return found | {"BuildCache": [dict(zip(names, _cache_row(cache, now_s), strict=True)) for cache in caches]}


def _without_methods(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not callable(value)}


def _formatted(usage: dict[str, Any], template: str) -> str:
    """The verbose form through a template, once for everything."""
    from shoal.cli.gotemplate import compile_template

    text = "{{json .}}" if template == "json" else template.replace("\\t", "\t").replace("\\n", "\n")
    return compile_template(text).render(_verbose_values(usage, time.time())) + "\n"


def _cache_row(cache: dict[str, Any], now_s: float) -> list[str]:
    from shoal.cli.units import parse_time_s

    created, used = (parse_time_s(str(cache.get(key) or "")) for key in ("CreatedAt", "LastUsedAt"))
    return [
        str(cache["ID"])[:12],
        str(cache.get("Type", "")),
        size_text(cache["Size"]),
        ago_text(created, now_s) if created else "",
        ago_text(used, now_s) if used else "",
        str(cache.get("UsageCount", 0)),
        str(bool(cache.get("Shared"))).lower(),
    ]


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    usage = context.api.system.disk_usage()
    template = options.text("format")
    if options.flag("verbose"):
        is_table = template in ("", "table")
        context.stdout.write(_verbose_text(usage, time.time()) if is_table else _formatted(usage, template))
    else:
        print_list(context, LISTING, usage_rows(usage), template=template)
    return 0


DF = Command(
    "[OPTIONS]",
    _run,
    (
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("verbose", "v", "Show detailed information on space usage"),
    ),
    arguments=(0, 0),
)
