"""Works of a leader that run until cancelled, side by side."""

import asyncio
from collections.abc import Coroutine

from shoal.errors import Fenced


async def together(**works: Coroutine[object, object, None]) -> None:
    """Until one of them fails; the others are cancelled then. works: by name

    Raises: Fenced where one learnt that this manager leads no more; else a group of what failed
    """
    try:
        async with asyncio.TaskGroup() as group:
            for name, work in works.items():
                group.create_task(work, name=name)
    except BaseExceptionGroup as failed:
        # Not in `except*`: what is raised there comes out in a group again.
        if failed.subgroup(Fenced) is not None:
            raise Fenced("another manager leads by now") from failed
        raise
