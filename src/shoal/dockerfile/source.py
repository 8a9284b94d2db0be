"""Where things stand in a Dockerfile, and the errors that say so."""

from bisect import bisect_right
from dataclasses import dataclass

from shoal.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of a Dockerfile with its continuation lines joined, which still knows where each character came from.

    marks: (offset in value, position) of each piece that was joined, ascending, the first at offset 0
    """

    value: str
    marks: tuple[tuple[int, Position], ...]

    def at(self, offset: int) -> Position:
        """The position of the character at `offset`."""
        start, position = self.marks[max(0, bisect_right(self.marks, offset, key=lambda mark: mark[0]) - 1)]
        return Position(position.file, position.line, position.column + offset - start)

    def cut(self, start: int) -> "Text":
        """The text from `start` on."""
        later = tuple((offset - start, position) for offset, position in self.marks if offset > start)
        return Text(self.value[start:], ((0, self.at(start)), *later))

    def strip(self) -> "Text":
        """Without white space at both ends."""
        text = self.cut(len(self.value) - len(self.value.lstrip()))
        return Text(text.value.rstrip(), text.marks)


class BadDockerfile(InvalidArgument):
    """The Dockerfile is wrong; the message is "FILE:LINE:COLUMN: INSTRUCTION: what was wanted, what was got"."""

    def __init__(self, position: Position, keyword: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{position}: {keyword}: {message}" if keyword else f"{position}: {message}", hint=hint)
        self.position = position
