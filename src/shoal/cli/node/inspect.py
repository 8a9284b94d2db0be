"""`shoal node inspect`."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.inspecting import print_inspected, print_pretty
from shoal.cli.service.ps import own_node_id
from shoal.cli.units import binary_size_text, go_time_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def pretty_node(node: Mapping[str, Any]) -> str:
    """A node for people, line by line as docker prints it."""
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    status, platform = node.get("Status") or {}, description.get("Platform") or {}
    lines = [f"ID:\t\t\t{node['ID']}"]
    if spec.get("Name"):
        lines.append(f"Name:\t\t\t{spec['Name']}")
    lines += _labels("Labels:", spec.get("Labels"))
    lines += [
        f"Hostname:              \t{description.get('Hostname', '')}",
        f"Joined at:             \t{go_time_of(str(node.get('CreatedAt') or '')).lower()}",
        "Status:",
        f" State:\t\t\t{_capital(status.get('State'))}",
    ]
    if status.get("Message"):
        lines.append(f" Message:              \t{_capital(status['Message'])}")
    lines.append(f" Availability:         \t{_capital(spec.get('Availability'))}")
    if status.get("Addr"):
        lines.append(f" Address:\t\t{status['Addr']}")
    manager = node.get("ManagerStatus")
    if manager:
        lines += [
            "Manager Status:",
            f" Address:\t\t{manager.get('Addr', '')}",
            f" Raft Status:\t\t{_capital(manager.get('Reachability'))}",
            f" Leader:\t\t{'Yes' if manager.get('Leader') else 'No'}",
        ]
    lines += [
        "Platform:",
        f" Operating System:\t{platform.get('OS', '')}",
        f" Architecture:\t\t{platform.get('Architecture', '')}",
        *_machine(description),
    ]
    return "\n".join([*lines, *_tls(description.get("TLSInfo") or {})]) + "\n"


def _machine(description: Mapping[str, Any]) -> list[str]:
    resources, engine = description.get("Resources") or {}, description.get("Engine") or {}
    lines = [
        "Resources:",
        f" CPUs:\t\t\t{int(resources.get('NanoCPUs') or 0) // 10**9}",
        f" Memory:\t\t{binary_size_text(int(resources.get('MemoryBytes') or 0))}",
    ]
    plugins: dict[str, list[str]] = {}
    for plugin in engine.get("Plugins") or ():
        plugins.setdefault(plugin.get("Type", ""), []).append(plugin.get("Name", ""))
    if plugins:
        lines.append("Plugins:")
        lines += [f" {kind}:\t\t{', '.join(plugins[kind])}" for kind in _plugin_kinds(plugins)]
    lines.append(f"Engine Version:\t\t{engine.get('EngineVersion', '')}")
    return lines + _labels("Engine Labels:", engine.get("Labels"))


def _plugin_kinds(plugins: Mapping[str, Any]) -> list[str]:
    """Those that docker knows, in its order."""
    return [kind for kind in ("Log", "Network", "Volume") if kind in plugins]


def _tls(info: Mapping[str, Any]) -> list[str]:
    if not info.get("TrustRoot"):
        return []
    return [
        "TLS Info:",
        " TrustRoot:",
        str(info["TrustRoot"]),
        f" Issuer Subject:\t{info.get('CertIssuerSubject', '')}",
        f" Issuer Public Key:\t{info.get('CertIssuerPublicKey', '')}",
    ]


def _labels(title: str, labels: Mapping[str, str] | None) -> list[str]:
    if not labels:
        return []
    return [title, *(f" - {key}{f'={value}' if value else ''}" for key, value in sorted(labels.items()))]


def _capital(text: Any) -> str:
    return str(text or "").capitalize()


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    def fetch(name: str) -> Any:
        return context.api.nodes.inspect(own_node_id(context) if name == "self" else name)

    if options.flag("pretty"):
        return print_pretty(context, arguments, fetch, pretty_node, template=options.text("format"))
    return print_inspected(context, arguments, fetch, template=options.text("format"))


INSPECT = Command(
    "[OPTIONS] self|NODE [NODE...]",
    _run,
    (
        Flag("format", "f", 'Format output: "json", or a Go template'),
        switch("pretty", "", "Print the information in a human friendly format"),
    ),
    arguments=(1, MANY),
)
