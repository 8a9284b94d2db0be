"""Environment files: `.env` and `env_file`.

One `KEY=value` a line, `export` allowed, `#` comments. Single quotes keep the text as it is; double quotes know
`\\n`, `\\t`, `\\"`, `\\\\`, `\\$` and variables; both may span lines. A key without `=` takes the
variable's value from outside.
"""

import re

from shoal.compose.loading.interpolation import Interpolator, InvalidTemplate, Lookup, MissingVariable
from shoal.errors import InvalidArgument

_KEY = re.compile(r"(?:export[ \t]+)?([A-Za-z_0-9.\-\[\]]+)[ \t]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", '"': '"', "'": "'", "\\": "\\"}


def parse_dotenv(text: str, lookup: Lookup, shown: str) -> dict[str, str]:
    """The variables that the file sets, in order.

    lookup: variables from outside; they go before the file's own when a value names them
    shown: the file's name in messages
    Raises: InvalidArgument with the line
    """
    return _Parser(text, lookup, shown).parse()


def parse_raw(text: str, lookup: Lookup) -> dict[str, str]:
    """The variables of an `env_file` with `format: raw`: values exactly as they stand, quotes and all."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if equals:
            values[key.strip()] = value
        elif (found := lookup(key.strip())) is not None:
            values[key.strip()] = found
    return values


class _Parser:
    def __init__(self, text: str, lookup: Lookup, shown: str) -> None:
        self._text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        self._lookup = lookup
        self._shown = shown
        self._values: dict[str, str] = {}
        self._position = 0

    def parse(self) -> dict[str, str]:
        while self._skip_blank():
            self._statement()
        return self._values

    def _skip_blank(self) -> bool:
        """Move to the next statement; False at the end."""
        text = self._text
        while self._position < len(text):
            if text[self._position] in " \t\n\r\f\v":
                self._position += 1
            elif text[self._position] == "#":
                self._position = self._line_end()
            else:
                return True
        return False

    def _line_end(self) -> int:
        end = self._text.find("\n", self._position)
        return len(self._text) if end < 0 else end

    def _statement(self) -> None:
        found = _KEY.match(self._text, self._position)
        if not found:
            raise self._error(f'unexpected character "{self._text[self._position]}" in variable name')
        key = found[1]
        after = self._text[found.end() : found.end() + 1]
        if after in ("=", ":"):
            self._position = found.end() + 1
            self._values[key] = self._value()
        elif after in ("", "\n", "#"):
            self._position = self._line_end()
            value = self._lookup(key)
            if value is not None:
                self._values[key] = value
        else:
            raise self._error(f'unexpected character "{after}" in variable name near "{key}"')

    def _value(self) -> str:
        text = self._text
        while self._position < len(text) and text[self._position] in " \t":
            self._position += 1
        quote = text[self._position : self._position + 1]
        if quote in ("'", '"') and quote:
            return self._quoted(quote)
        end = self._line_end()
        raw = text[self._position : end]
        comment = re.search(r"(^|[ \t])#", raw)
        raw = (raw[: comment.start()] if comment else raw).rstrip()
        value = self._expand(raw)
        self._position = end
        return value

    def _quoted(self, quote: str) -> str:
        start = self._position + 1
        position = start
        while (position := self._text.find(quote, position)) >= 0:
            backslashes = 0
            while self._text[position - 1 - backslashes] == "\\" and position - 1 - backslashes >= start:
                backslashes += 1
            if backslashes % 2 == 0:
                break
            position += 1
        if position < 0:
            raise self._error("unterminated quoted value")
        raw = self._text[start:position]
        value = raw.replace("\\'", "'") if quote == "'" else self._expand(_unescape(raw))
        self._position = position + 1
        rest = self._text[self._position : self._line_end()]
        if rest.strip() and not rest.strip().startswith("#"):
            raise self._error(f'unexpected text after the closing quote: "{rest.strip()}"')
        self._position = self._line_end()
        return value

    def _expand(self, raw: str) -> str:
        try:
            return Interpolator(self._find).substitute(raw)
        except InvalidTemplate:
            raise self._error(f'invalid interpolation format: "{raw}"') from None
        except MissingVariable as error:
            raise self._error(str(error)) from None

    def _find(self, name: str) -> str | None:
        value = self._lookup(name)
        return self._values.get(name) if value is None else value

    def _error(self, text: str) -> InvalidArgument:
        line = self._text.count("\n", 0, self._position) + 1
        return InvalidArgument(f"{self._shown}:{line}: {text}")


def _unescape(raw: str) -> str:
    """Escapes of double quotes; `\\$` becomes `$$`, which the interpolation turns into `$`."""
    if "\\" not in raw:
        return raw

    def one(found: re.Match[str]) -> str:
        letter = found[1]
        if letter == "$":
            return "$$"
        return _ESCAPES.get(letter, found[0])

    return re.sub(r"\\(.)", one, raw, flags=re.DOTALL)
