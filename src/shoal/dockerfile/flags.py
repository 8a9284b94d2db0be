"""The `--name=value` words of an instruction, taken one by one."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from shoal.dockerfile.parser import Flag, Node
from shoal.dockerfile.source import BadDockerfile
from shoal.dockerfile.words import did_you_mean, parse_bool

T = TypeVar("T")


class Flags:
    """Flags of one node. Take those that the instruction knows, then call `end`, which refuses the rest."""

    def __init__(self, node: Node) -> None:
        """`node` is the instruction that the flags stand on."""
        self._node = node
        self._known: list[str] = []

    def all(self, name: str) -> list[Flag]:
        """Every flag of this name, in order."""
        self._known.append(name)
        return [flag for flag in self._node.flags if flag.name == name]

    def given(self, name: str) -> bool:
        """Whether the flag is there."""
        return bool(self.all(name))

    def text(self, name: str) -> str:
        """The value of a flag that may stand once; "" where it is not there. Raises: BadDockerfile"""
        found = self._single(name)
        if found and not found.value:
            raise self._bad(found, f"missing a value on flag: --{name}")
        return found.value if found else ""

    def flag(self, name: str) -> bool:
        """Whether `--name` or `--name=true` is there. Raises: BadDockerfile"""
        return self.parsed(name, parse_bool, False)

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """One of `allowed`, or "". Raises: BadDockerfile"""
        value = self.text(name)
        if value and value not in allowed:
            found = self.all(name)[0]
            raise self._bad(found, f'--{name}: expected one of {", ".join(allowed)}, got "{value}"')
        return value

    def parsed(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The value through `parse`, whose ValueError becomes the message. Raises: BadDockerfile"""
        found = self._single(name)
        if found is None:
            return default
        try:
            return parse(found.value)
        except ValueError as error:
            raise self._bad(found, f"--{name}: {error}") from None

    def end(self) -> None:
        """Refuse flags that nobody asked for. Raises: BadDockerfile"""
        for flag in self._node.flags:
            if flag.name not in self._known:
                meant = did_you_mean(f"--{flag.name}", [f"--{name}" for name in self._known])
                raise self._bad(flag, f"unknown flag: --{flag.name}{meant}")

    def _single(self, name: str) -> Flag | None:
        found = self.all(name)
        if len(found) > 1:
            raise self._bad(found[1], f"duplicate flag specified: --{name}")
        return found[0] if found else None

    def _bad(self, flag: Flag, message: str) -> BadDockerfile:
        return BadDockerfile(flag.position, self._node.keyword, message)
