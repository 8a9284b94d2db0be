"""Commands that look at an image: inspect, history."""

from __future__ import annotations

import time

from shoal.cli.command import MANY, Command, Context
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.inspecting import print_inspected
from shoal.cli.listing import Listing, print_list
from shoal.cli.units import ago_text, ellipsis, rfc3339_text, short_id, size_text

_CREATED_BY_WIDTH, _COMMENT_WIDTH = 45, 45


def history_listing(now_s: float, *, is_truncated: bool, is_human: bool) -> Listing:
    """How the layers of an image are listed."""

    def created_by(layer: dict[str, str]) -> str:
        text = (layer.get("CreatedBy") or "").replace("\t", " ")
        return ellipsis(text.replace("\n", " "), _CREATED_BY_WIDTH) if is_truncated else text

    def identifier(layer: dict[str, str]) -> str:
        return short_id(layer["Id"]) if is_truncated and layer["Id"].startswith("sha256:") else layer["Id"]

    fields = {
        "Comment": lambda layer: ellipsis(layer.get("Comment") or "", _COMMENT_WIDTH),
        "CreatedAt": lambda layer: rfc3339_text(layer["Created"]),
        "CreatedBy": created_by,
        "CreatedSince": lambda layer: ago_text(layer["Created"], now_s) if is_human else rfc3339_text(layer["Created"]),
        "ID": identifier,
        "Size": lambda layer: size_text(layer["Size"]) if is_human else str(layer["Size"]),
    }
    created = "CREATED" if is_human else "CREATED AT"
    headings = {"ID": "IMAGE", "CreatedSince": created, "CreatedBy": "CREATED BY", "CreatedAt": "CREATED AT"}
    return Listing(fields, ("ID", "CreatedSince", "CreatedBy", "Size", "Comment"), headings=headings, quiet="ID")


def _history(context: Context, options: Options, arguments: list[str]) -> int:
    layers = context.api.images.history(arguments[0])
    listing = history_listing(time.time(), is_truncated=not options.flag("no-trunc"), is_human=options.flag("human"))
    print_list(context, listing, layers, template=options.text("format"), is_quiet=options.flag("quiet"))
    return 0


def _inspect(context: Context, options: Options, arguments: list[str]) -> int:
    return print_inspected(context, arguments, context.api.images.inspect, template=options.text("format"))


HISTORY = Command(
    "[OPTIONS] IMAGE",
    _history,
    (
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("human", "H", "Print sizes and dates in human readable format", default=True),
        switch("no-trunc", "", "Don't truncate output"),
        switch("quiet", "q", "Only show image IDs"),
    ),
    arguments=(1, 1),
)
INSPECT = Command(
    "[OPTIONS] IMAGE [IMAGE...]",
    _inspect,
    (Flag("format", "f", 'Format output: "json", or a Go template'),),
    arguments=(1, MANY),
)
