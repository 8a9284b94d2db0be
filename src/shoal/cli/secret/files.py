"""Commands of secrets and configs: two nouns that differ in a word and in whether their content is shown."""

from __future__ import annotations

import time
from binascii import a2b_base64, b2a_base64

from shoal.cli.command import MANY, Command, Context
from shoal.cli.each import for_each
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, filter_flag, several, switch
from shoal.cli.inspecting import print_inspected, print_pretty
from shoal.cli.listing import Listing, natural_key, parse_filters, print_list
from shoal.cli.units import ago_text, go_time_of, parse_time_s
from shoal.cli.values import split_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.client.swarm.files import Files


class Noun:
    """ "secret" or "config", and its commands."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.is_secret = word == "secret"

    def requests(self, context: Context) -> Files:
        return context.api.secrets if self.is_secret else context.api.configs

    # -- commands

    def create(self, context: Context, options: Options, arguments: list[str]) -> int:
        spec: dict[str, Any] = {
            "Name": arguments[0],
            "Labels": {key: value or "" for key, value in map(split_pair, options.list("label"))},
        }
        driver = options.text("driver") if self.is_secret else ""
        if driver:
            raise PlainError("Error: secret drivers are not supported: the cluster keeps values of its own")
        if len(arguments) < 2:
            raise PlainError(f"{self.word} file is required")
        data = read_data(context, arguments[1])
        if not data:
            said = "" if self.is_secret else f'Error reading content from "{arguments[1]}": '
            raise PlainError(f"{said}error reading from {_name_of(arguments[1])}: data is empty")
        spec["Data"] = b2a_base64(data, newline=False).decode()
        if options.text("template-driver"):
            spec["Templating"] = {"Name": options.text("template-driver")}
        context.print(self.requests(context).create(spec))
        return 0

    def ls(self, context: Context, options: Options, arguments: list[str]) -> int:
        found = self.requests(context).list(parse_filters(options.list("filter")))
        rows = sorted(found, key=lambda item: natural_key(item["Spec"]["Name"]))
        listing = file_listing(time.time(), has_driver=self.is_secret)
        print_list(context, listing, rows, template=options.text("format"), is_quiet=options.flag("quiet"))
        return 0

    def inspect(self, context: Context, options: Options, arguments: list[str]) -> int:
        fetch, template = self.requests(context).inspect, options.text("format")
        if options.flag("pretty"):
            pretty = pretty_secret if self.is_secret else pretty_config
            return print_pretty(context, arguments, fetch, pretty, template=template)
        return print_inspected(context, arguments, fetch, template=template)

    def rm(self, context: Context, options: Options, arguments: list[str]) -> int:
        return for_each(context, arguments, self.requests(context).remove)


def read_data(context: Context, path: str) -> bytes:
    """The content of a file, or of standard input for "-". Raises: PlainError"""
    try:
        if path == "-":
            return context.stdin.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise PlainError(f"error reading from {path}: open {path}: {(error.strerror or str(error)).lower()}") from error


def _name_of(path: str) -> str:
    return "STDIN" if path == "-" else path


def file_listing(now_s: float, *, has_driver: bool) -> Listing:
    """How secrets (with a driver) or configs are listed."""

    def ago(key: str) -> Any:
        return lambda item: ago_text(parse_time_s(str(item.get(key) or "")), now_s)

    labels = "Labels"
    fields: dict[str, Any] = {
        "CreatedAt": ago("CreatedAt"),
        "ID": lambda item: item["ID"],
        "Label": lambda item: lambda name: (item["Spec"].get(labels) or {}).get(name, ""),
        "Labels": lambda item: ",".join(f"{k}={v}" for k, v in sorted((item["Spec"].get(labels) or {}).items())),
        "Name": lambda item: item["Spec"]["Name"],
        "UpdatedAt": ago("UpdatedAt"),
    }
    if has_driver:
        fields["Driver"] = lambda item: (item["Spec"].get("Driver") or {}).get("Name", "")
    columns = ("ID", "Name", *(("Driver",) if has_driver else ()), "CreatedAt", "UpdatedAt")
    return Listing(fields, columns, headings={"CreatedAt": "CREATED", "UpdatedAt": "UPDATED"}, quiet="ID")


def pretty_secret(secret: Mapping[str, Any]) -> str:
    """A secret for people, line by line as docker prints it."""
    spec = secret["Spec"]
    lines = [
        f"ID:              {secret['ID']}",
        f"Name:              {spec['Name']}",
        *_labels(spec.get("Labels")),
        f"Driver:            {(spec.get('Driver') or {}).get('Name', '')}",
        f"Created at:        {go_time_of(secret['CreatedAt']).lower()}",
        f"Updated at:        {go_time_of(secret['UpdatedAt']).lower()}",
    ]
    return "\n".join(lines) + "\n"


def pretty_config(config: Mapping[str, Any]) -> str:
    """A config for people, with its content."""
    spec = config["Spec"]
    lines = [
        f"ID:\t\t\t{config['ID']}",
        f"Name:\t\t\t{spec['Name']}",
        *_labels(spec.get("Labels")),
        f"Created at:            \t{go_time_of(config['CreatedAt']).lower()}",
        f"Updated at:            \t{go_time_of(config['UpdatedAt']).lower()}",
        "Data:",
        a2b_base64(spec.get("Data") or "").decode("utf-8", "replace"),
    ]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str] | None) -> list[str]:
    if not labels:
        return []
    return ["Labels:", *(f" - {key}{f'={value}' if value else ''}" for key, value in sorted(labels.items()))]


# -- the table of commands


def create_command(noun: Noun) -> Command:
    """`secret create`, `config create`."""
    flags = (
        *((Flag("driver", "d", "Secret driver (not supported: refused)"),) if noun.is_secret else ()),
        several("label", "l", f"{noun.word.capitalize()} labels"),
        Flag("template-driver", "", "Template driver"),
    )
    usage = "[OPTIONS] SECRET [file|-]" if noun.is_secret else "[OPTIONS] CONFIG file|-"
    return Command(usage, noun.create, flags, arguments=(1 if noun.is_secret else 2, 2))


def ls_command(noun: Noun) -> Command:
    """`secret ls`, `config ls`."""
    flags = (
        filter_flag("f", "Filter output based on conditions provided"),
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("quiet", "q", "Only display IDs"),
    )
    return Command("[OPTIONS]", noun.ls, flags, arguments=(0, 0))


def inspect_command(noun: Noun) -> Command:
    """`secret inspect`, `config inspect`."""
    flags = (
        Flag("format", "f", 'Format output: "json", or a Go template'),
        switch("pretty", "", "Print the information in a human friendly format"),
    )
    word = noun.word.upper()
    return Command(f"[OPTIONS] {word} [{word}...]", noun.inspect, flags, arguments=(1, MANY))


def rm_command(noun: Noun) -> Command:
    """`secret rm`, `config rm`."""
    word = noun.word.upper()
    return Command(f"{word} [{word}...]", noun.rm, arguments=(1, MANY))
