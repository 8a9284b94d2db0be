"""Who leads: one manager at a time, for as long as it says so in time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from shoal.contracts.cluster.store import ClusterStore
from shoal.errors import Fenced, ShoalError

log = logging.getLogger("shoal.cluster.leader")

TTL_S = 3.0
KEEP_S = 1.0
RETRY_S = 0.5


class Leader:
    """Campaigns until it leads, then runs `work` for as long as it does."""

    def __init__(self, store: ClusterStore, node_id: str, work: Callable[[int], Awaitable[None]]) -> None:
        """`work(epoch)`: what a leader does, until cancelled. Raises: Fenced when it learns that it leads no more"""
        self._store = store
        self._node_id = node_id
        self._work = work
        self.epoch = 0  #: of this manager while it leads, else 0
        self.kept_at = 0.0  #: when it last asked the store and heard that it leads, in loop time
        self._over_at = 0.0  #: when its time ends, in loop time

    @property
    def is_leading(self) -> bool:
        """Whether it leads, and its time is not over: a process may have been stopped for a while."""
        return bool(self.epoch) and asyncio.get_running_loop().time() < self._over_at

    async def run(self) -> None:
        """Until cancelled; resigns at the end."""
        while True:
            try:
                epoch = await self._store.campaign(self._node_id, TTL_S)
            except ShoalError as error:
                log.warning("cannot campaign: %s", error.message)
                await asyncio.sleep(RETRY_S)
                continue
            await self._lead(epoch)

    async def _lead(self, epoch: int) -> None:
        log.info("this manager leads, epoch %d", epoch)
        loop = asyncio.get_running_loop()
        self.epoch, self.kept_at, self._over_at = epoch, loop.time(), loop.time() + TTL_S
        work = asyncio.ensure_future(self._work(epoch))
        try:
            while not work.done() and await self._is_kept(epoch):
                await asyncio.wait([work], timeout=min(KEEP_S, self._over_at - loop.time()))
        finally:
            self.epoch = 0
            work.cancel()
            ended = (await asyncio.gather(work, return_exceptions=True))[0]
            if isinstance(ended, Exception) and not isinstance(ended, Fenced):
                log.error("the leader's work failed: %s", ended, exc_info=ended)
            await asyncio.shield(self._resign(epoch))
        await asyncio.sleep(RETRY_S)  # what ended this lead may end the next one as well

    async def _is_kept(self, epoch: int) -> bool:
        """Whether this manager still leads.

        Its time runs from when it asked, and ends though nobody answers: another one may lead by then.
        """
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            async with asyncio.timeout_at(self._over_at):
                is_kept = await self._store.keep(epoch)
        except (Fenced, TimeoutError):
            is_kept = False
        except ShoalError as error:
            log.warning("cannot say that this manager still leads: %s", error.message)
            return loop.time() < self._over_at
        if is_kept:
            self.kept_at, self._over_at = asked_at, asked_at + TTL_S
        else:
            log.info("this manager leads no more, epoch %d is over", epoch)
        return is_kept

    async def _resign(self, epoch: int) -> None:
        try:
            await self._store.resign(epoch)
        except ShoalError as error:
            log.info("cannot resign: %s", error.message)
