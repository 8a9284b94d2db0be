"""`shoal version`."""

from __future__ import annotations

import platform

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options
from shoal.errors import ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _client_facts(context: Context) -> dict[str, Any]:
    from shoal import __version__
    from shoal.client.http import API_VERSION

    return {
        "Platform": {"Name": "Shoal"},
        "Version": __version__,
        "ApiVersion": context.client.api_version,
        "DefaultAPIVersion": API_VERSION,
        "PythonVersion": platform.python_version(),
        "Os": "linux",
        "Arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
    }


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.cli.errors import describe_error

    server, problem = None, None
    try:
        server = context.api.system.version()
    except ShoalError as error:
        problem = error
    client = _client_facts(context)
    facts = {"Client": client, "Server": server}
    template = options.text("format")
    if template:
        from shoal.cli.gotemplate import compile_template

        context.print(compile_template("{{json .}}" if template == "json" else template).render(facts))
    else:
        context.stdout.write(_text(client, server))
    if problem is not None:
        context.warn(describe_error(problem))
        return 1
    return 0


def _text(client: dict[str, Any], server: dict[str, Any] | None) -> str:
    lines = ["Client: Shoal"]
    lines += _rows(
        ("Version:", client["Version"]),
        ("API version:", client["ApiVersion"]),
        ("Python version:", client["PythonVersion"]),
        ("OS/Arch:", f"{client['Os']}/{client['Arch']}"),
    )
    if server is None:
        return "\n".join(lines) + "\n"
    name = (server.get("Platform") or {}).get("Name") or "Shoal"
    lines += ["", f"Server: {name}", " Engine:"]
    minimum = f" (minimum version {server['MinAPIVersion']})" if server.get("MinAPIVersion") else ""
    lines += _rows(
        (" Version:", server.get("Version", "")),
        (" API version:", f"{server.get('ApiVersion', '')}{minimum}"),
        (" OS/Arch:", f"{server.get('Os', '')}/{server.get('Arch', '')}"),
        (" Kernel:", server.get("KernelVersion", "")),
    )
    for part in server.get("Components") or ():
        if part["Name"] != "Engine":
            lines += [f" {part['Name']}:", *_rows((" Version:", part.get("Version", "")))]
    return "\n".join(lines) + "\n"


def _rows(*pairs: tuple[str, str]) -> list[str]:
    return [f" {label:<18}{value}".rstrip() for label, value in pairs]


VERSION = Command(
    "[OPTIONS]", _run, (Flag("format", "f", 'Format output: "json", or a Go template'),), arguments=(0, 0)
)
