"""Colours, where a terminal wants them."""

from __future__ import annotations

from itertools import cycle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RED, GREEN, YELLOW, BLUE, DIM = "31;1", "32", "33", "34", "2"
#: of log prefixes, in the order in which containers get them
_RAINBOW = ("36", "33", "32", "35", "34", "36;1", "33;1", "32;1", "35;1", "34;1")


def paint(text: str, colour: str) -> str:
    """`text` in a colour; as it is for ""."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def rainbow() -> Iterator[str]:
    """Colours for log prefixes, without end."""
    return cycle(_RAINBOW)


def wants_colour(ansi: str, env: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether output is coloured.

    ansi: never, always or auto (a terminal, and no NO_COLOR)
    """
    if ansi in ("never", "always"):
        return ansi == "always"
    return is_terminal and not env.get("NO_COLOR") and env.get("TERM") != "dumb"
