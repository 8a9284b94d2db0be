"""`shoal inspect`: whatever bears the name."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.errors import PlainError, UsageError
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.inspecting import print_inspected
from shoal.client.errors import ClientError, ClientNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_KINDS = ("container", "image", "network", "volume", "node", "service", "task", "secret", "config")


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    kind, has_size = options.text("type"), options.flag("size")
    if options.is_given("type") and kind not in _KINDS:
        raise UsageError(f'"{kind}" is not a valid value for --type; wanted one of {", ".join(_KINDS)}')
    api = context.api
    fetchers: dict[str, Callable[[str], Any]] = {
        "container": lambda name: api.containers.inspect(name, size=has_size),
        "image": api.images.inspect,
        "network": api.networks.inspect,
        "volume": api.volumes.inspect,
        "node": lambda name: api.nodes.inspect(name),
        "service": lambda name: api.services.inspect(name, insert_defaults=True),
        "task": lambda name: api.tasks.inspect(name),
        "secret": lambda name: api.secrets.inspect(name),
        "config": lambda name: api.configs.inspect(name),
    }
    chosen = [kind] if kind else list(_KINDS)

    def fetch(name: str) -> Any:
        for each in chosen:
            try:
                return fetchers[each](name)
            except ClientNotFound:
                if kind:
                    raise
            except ClientError as error:
                if kind or error.status not in (400, 501, 503):  # a name it can't have, a node without a cluster
                    raise
        raise PlainError(f"Error: No such object: {name}")

    return print_inspected(context, arguments, fetch, template=options.text("format"))


INSPECT = Command(
    "[OPTIONS] NAME|ID [NAME|ID...]",
    _run,
    (
        Flag("format", "f", 'Format output: "json", or a Go template'),
        switch("size", "s", 'Display total file sizes if the type is "container"'),
        Flag("type", "", "Only inspect objects of the given type (" + ", ".join(_KINDS) + ")"),
    ),
    arguments=(1, MANY),
)
