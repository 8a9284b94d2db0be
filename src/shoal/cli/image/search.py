"""`shoal search`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, filter_flag, number, switch
from shoal.cli.listing import Listing, parse_filters, print_list
from shoal.cli.units import ellipsis

_DESCRIPTION_WIDTH = 45


def search_listing(*, is_truncated: bool) -> Listing:
    """How results of a search are listed."""

    def description(result: dict[str, str]) -> str:
        text = (result.get("description") or "").replace("\n", " ").replace("\r", " ")
        return ellipsis(text, _DESCRIPTION_WIDTH) if is_truncated else text

    fields = {
        "Description": description,
        "IsAutomated": lambda result: "[OK]" if result.get("is_automated") else "",
        "IsOfficial": lambda result: "[OK]" if result.get("is_official") else "",
        "Name": lambda result: result["name"],
        "StarCount": lambda result: str(result.get("star_count", 0)),
    }
    headings = {"StarCount": "STARS", "IsOfficial": "OFFICIAL", "IsAutomated": "AUTOMATED"}
    return Listing(fields, ("Name", "Description", "StarCount", "IsOfficial"), headings=headings)


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.client.credentials import registry_auth

    found = context.api.images.search(
        arguments[0],
        limit=options.number("limit"),
        filters=parse_filters(options.list("filter")),
        auth=registry_auth(arguments[0], context.env),
    )
    print_list(
        context, search_listing(is_truncated=not options.flag("no-trunc")), found, template=options.text("format")
    )
    return 0


SEARCH = Command(
    "[OPTIONS] TERM",
    _run,
    (
        filter_flag("f", "Filter output based on conditions provided"),
        Flag("format", "", "Pretty-print search using a Go template"),
        number("limit", "", "Max number of search results"),
        switch("no-trunc", "", "Don't truncate output"),
    ),
    arguments=(1, 1),
)
