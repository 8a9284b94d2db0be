"""Images of tasks: fetched once, however many tasks want the same."""

import asyncio
import logging

from shoal.contracts.registry import Source
from shoal.engine.images import Images
from shoal.errors import Forbidden, NotFound, ShoalError, Unauthorized, Unavailable
from shoal.model.registry import RegistryAuth

log = logging.getLogger("shoal.cluster.images")


class TaskImages:
    """Brings images to this node."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self.peers: Source | None = None  #: the other nodes of the cluster
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def ensure(self, reference: str, auth: RegistryAuth | None) -> None:
        """The image is here; one that is already is not looked for elsewhere.

        Raises: NotFound, Unauthorized, Unavailable, …
        """
        while not self._is_here(reference):
            pull = self._under_way.get(reference)
            if pull is None:
                pull = asyncio.create_task(self._pull(reference, auth), name=f"pull {reference}")
                self._under_way[reference] = pull
                pull.add_done_callback(lambda _: self._under_way.pop(reference, None))
            await asyncio.shield(pull)

    def _is_here(self, reference: str) -> bool:
        try:
            self._images.resolve(reference)
        except NotFound:
            return False
        return True

    async def _pull(self, reference: str, auth: RegistryAuth | None) -> None:
        # What is fixed to a digest is the same wherever it comes from; a tag is what its registry says.
        if "@" in reference and await self._from_peers(reference):
            return
        try:
            await self._images.pull(reference, auth=auth)
        except (NotFound, Unauthorized, Forbidden, Unavailable) as error:
            if "@" in reference or not await self._from_peers(reference):
                raise _told(reference, error) from error
        except ShoalError as error:
            raise _told(reference, error) from error

    async def _from_peers(self, reference: str) -> bool:
        """Whether another node has given it."""
        if self.peers is None:
            return False
        try:
            await self._images.pull_from(self.peers, reference)
        except ShoalError as error:
            log.info("image %s is not from another node: %s", reference, error.message)
            return False
        return True

    async def close(self) -> None:
        """End what is under way."""
        for pull in list(self._under_way.values()):
            pull.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)


def _told(reference: str, error: ShoalError) -> ShoalError:
    if isinstance(error, NotFound):
        return NotFound(f"No such image: {reference}: {error.message}")
    return type(error)(f"cannot pull {reference}: {error.message}")
