"""What a registry asks for in WWW-Authenticate. Source: RFC 9110, 11.3; distribution's token specification."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9-]*)(?:\s+|$)")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """scheme: in lower case, "basic" or "bearer"; parameters by name in lower case"""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """The challenges of a header's value, in order: 'Bearer realm="https://x",service="y"'."""
    challenges: list[Challenge] = []
    at = 0
    while at < len(header):
        scheme = _SCHEME.match(header, at)
        if scheme is None:
            break
        at = scheme.end()
        parameters: dict[str, str] = {}
        while found := _PARAMETER.match(header, at):
            quoted, plain = found[2], found[3]
            parameters[found[1].lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            at = found.end()
        challenges.append(Challenge(scheme[1].lower(), parameters))
    return challenges
