"""The host's process table, as `ps` shows it."""

from collections.abc import Sequence
from typing import Protocol


class ProcessTable(Protocol):
    """Describes processes of the host."""

    async def describe(self, pids: Sequence[int], ps_args: str) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """(titles, one row per process of `pids` that still lives).

        ps_args: as for ps(1); "" and "-ef" are read from /proc, everything else needs the program `ps` on the host
        Raises: InvalidArgument when ps refuses the arguments, or they show no PID; DriverError when there is no ps
        """
        ...
