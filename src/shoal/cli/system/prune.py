"""All prunes: containers, images, networks, volumes, build cache, and everything at once."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, filter_flag, switch
from shoal.cli.listing import parse_filters
from shoal.cli.units import size_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Filters = dict[str, list[str]]

_FORCE = switch("force", "f", "Do not prompt for confirmation")
_FILTER = filter_flag("", 'Provide filter values (e.g. "until=24h")')


def confirm(context: Context, question: str) -> bool:
    """Whether the user says yes; no without a line of input. A no is no failure: the status stays 0, as docker's."""
    context.write(f"{question} [y/N] ")
    return context.stdin.readline().decode(errors="replace").strip().lower() in ("y", "yes")


def _ask(context: Context, options: Options, warning: str) -> bool:
    return options.flag("force") or confirm(context, f"WARNING! {warning}\nAre you sure you want to continue?")


def _say(context: Context, heading: str, lines: list[str]) -> None:
    if lines:
        context.print(heading)
        context.stdout.write("".join(f"{line}\n" for line in lines) + "\n")


def _prune_containers(context: Context, filters: Filters) -> int:
    answer = context.api.containers.prune(filters)
    _say(context, "Deleted Containers:", answer.get("ContainersDeleted") or [])
    return int(answer.get("SpaceReclaimed") or 0)


def _prune_networks(context: Context, filters: Filters) -> int:
    _say(context, "Deleted Networks:", context.api.networks.prune(filters).get("NetworksDeleted") or [])
    return 0


def _prune_volumes(context: Context, filters: Filters) -> int:
    answer = context.api.volumes.prune(filters)
    _say(context, "Deleted Volumes:", answer.get("VolumesDeleted") or [])
    return int(answer.get("SpaceReclaimed") or 0)


def _prune_images(context: Context, filters: Filters, *, has_all: bool) -> int:
    answer = context.api.images.prune({**filters, "dangling": ["false" if has_all else "true"]})
    deleted = answer.get("ImagesDeleted") or []
    lines = [
        f"untagged: {item['Untagged']}" if item.get("Untagged") else f"deleted: {item['Deleted']}" for item in deleted
    ]
    _say(context, "Deleted Images:", lines)
    return int(answer.get("SpaceReclaimed") or 0)


def _prune_builds(context: Context, filters: Filters, *, has_all: bool, keep_bytes: int = 0) -> int:
    query: dict[str, Any] = {"all": has_all or None, "filters": filters or None, "keep-storage": keep_bytes or None}
    answer = context.api.builds.prune(query)
    _say(context, "Deleted build cache objects:", answer.get("CachesDeleted") or [])
    return int(answer.get("SpaceReclaimed") or 0)


def _total(context: Context, freed_bytes: int) -> int:
    context.print(f"Total reclaimed space: {size_text(freed_bytes)}")
    return 0


def _run_containers(context: Context, options: Options, arguments: list[str]) -> int:
    if not _ask(context, options, "This will remove all stopped containers."):
        return 0
    return _total(context, _prune_containers(context, parse_filters(options.list("filter"))))


def _run_images(context: Context, options: Options, arguments: list[str]) -> int:
    has_all = options.flag("all")
    what = "all images without at least one container associated to them." if has_all else "all dangling images."
    if not _ask(context, options, f"This will remove {what}"):
        return 0
    return _total(context, _prune_images(context, parse_filters(options.list("filter")), has_all=has_all))


def _run_networks(context: Context, options: Options, arguments: list[str]) -> int:
    if not _ask(context, options, "This will remove all custom networks not used by at least one container."):
        return 0
    _prune_networks(context, parse_filters(options.list("filter")))
    return 0


def _run_volumes(context: Context, options: Options, arguments: list[str]) -> int:
    has_all = options.flag("all")
    what = "all local volumes" if has_all else "anonymous local volumes"
    if not _ask(context, options, f"This will remove {what} not used by at least one container."):
        return 0
    filters = parse_filters(options.list("filter"))
    if has_all:
        if "all" in filters:
            raise PlainError("conflicting options: cannot specify both --all and --filter all=1")
        filters["all"] = ["true"]
    return _total(context, _prune_volumes(context, filters))


def _run_builder(context: Context, options: Options, arguments: list[str]) -> int:
    has_all = options.flag("all")
    what = "all build cache." if has_all else "all dangling build cache."
    if not _ask(context, options, f"This will remove {what}"):
        return 0
    filters = parse_filters(options.list("filter"))
    return _total(context, _prune_builds(context, filters, has_all=has_all, keep_bytes=options.number("keep-storage")))


def _run_system(context: Context, options: Options, arguments: list[str]) -> int:
    has_all, has_volumes = options.flag("all"), options.flag("volumes")
    filters = parse_filters(options.list("filter"))
    if has_volumes and "until" in filters:
        raise PlainError('the "until" filter is not supported with "--volumes"')
    if not options.flag("force") and not confirm(context, _system_warning(has_all, has_volumes, filters)):
        return 0
    freed = _prune_containers(context, filters)
    _prune_networks(context, filters)
    if has_volumes:
        freed += _prune_volumes(context, filters)
    freed += _prune_images(context, filters, has_all=has_all)
    freed += _prune_builds(context, {key: value for key, value in filters.items() if key == "until"}, has_all=has_all)
    return _total(context, freed)


def _system_warning(has_all: bool, has_volumes: bool, filters: Filters) -> str:
    parts = [
        "all stopped containers",
        "all networks not used by at least one container",
        *(["all anonymous volumes not used by at least one container"] if has_volumes else []),
        "all images without at least one container associated to them" if has_all else "all dangling images",
        "all build cache" if has_all else "unused build cache",
    ]
    lines = ["WARNING! This will remove:", *(f"  - {part}" for part in parts)]
    if filters:
        lines += ["", "  Items to be pruned will be filtered with:"]
        lines += [f"  - {key}={value}" for key, values in filters.items() for value in values]
    return "\n".join([*lines, "", "Are you sure you want to continue?"])


CONTAINER_PRUNE = Command("[OPTIONS]", _run_containers, (_FILTER, _FORCE), arguments=(0, 0))
NETWORK_PRUNE = Command("[OPTIONS]", _run_networks, (_FILTER, _FORCE), arguments=(0, 0))
IMAGE_PRUNE = Command(
    "[OPTIONS]",
    _run_images,
    (switch("all", "a", "Remove all unused images, not just dangling ones"), _FILTER, _FORCE),
    arguments=(0, 0),
)
VOLUME_PRUNE = Command(
    "[OPTIONS]",
    _run_volumes,
    (switch("all", "a", "Remove all unused volumes, not just anonymous ones"), _FILTER, _FORCE),
    arguments=(0, 0),
)
BUILDER_PRUNE = Command(
    "[OPTIONS]",
    _run_builder,
    (
        switch("all", "a", "Remove all unused build cache, not just dangling ones"),
        _FILTER,
        _FORCE,
        Flag("keep-storage", "", "Amount of disk space to keep for cache", kind="bytes"),
    ),
    arguments=(0, 0),
)
SYSTEM_PRUNE = Command(
    "[OPTIONS]",
    _run_system,
    (
        switch("all", "a", "Remove all unused images not just dangling ones"),
        _FILTER,
        _FORCE,
        switch("volumes", "", "Prune anonymous volumes"),
    ),
    arguments=(0, 0),
)
