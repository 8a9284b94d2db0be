"""A small Debian from the distribution's packages."""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol


class Bootstrap(Protocol):
    """Makes root file systems."""

    def debian(self, suite: str, say: Callable[[str], None]) -> AsyncGenerator[bytes, None]:
        """The tar of a small Debian, as it is made. Ending the iteration early ends the work.

        say: gets a line for each thing that goes on
        Raises: DriverError when mmdebstrap is missing or fails
        """
        ...

    def host_busybox(self) -> bytes | None:
        """The host's static busybox, None where it has none."""
        ...
