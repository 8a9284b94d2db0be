"""Where the host gets Debian's packages from, read from its apt sources. Source: sources.list(5)."""

import re
from collections.abc import Iterable, Iterator

DEFAULT_MIRROR = "http://deb.debian.org/debian"
_ONE_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$")


def debian_sources(texts: Iterable[str], suite: str) -> list[str]:
    """Lines for sources.list of a Debian `suite` with its updates and security fixes.

    texts: of /etc/apt/sources.list and the files beside it, in either format. A host that is no Debian, or another
    release, gives the default mirror
    """
    wanted = (suite, f"{suite}-updates", f"{suite}-security")
    found: dict[str, str] = {}
    for text in texts:
        for uri, its_suite, components in (*_one_line(text), *_deb822(text)):
            if its_suite in wanted and "main" in components:
                found.setdefault(its_suite, f"deb {uri} {its_suite} main")
    if suite not in found:
        return [f"deb {DEFAULT_MIRROR} {suite} main"]
    return [found[name] for name in wanted if name in found]


def _one_line(text: str) -> Iterator[tuple[str, str, list[str]]]:
    for line in text.splitlines():
        if match := _ONE_LINE.match(line.split("#")[0].strip()):
            yield match[1], match[2], match[3].split()


def _deb822(text: str) -> Iterator[tuple[str, str, list[str]]]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        for suite in fields.get("suites", "").split():
            for uri in fields.get("uris", "").split()[:1]:
                yield uri, suite, fields.get("components", "").split()


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += " " + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
