"""Variables, quotes and escapes in the words of a Dockerfile.

The shell's rules in Docker's cut: `$NAME`, `${NAME}`, `${NAME:-word}`, `:+`, `:?` (and the three without colon: set
rather than not empty), `${NAME#pattern}`, `##`, `%`, `%%`, `${NAME/pattern/text}`, `//`. Inside single quotes nothing
is expanded; the escape character keeps the next one. Source: Dockerfile reference, "Environment replacement".
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_SPACE = " \t\r\n"


class BadExpansion(ValueError):
    """A word that can't be expanded. offset: where in the word"""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def expand(word: str, variables: Mapping[str, str], escape: str = "\\", unset: list[str] | None = None) -> str:
    """`word` with variables put in, quotes and escapes taken off; spaces stay.

    unset: gets the names that have no value (they expand to "")
    Raises: BadExpansion
    """
    return _Expansion(word, variables, escape, unset).whole()


def expand_words(word: str, variables: Mapping[str, str], escape: str = "\\") -> list[str]:
    """The words of `word` after expansion: split at spaces that are not quoted, also at those from a variable's value.

    Raises: BadExpansion
    """
    expansion = _Expansion(word, variables, escape, None)
    expansion.whole()
    return expansion.words()


def expand_lines(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """A heredoc's content with variables put in: quotes are ordinary characters there. Raises: BadExpansion"""
    return _Expansion(text, variables, escape, None, quotes=False).whole()


class _Expansion:
    """One pass over a word. Pieces are (text, may be split at spaces)."""

    def __init__(
        self, text: str, variables: Mapping[str, str], escape: str, unset: list[str] | None, quotes: bool = True
    ) -> None:
        self.text = text
        self.variables = variables
        self.escape = escape
        self.unset = unset
        self.quotes = quotes
        self.at = 0
        self.pieces: list[tuple[str, bool]] = []

    def whole(self) -> str:
        self.pieces = self._until("")
        return "".join(piece for piece, _ in self.pieces)

    def words(self) -> list[str]:
        words: list[str] = []
        current: str | None = None
        for piece, splits in self.pieces:
            if not splits:
                current = (current or "") + piece
                continue
            for char in piece:
                if char not in _SPACE:
                    current = (current or "") + char
                elif current is not None:
                    words.append(current)
                    current = None
        return words if current is None else [*words, current]

    def _until(self, stop: str) -> list[tuple[str, bool]]:
        """The pieces up to a character of `stop` that is not quoted; stays on it."""
        pieces: list[tuple[str, bool]] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in stop and char:
                break
            if char == "'" and self.quotes:
                pieces.append((self._single(), False))
            elif char == '"' and self.quotes:
                pieces.append((self._double(), False))
            elif char == "$":
                pieces.append((self._dollar(), True))
            elif char == self.escape:
                pieces.append(self._escaped())
            else:
                pieces.append((char, True))
                self.at += 1
        return pieces

    def _escaped(self) -> tuple[str, bool]:
        following = self.text[self.at + 1 : self.at + 2]
        if not self.quotes and following not in ("$", self.escape):
            self.at += 1
            return self.escape, True
        self.at += 2
        return following, False

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise BadExpansion("unexpected end of statement while looking for matching single-quote", self.at)
        value = self.text[self.at + 1 : end]
        self.at = end + 1
        return value

    def _double(self) -> str:
        start = self.at
        self.at += 1
        value: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return "".join(value)
            if char == "$":
                value.append(self._dollar())
                continue
            if char == self.escape and self.text[self.at + 1 : self.at + 2] in ('"', "$", self.escape):
                self.at += 1
                char = self.text[self.at : self.at + 1]
            value.append(char)
            self.at += 1
        raise BadExpansion("unexpected end of statement while looking for matching double-quote", start)

    def _dollar(self) -> str:
        start = self.at
        self.at += 1
        if self.text.startswith("{", self.at):
            return self._braces(start)
        found = _NAME.match(self.text, self.at)
        if not found:
            return "$"
        self.at = found.end()
        return self._value(found[0])

    def _value(self, name: str) -> str:
        if name not in self.variables and self.unset is not None:
            self.unset.append(name)
        return self.variables.get(name, "")

    def _braces(self, start: int) -> str:
        self.at += 1
        found = _NAME.match(self.text, self.at)
        if not found:
            shown = self.text[start : start + 20]
            raise BadExpansion(f'bad substitution: expected a name after "${{", got "{shown}"', start)
        name = found[0]
        self.at = found.end()
        if self.text.startswith("}", self.at):
            self.at += 1
            return self._value(name)
        operator = self._operator(start)
        if operator in ("/", "//"):
            pattern = self._word("/}", start)
            replacement = ""
            if self.text.startswith("/", self.at):
                self.at += 1
                replacement = self._word("}", start)
            self.at += 1
            return _replace(self._value(name), pattern, replacement, every=operator == "//")
        word = self._word("}", start)
        self.at += 1
        return self._modified(name, operator, word, start)

    def _operator(self, start: int) -> str:
        for operator in (":-", ":+", ":?", "##", "%%", "//", "-", "+", "?", "#", "%", "/"):
            if self.text.startswith(operator, self.at):
                self.at += len(operator)
                return operator
        rest = self.text[start : start + 20]
        raise BadExpansion(f'unsupported modifier in substitution: "{rest}"', start)

    def _word(self, stop: str, start: int) -> str:
        quotes, self.quotes = self.quotes, True
        word = "".join(piece for piece, _ in self._until(stop))
        self.quotes = quotes
        if self.at >= len(self.text):
            raise BadExpansion('syntax error: missing "}"', start)
        return word

    def _modified(self, name: str, operator: str, word: str, start: int) -> str:
        value = self.variables.get(name)
        there = bool(value) if operator.startswith(":") else value is not None
        match operator[-1]:
            case "-":
                return value if there and value is not None else word
            case "+":
                return word if there else ""
            case "?":
                if there and value is not None:
                    return value
                raise BadExpansion(f"{name}: {word or 'not allowed to be unset'}", start)
            case "#":
                return _strip_start(self._value(name), word, longest=operator == "##")
            case _:
                return _strip_end(self._value(name), word, longest=operator == "%%")


@lru_cache(maxsize=256)
def _pattern(pattern: str, greedy: bool = True) -> re.Pattern[str]:
    """A shell pattern (`*`, `?`, escapes) as a regular expression."""
    parts: list[str] = []
    chars = iter(pattern)
    for char in chars:
        if char == "*":
            parts.append(".*" if greedy else ".*?")
        elif char == "?":
            parts.append(".")
        elif char == "\\":
            parts.append(re.escape(next(chars, "\\")))
        else:
            parts.append(re.escape(char))
    return re.compile("".join(parts), re.DOTALL)


def _strip_start(value: str, pattern: str, longest: bool) -> str:
    ends = range(len(value), -1, -1) if longest else range(len(value) + 1)
    return next((value[end:] for end in ends if _pattern(pattern).fullmatch(value, 0, end)), value)


def _strip_end(value: str, pattern: str, longest: bool) -> str:
    starts = range(len(value) + 1) if longest else range(len(value), -1, -1)
    return next((value[:start] for start in starts if _pattern(pattern).fullmatch(value, start)), value)


def _replace(value: str, pattern: str, replacement: str, every: bool) -> str:
    if not pattern:
        return value
    put: Callable[[re.Match[str]], str] = lambda _: replacement  # noqa: E731 - a text would have its escapes read
    return _pattern(pattern).sub(put, value, count=0 if every else 1)
