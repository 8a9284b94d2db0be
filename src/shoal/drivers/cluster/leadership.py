"""Who leads, and until when, in memory: for stores whose callers share one event loop."""

import asyncio
from collections.abc import Awaitable, Callable

from shoal.errors import Fenced


class Leadership:
    """One holder at a time. Time is the event loop's."""

    def __init__(self, epoch: int, save: Callable[[int], Awaitable[None]]) -> None:
        """epoch: the newest one so far. save: writes a new one down before anybody leads by it"""
        self.newest = epoch
        self._save = save
        self._holder = ""
        self._ttl_s = 0.0
        self._until = 0.0
        self._turn = asyncio.Lock()
        self._is_free = asyncio.Event()

    def leader(self) -> tuple[str, int]:
        """(holder, epoch), ("", 0) = nobody."""
        return (self._holder, self.newest) if self._left_s() > 0 else ("", 0)

    def check(self, epoch: int) -> None:
        """Raises: Fenced when `epoch` is over."""
        if epoch and self.leader()[1] != epoch:
            raise Fenced(f"epoch {epoch} is over: another manager leads, or nobody")

    async def campaign(self, holder: str, ttl_s: float) -> int:
        """The epoch of `holder`, once it leads."""
        while True:
            await self._wait_free(holder)
            async with self._turn:
                if self._left_s() > 0 and self._holder != holder:
                    continue
                epoch = self.newest + 1
                await self._save(epoch)
                self.newest, self._holder, self._ttl_s = epoch, holder, ttl_s
                self._until = asyncio.get_running_loop().time() + ttl_s
                self._is_free.clear()
                return epoch

    async def epochs_after(self, epoch: int) -> None:
        """See the contract."""
        async with self._turn:
            if epoch > self.newest:
                await self._save(epoch)
                self.newest = epoch
                self._holder = ""

    def keep(self, epoch: int) -> bool:
        """See the contract."""
        if self.leader()[1] != epoch:
            return False
        self._until = asyncio.get_running_loop().time() + self._ttl_s
        return True

    def resign(self, epoch: int) -> None:
        """See the contract."""
        if self.leader()[1] == epoch:
            self._holder = ""
            self._is_free.set()

    async def _wait_free(self, holder: str) -> None:
        while (left_s := self._left_s()) > 0 and self._holder != holder:
            try:
                await asyncio.wait_for(self._is_free.wait(), left_s)
            except TimeoutError:
                continue

    def _left_s(self) -> float:
        return self._until - asyncio.get_running_loop().time() if self._holder else 0.0
