"""What `.dockerignore` leaves out of a build context. Source: Dockerfile reference, ".dockerignore file"."""

import posixpath
import re
from dataclasses import dataclass

from shoal.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class _Pattern:
    regex: re.Pattern[str]
    exception: bool
    text: str


class Ignore:
    """The patterns of a `.dockerignore`: the last one that matches a path, or a folder above it, decides."""

    def __init__(self, patterns: tuple[_Pattern, ...]) -> None:
        """Made by `parse_ignore`."""
        self._patterns = patterns
        self._exceptions = tuple(p for p in patterns if p.exception)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def excludes(self, path: str) -> bool:
        """Whether `path` (relative to the context, with slashes) is left out."""
        if not self._patterns:
            return False
        above = [path]
        while (parent := posixpath.dirname(above[-1])) and parent != ".":
            above.append(parent)
        excluded = False
        for pattern in self._patterns:
            if pattern.exception == excluded and any(pattern.regex.fullmatch(p) for p in above):
                excluded = not pattern.exception
        return excluded

    def prunes(self, folder: str) -> bool:
        """Whether nothing below `folder` can be in the context, so that it need not be read."""
        if not self.excludes(folder):
            return False
        return not any(_may_reach(pattern.text, folder) for pattern in self._exceptions)


def parse_ignore(text: str) -> Ignore:
    """The patterns of a `.dockerignore` file. Raises: InvalidArgument for a pattern that is none"""
    patterns: list[_Pattern] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        # Docker reads a "#" as a comment in the first column only.
        if line.startswith("#") or not (pattern := line.strip()):
            continue
        exception = pattern.startswith("!")
        pattern = pattern[1:].strip() if exception else pattern
        if not pattern:
            raise InvalidArgument(f'.dockerignore:{number}: illegal exclusion pattern: "!"')
        pattern = posixpath.normpath(pattern).lstrip("/")
        if pattern in (".", ""):
            if not exception:
                continue
            pattern = "**"
        try:
            patterns.append(_Pattern(re.compile(pattern_regex(pattern), re.DOTALL), exception, pattern))
        except (re.error, ValueError) as error:
            raise InvalidArgument(
                f'.dockerignore:{number}: syntax error in pattern "{line.strip()}": {error}'
            ) from None
    return Ignore(tuple(patterns))


def pattern_regex(pattern: str) -> str:
    """The regular expression of a path pattern: `*`, `?` and `[a-z]` within a name, `**` over any number of folders.

    Raises: ValueError
    """
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**", at):
            at += 2
            if pattern.startswith("/", at):
                at += 1
                parts.append("(?:.*/)?")
            else:
                parts.append(".*")
            continue
        if char == "[":
            end, piece = _char_class(pattern, at)
            parts.append(piece)
            at = end
            continue
        if char == "\\":
            at += 1
            if at >= len(pattern):
                raise ValueError("escape at the end")
            parts.append(re.escape(pattern[at]))
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char))
        at += 1
    return "".join(parts)


def has_wildcard(path: str) -> bool:
    """Whether a COPY source is a pattern."""
    at = 0
    while at < len(path):
        if path[at] == "\\":
            at += 1
        elif path[at] in "*?[":
            return True
        at += 1
    return False


def _char_class(pattern: str, start: int) -> tuple[int, str]:
    end = pattern.find("]", start + 2)
    if end < 0:
        raise ValueError('missing "]"')
    body = pattern[start + 1 : end]
    negated = body.startswith("^")
    body = body[1:] if negated else body
    return end + 1, f"[{'^/' if negated else ''}{_escape_class(body)}]"


def _escape_class(body: str) -> str:
    return (
        body.replace("[", r"\[").replace("&&", r"&\&").replace("||", r"|\|").replace("~~", r"~\~").replace("--", r"-\-")
    )


def _may_reach(pattern: str, folder: str) -> bool:
    """Whether an exception can match something below `folder`."""
    wanted = pattern.split("/")
    for depth, name in enumerate(folder.split("/")):
        if depth >= len(wanted):
            return True
        if "**" in wanted[depth]:
            return True
        if not re.fullmatch(pattern_regex(wanted[depth]), name):
            return False
    return True
