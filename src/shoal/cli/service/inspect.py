"""`shoal service inspect`."""

from __future__ import annotations

import time

from shoal.cli.command import MANY, Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.inspecting import print_inspected, print_pretty
from shoal.client.errors import ClientError, ClientNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    def fetch(name: str) -> Any:
        try:
            return context.api.services.inspect(name, insert_defaults=True)
        except ClientNotFound:
            raise PlainError(f"Error: no such service: {name}") from None

    template = options.text("format")
    if not options.flag("pretty") and template != "pretty":
        return print_inspected(context, arguments, fetch, template=template)
    from shoal.cli.service.pretty import pretty_service

    def pretty(service: Any) -> str:
        return pretty_service(service, _network_names(context, service), time.time())

    return print_pretty(context, arguments, fetch, pretty, template=template)


def _network_names(context: Context, service: Any) -> dict[str, str]:
    names = {}
    for network in (service["Spec"].get("TaskTemplate") or {}).get("Networks") or ():
        try:
            names[network["Target"]] = str(context.api.networks.inspect(network["Target"], scope="swarm")["Name"])
        except ClientError:
            continue  # gone: its id is shown
    return names


INSPECT = Command(
    "[OPTIONS] SERVICE [SERVICE...]",
    _run,
    (
        Flag("format", "f", 'Format output: "json", or a Go template'),
        switch("pretty", "", "Print the information in a human friendly format"),
    ),
    arguments=(1, MANY),
)
