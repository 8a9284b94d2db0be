"""The text of a Dockerfile as a list of nodes, one an instruction, with positions.

Reads parser directives, comments, continuation lines, heredocs and builder flags; what an instruction's words mean is
`instructions.decode`'s business. Source: Dockerfile reference, "Format", "Parser directives", "Here-Documents".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from shoal.dockerfile.source import BadDockerfile, Position, Text

KEYWORDS = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
]
DIRECTIVES = ("syntax", "escape", "check")
HEREDOC_KEYWORDS = ("ADD", "COPY", "RUN")
MAX_BYTES = 16 << 20

_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
_KEYWORD = re.compile(r"\S+")
_HEREDOC = re.compile(r"""(?<!<)(\d*)<<(-?)(?!<)(?:(?P<q>['"])(?P<quoted>[^'"\s]+)(?P=q)|(?P<bare>[A-Za-z_][\w.-]*))""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heredoc:
    """Lines between `<<NAME` and `NAME`.

    content: with its last new line; of `<<-` without leading tabs
    expand: variables in it are the builder's to expand (the name was not quoted)
    offset, length: where `<<NAME` stands in the node's text
    """

    name: str
    content: str
    expand: bool
    strip_tabs: bool
    offset: int
    length: int
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One `--name=value` before an instruction's words; value "" for a bare `--name`."""

    name: str
    value: str
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One instruction as written.

    keyword: upper case, a known one
    text: what follows keyword and flags, continuation lines joined
    original: the whole instruction on one line, as the build's progress shows it
    """

    keyword: str
    flags: tuple[Flag, ...]
    text: Text
    heredocs: tuple[Heredoc, ...]
    original: str
    position: Position
    end_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ast:
    """A whole Dockerfile. escape: "\\\\" or "`"."""

    file: str
    escape: str
    directives: Mapping[str, str]
    nodes: tuple[Node, ...]
    warnings: tuple[str, ...] = field(default=())


def parse(source: bytes | str, file: str = "Dockerfile") -> Ast:
    """The nodes of a Dockerfile. `file` is its name in messages. Raises: BadDockerfile"""
    lines = _decode(source, file).split("\n")
    directives, first = _directives(lines, file)
    escape = directives.get("escape", "\\")
    reader = _Reader(lines, first, file, escape)
    nodes = tuple(reader.nodes())
    if not nodes:
        raise BadDockerfile(Position(file, 1), "", f"the Dockerfile ({file}) cannot be empty")
    return Ast(file=file, escape=escape, directives=directives, nodes=nodes, warnings=tuple(reader.warnings))


def parse_node(line: str, file: str, position: Position, escape: str = "\\") -> Node:
    """One instruction given as text: an ONBUILD trigger of a base image. `position` is where it takes effect.

    Raises: BadDockerfile
    """
    nodes = list(_Reader(line.split("\n"), 0, file, escape).nodes())
    if len(nodes) != 1:
        raise BadDockerfile(position, "ONBUILD", f"expected one instruction, got {line!r}")
    return replace(nodes[0], position=position)


def _decode(source: bytes | str, file: str) -> str:
    if isinstance(source, str):
        text = source
    else:
        if len(source) > MAX_BYTES:
            raise BadDockerfile(Position(file, 1), "", f"expected at most {MAX_BYTES} bytes, got {len(source)}")
        try:
            text = source.removeprefix(b"\xef\xbb\xbf").decode()
        except UnicodeDecodeError as error:
            raise _binary(source, error.start, file) from None
    if "\0" in text:
        raise _binary(text.encode(), text.encode().index(b"\0"), file)
    return text.replace("\r\n", "\n")


def _binary(source: bytes, offset: int, file: str) -> BadDockerfile:
    line = source.count(b"\n", 0, offset) + 1
    column = offset - (source.rfind(b"\n", 0, offset) + 1) + 1
    return BadDockerfile(
        Position(file, line, column), "", f"expected text in UTF-8, got binary data (byte 0x{source[offset]:02x})"
    )


def _directives(lines: list[str], file: str) -> tuple[dict[str, str], int]:
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        match = _DIRECTIVE.match(line)
        if not match or (name := match[1].lower()) not in DIRECTIVES:
            return found, number
        if name in found:
            raise BadDockerfile(Position(file, number + 1), "", f"only one {name} parser directive can be used")
        if name == "escape" and match[2] not in ("\\", "`"):
            raise BadDockerfile(
                Position(file, number + 1, match.start(2) + 1),
                "",
                f'invalid ESCAPE: expected "\\" or "`", got "{match[2]}"',
            )
        found[name] = match[2]
    return found, len(lines)


class _Reader:
    """Takes instructions off a list of lines."""

    def __init__(self, lines: list[str], first: int, file: str, escape: str) -> None:
        self.lines = lines
        self.next = first
        self.file = file
        self.escape = escape
        self.warnings: list[str] = []
        e = re.escape(escape)
        self._continued = re.compile(rf"^(|.*[^{e}]){e}[ \t]*$", re.DOTALL)

    def nodes(self) -> Iterable[Node]:
        while self.next < len(self.lines):
            line = self.lines[self.next]
            if not line.strip() or line.lstrip().startswith("#"):
                self.next += 1
                continue
            yield self._node()

    def _node(self) -> Node:
        text = self._logical_line()
        match = _KEYWORD.match(text.value)
        assert match, "a logical line is never blank"
        keyword = _known(match[0], text.at(0))
        rest = text.cut(match.end()).strip()
        rest, flags = _take_flags(rest, self.escape)
        heredocs = self._heredocs(keyword, rest)
        return Node(
            keyword=keyword,
            flags=flags,
            text=rest,
            heredocs=heredocs,
            original=text.value,
            position=text.at(0),
            end_line=self.next,
        )

    def _logical_line(self) -> Text:
        """The lines up to the first that is not continued, joined; comments and blank lines inside are left out."""
        pieces: list[str] = []
        marks: list[tuple[int, Position]] = []
        length = 0
        while self.next < len(self.lines):
            line = self.lines[self.next]
            self.next += 1
            if pieces and not line.strip():
                self.warnings.append(f"{Position(self.file, self.next)}: empty continuation line")
                continue
            if line.lstrip().startswith("#"):
                continue
            piece = line if pieces else line.lstrip()
            continued = self._continued.match(piece)
            column = len(line) - len(piece) + 1
            piece = continued[1] if continued else piece.rstrip()
            marks.append((length, Position(self.file, self.next, column)))
            pieces.append(piece)
            length += len(piece)
            if not continued:
                break
        return Text("".join(pieces), tuple(marks)).strip()

    def _heredocs(self, keyword: str, text: Text) -> tuple[Heredoc, ...]:
        inner = keyword
        if keyword == "ONBUILD":
            words = text.value.split(None, 1)
            inner = words[0].upper() if words else ""
        if inner not in HEREDOC_KEYWORDS or "<<" not in text.value or text.value.startswith("["):
            return ()
        return tuple(self._heredoc(keyword, text, found) for found in _heredoc_marks(text.value))

    def _heredoc(self, keyword: str, text: Text, found: re.Match[str]) -> Heredoc:
        name = found["quoted"] or found["bare"]
        strip_tabs = bool(found[2])
        content: list[str] = []
        while True:
            if self.next >= len(self.lines):
                raise BadDockerfile(text.at(found.start()), keyword, f'unterminated heredoc: expected a line "{name}"')
            line = self.lines[self.next]
            self.next += 1
            line = line.lstrip("\t") if strip_tabs else line
            if line == name:
                break
            content.append(line + "\n")
        return Heredoc(
            name=name,
            content="".join(content),
            expand=not found["q"],
            strip_tabs=strip_tabs,
            offset=found.start(),
            length=found.end() - found.start(),
            position=text.at(found.start()),
        )


def _heredoc_marks(text: str) -> Iterable[re.Match[str]]:
    """Each `<<NAME` of a shell line that stands outside of quotes."""
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "<" and (found := _HEREDOC.match(text, at)):
            yield found
            at = found.end()
            continue
        elif text.startswith("<<<", at):
            at += 3
            continue
        at += 1


def _known(word: str, position: Position) -> str:
    keyword = word.upper()
    if keyword in KEYWORDS:
        return keyword
    close = get_close_matches(keyword, KEYWORDS, 1, 0.6)
    meant = f" (did you mean {close[0]}?)" if close else ""
    shown = word if len(word) <= 40 else word[:40] + "…"
    raise BadDockerfile(position, "", f"unknown instruction: {shown}{meant}")


def _take_flags(text: Text, escape: str) -> tuple[Text, tuple[Flag, ...]]:
    """The text after the leading `--name[=value]` words, and these. A bare `--` ends them."""
    flags: list[Flag] = []
    at = 0
    value = text.value
    while value.startswith("--", at):
        end, word = _flag_word(value, at, escape)
        if word == "--":
            at = end
            break
        name, _, given = word[2:].partition("=")
        flags.append(Flag(name=name, value=given, position=text.at(at)))
        at = end
        while at < len(value) and value[at].isspace():
            at += 1
    return text.cut(at).strip(), tuple(flags)


def _flag_word(text: str, at: int, escape: str) -> tuple[int, str]:
    """End and value of the word at `at`; quotes are taken off, escapes kept for the expansion."""
    word: list[str] = []
    quote = ""
    while at < len(text) and (quote or not text[at].isspace()):
        char = text[at]
        if char == escape and at + 1 < len(text):
            word.append(text[at : at + 2])
            at += 2
            continue
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        else:
            word.append(char)
        at += 1
    return at, "".join(word)
