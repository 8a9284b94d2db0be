"""Commands that change what images are called, and which are kept: tag, rm."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.flags import Options, switch
from shoal.client.errors import ClientNotFound
from shoal.errors import ShoalError


def _tag(context: Context, options: Options, arguments: list[str]) -> int:
    context.api.images.tag(arguments[0], arguments[1])
    return 0


def _rm(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.cli.errors import describe_error

    status = 0
    for name in arguments:
        try:
            removed = context.api.images.remove(name, force=options.flag("force"), no_prune=options.flag("no-prune"))
        except ShoalError as error:
            if not (options.flag("force") and isinstance(error, ClientNotFound)):
                status = 1
            context.warn(describe_error(error))
            continue
        for item in removed or ():
            context.print(f"Deleted: {item['Deleted']}" if item.get("Deleted") else f"Untagged: {item['Untagged']}")
    return status


TAG = Command("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", _tag, arguments=(2, 2))
RM = Command(
    "[OPTIONS] IMAGE [IMAGE...]",
    _rm,
    (
        switch("force", "f", "Force removal of the image"),
        switch("no-prune", "", "Do not delete untagged parents"),
    ),
    arguments=(1, MANY),
)
