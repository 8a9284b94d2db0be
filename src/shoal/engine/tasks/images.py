"""Images of tasks: fetched once, however many tasks want the same."""

import asyncio

from shoal.engine.images import Images
from shoal.errors import NotFound, ShoalError
from shoal.model.registry import RegistryAuth


class TaskImages:
    """Brings images to this node."""

    def __init__(self, images: Images) -> None:
        self._images = images
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
        try:
            await self._images.pull(reference, auth=auth)
        except NotFound as error:
            raise NotFound(f"No such image: {reference}: {error.message}") from error
        except ShoalError as error:
            raise type(error)(f"cannot pull {reference}: {error.message}") from error

    async def close(self) -> None:
        """End what is under way."""
        for pull in list(self._under_way.values()):
            pull.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
