"""`contracts.cluster.keys.NewNodeKey`, made by a program that ends right after.

What makes keys takes 11 MiB once it is loaded, and a worker needs it for a few milliseconds in three months. The key
comes through a pipe: it is never on a disk, on a command line or in an environment.
"""

import subprocess
from collections.abc import Sequence

from shoal.contracts.cluster.keys import NodeKey
from shoal.drivers.threads import in_thread
from shoal.errors import DriverError

_REQUEST = "-----BEGIN CERTIFICATE REQUEST-----"
_LONGEST_S = 60.0


class KeyProgram:
    """argv: of a program that prints a new key and then the request (PEM)"""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)

    async def __call__(self) -> NodeKey:
        """A new key. Raises: DriverError"""
        return await in_thread(self._run)

    def _run(self) -> NodeKey:
        try:
            done = subprocess.run(
                self._argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd="/",
                timeout=_LONGEST_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failed(str(error)) from error
        key, mark, request = done.stdout.partition(_REQUEST)
        if done.returncode != 0 or not key or not mark:
            raise self._failed(f"exit {done.returncode}: {done.stderr.strip()[-500:]}")
        return NodeKey(key, mark + request)

    def _failed(self, why: str) -> DriverError:
        return DriverError(f"a key for this node can't be made: {why}", argv=self._argv)
