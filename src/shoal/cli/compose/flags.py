"""Flags of `shoal compose` itself, given before the command's name; and those that many commands share."""

from __future__ import annotations

from shoal.cli.flags import Flag, number, several, switch

FLAGS = (
    switch("all-resources", "", "Include all resources, even those not used by services"),
    Flag("ansi", "", 'Control when to print ANSI control characters ("never"|"always"|"auto") (default "auto")'),
    switch("compatibility", "", "Run compose in backward compatibility mode"),
    switch("dry-run", "", "Show the plan and change nothing"),
    several("env-file", "", "Specify an alternate environment file", metavar="stringArray"),
    several("file", "f", "Compose configuration files", metavar="stringArray"),
    number("parallel", "", "Control max parallelism, -1 for unlimited (default 16)"),
    several("profile", "", "Specify a profile to enable", metavar="stringArray"),
    Flag("progress", "", "Set type of progress output (auto, tty, plain, json, quiet)"),
    Flag("project-directory", "", "Specify an alternate working directory (default: the path of the first file)"),
    Flag("project-name", "p", "Project name"),
)

DRY_RUN = switch("dry-run", "", "Show the plan and change nothing")
TIMEOUT = number("timeout", "t", "Specify a shutdown timeout in seconds")
STAND_INS = switch("stand-ins", "", "Make stand-ins from recipes for images that can't be pulled (Shoal only)")
INDEX = number("index", "", "Index of the container if service has multiple replicas")
