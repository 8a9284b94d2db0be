"""`shoal doctor`: what this host lacks for the engine, and the command that installs it."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.flags import Options, switch
from shoal.cli.system.checks import CHECKS, Finding, Host, Level

_MARKS = {Level.OK: "ok", Level.WARNING: "warning", Level.MISSING: "MISSING"}
_COLOURS = {Level.OK: "32", Level.WARNING: "33", Level.MISSING: "31"}

_COMMON = frozenset(("conmon", "crun", "nftables"))
#: {package manager: (command, what it has of that which may be missing)}
_PACKAGES = {
    "apt-get": ("apt-get install -y", _COMMON | {"mmdebstrap"}),
    "dnf": ("dnf install -y", _COMMON),
    "pacman": ("pacman -S --needed", _COMMON),
    "zypper": ("zypper install -y", _COMMON),
    "apk": ("apk add", _COMMON),
}


def examine(host: Host) -> list[Finding]:
    """What every check finds, in the order that they are listed."""
    return [check(host) for check in CHECKS]


def install_command(host: Host, findings: list[Finding]) -> str:
    """The command that installs all that is missing; "" where nothing is, or nothing can be installed."""
    wanted = [finding.package for finding in findings if finding.level is not Level.OK and finding.package]
    for manager, (command, packages) in _PACKAGES.items():
        if host.which(manager):
            names = [name for name in wanted if name in packages]
            return f"{command} {' '.join(dict.fromkeys(names))}" if names else ""
    return ""


def report(findings: list[Finding], command: str, *, is_coloured: bool) -> str:
    """What the user reads."""
    width = max(len(finding.what) for finding in findings)
    lines = []
    for finding in findings:
        mark = f"{_MARKS[finding.level]:<8}"
        if is_coloured:
            mark = f"\x1b[{_COLOURS[finding.level]}m{mark}\x1b[0m"
        lines.append(f"{mark} {finding.what:<{width}}  {finding.detail}".rstrip())
        if finding.remedy and finding.level is not Level.OK:
            lines.append(f"{'':8} {'':{width}}  -> {finding.remedy}")
    missing = sum(finding.level is Level.MISSING for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    lines.append("")
    if command:
        lines += ["To install what is missing:", f"  {command}", ""]
    if missing:
        lines.append(
            f"{missing} essential thing{'s are' if missing > 1 else ' is'} missing: the engine can't run here yet."
        )
    elif warnings:
        lines.append(f"The engine can run here; {warnings} warning{'s' if warnings > 1 else ''}.")
    else:
        lines.append("The engine can run here.")
    return "\n".join(lines) + "\n"


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    host = Host()
    findings = examine(host)
    if options.flag("json"):
        import json

        values = [
            {"what": each.what, "level": each.level.value, "detail": each.detail, "remedy": each.remedy}
            for each in findings
        ]
        context.print(json.dumps(values, indent=2))
    else:
        text = report(findings, install_command(host, findings), is_coloured=context.stdout_is_terminal())
        context.stdout.write(text)
    return 1 if any(finding.level is Level.MISSING for finding in findings) else 0


DOCTOR = Command(
    "[OPTIONS]",
    _run,
    (switch("json", "", "Print the findings as JSON"),),
    arguments=(0, 0),
    notes="Exit status: 0 where the engine can run (warnings or not), 1 where something essential is missing.",
)
