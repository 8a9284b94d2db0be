"""The simulated network between machines: who reaches whom, how late, and what is lost."""

import asyncio
from collections.abc import Iterable
from random import Random

from shoal.errors import Unavailable

_TIMEOUT_S = 3.0  #: after which a caller that gets no answer gives up


class Links:
    """Every pair of machines has a cable of its own; a machine always reaches itself."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._cut: set[tuple[str, str]] = set()
        self.loss = 0.0  #: of messages, 0 to 1
        self.delay_s = 0.001  #: at most, each way

    def cut(self, some: Iterable[str], others: Iterable[str]) -> None:
        """Nothing passes between `some` and `others`, either way."""
        others = list(others)
        for one in some:
            for other in others:
                if one != other:
                    self._cut |= {(one, other), (other, one)}

    def cut_one_way(self, source: str, target: str) -> None:
        """Nothing passes from `source` to `target`."""
        self._cut.add((source, target))

    def heal(self) -> None:
        """Everything passes."""
        self._cut.clear()
        self.loss = 0.0
        self.delay_s = 0.001

    def reaches(self, source: str, target: str) -> bool:
        """Whether a message and its answer can pass."""
        return (source, target) not in self._cut and (target, source) not in self._cut

    def loses(self, source: str, target: str) -> bool:
        """Whether the next message there is lost."""
        if source == target:
            return False
        return (source, target) in self._cut or (self.loss > 0 and self._chance.random() < self.loss)

    async def travel(self, source: str, target: str) -> None:
        """Returns when a message that is not lost is there."""
        if source != target:
            await asyncio.sleep(self._chance.random() * self.delay_s)

    async def trip(self, source: str, target: str) -> None:
        """One message there. Raises: Unavailable, after a while, when it is lost"""
        if self.loses(source, target):
            await asyncio.sleep(_TIMEOUT_S)
            raise Unavailable(f"{target} does not answer {source}")
        await self.travel(source, target)
