"""Variables of the environment in provisioning files and settings. Source: Grafana's page "Provision Grafana"."""

import re
from collections.abc import Callable, Mapping
from typing import Any

ReadFile = Callable[[str], str]
_PATTERN = re.compile(r"\$(?:\$|__env\{(?P<env>[^}]*)\}|__file\{(?P<file>[^}]*)\}|\{(?P<braced>\w+)\}|(?P<bare>\w+))")


def interpolate(value: Any, environ: Mapping[str, str], read: ReadFile) -> Any:
    """`value` with the variables in all its strings replaced: `$NAME`, `${NAME}`, `$__env{NAME}`, `$__file{PATH}`.

    An unknown name gives "", `$$` a dollar sign; keys of mappings stay as they are. Raises: OSError for a file
    """
    if isinstance(value, str):
        return interpolate_text(value, environ, read)
    if isinstance(value, list):
        return [interpolate(each, environ, read) for each in value]
    if isinstance(value, dict):
        return {key: interpolate(each, environ, read) for key, each in value.items()}
    return value


def interpolate_text(text: str, environ: Mapping[str, str], read: ReadFile) -> str:
    """As `interpolate`, of one string."""

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match["file"] is not None:
            return read(match["file"].strip()).strip()
        name = match["env"] or match["braced"] or match["bare"] or ""
        return environ.get(name.strip(), "")

    return _PATTERN.sub(replacement, text)


def interpolate_setting(text: str, environ: Mapping[str, str], read: ReadFile) -> str:
    """As `interpolate_text`, for settings: only `$__env{…}`, `$__file{…}` and `${NAME}`; passwords hold dollars."""
    pattern = re.compile(r"\$__env\{(?P<env>[^}]*)\}|\$__file\{(?P<file>[^}]*)\}|\$\{(?P<braced>\w+)\}")

    def replacement(match: re.Match[str]) -> str:
        if match["file"] is not None:
            return read(match["file"].strip()).strip()
        return environ.get((match["env"] or match["braced"] or "").strip(), "")

    return pattern.sub(replacement, text)
