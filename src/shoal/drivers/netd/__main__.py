"""`python -m shoal.drivers.netd DESCRIPTOR PATH`: serve engines on an inherited listening socket.

PATH is its name, for whoever reads the list of processes.
"""

import sys

# asyncio takes TLS along if it finds it: 3 MB that nothing here needs.
sys.modules["ssl"] = None  # type: ignore[assignment]

import asyncio  # noqa: E402
import ctypes  # noqa: E402
import gc  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402

from shoal.drivers.netd.holder import Holder  # noqa: E402
from shoal.drivers.netd.server import Server  # noqa: E402

PR_SET_NAME = 15


async def serve(listener: socket.socket) -> None:
    """Serve until told to quit, or until nothing is left to do."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, done.set)
    Server(listener, Holder.of_this_namespace(), done.set)
    gc.collect()
    gc.freeze()
    await done.wait()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"shoal-netd", 0, 0, 0)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
