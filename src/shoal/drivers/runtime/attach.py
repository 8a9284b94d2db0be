"""A connection to a container's stdio through conmon's attach socket."""

import asyncio
import os
import socket
from pathlib import Path

from shoal.contracts.runtime import STDERR, STDOUT
from shoal.drivers.runtime.conmon import PIPE_STDERR, STDIN_PACKET
from shoal.drivers.runtime.processes import wait_readable, wait_writable
from shoal.errors import DriverError

_PACKET = 64 * 1024
_ACCEPT_S = 2.0
_POLL_S = 0.001


class ConmonAttachment:
    """Implements contracts.runtime.Attachment."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def read(self) -> tuple[int, bytes] | None:
        """The next piece of output; None at the end of the run."""
        while True:
            try:
                packet = self._socket.recv(_PACKET)
            except BlockingIOError:
                await wait_readable(self._socket.fileno())
                continue
            except ConnectionError:
                return None
            if not packet:
                return None
            return (STDERR if packet[0] == PIPE_STDERR else STDOUT), packet[1:]

    async def write(self, data: bytes) -> None:
        """Give input; dropped when the run has ended."""
        for start in range(0, len(data), STDIN_PACKET):
            packet = data[start : start + STDIN_PACKET]
            while True:
                try:
                    self._socket.send(packet)
                    break
                except BlockingIOError:
                    await wait_writable(self._socket.fileno())
                except (ConnectionError, BrokenPipeError):
                    return

    def close_stdin(self) -> None:
        """Half-close: conmon hands the end-of-file on unless stdin is to stay open."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:  # the run has ended
            return

    def close(self) -> None:
        """Leave."""
        self._socket.close()


async def connect(bundle: Path, *, output: bool) -> ConmonAttachment:
    """A connection to the conmon of `bundle`. Raises: DriverError when it is not there

    output: without it, conmon sends none (it would wait for us to read it)
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setblocking(False)
    try:
        folder = os.open(bundle, os.O_PATH | os.O_DIRECTORY)
        try:
            # by way of the fd: a socket's path must fit into 108 bytes
            await _connect(connection, f"/proc/self/fd/{folder}/attach")
            if not output:
                connection.shutdown(socket.SHUT_RD)
        finally:
            os.close(folder)
    except OSError as error:
        connection.close()
        raise DriverError(f"can't attach to the container's supervisor: {error.strerror}") from error
    except BaseException:
        connection.close()
        raise
    return ConmonAttachment(connection)


async def _connect(connection: socket.socket, path: str) -> None:
    end = asyncio.get_running_loop().time() + _ACCEPT_S
    while True:
        try:
            return connection.connect(path)
        except BlockingIOError:  # conmon's backlog is full for now
            if asyncio.get_running_loop().time() > end:
                raise
            await asyncio.sleep(_POLL_S)


async def wait_accepted(supervisor_pid: int, connections: int) -> None:
    """Return when conmon has accepted this many connections: it tells nobody, but its open files show it.

    Output that comes before is not sent to a connection; so those who attached before the start are waited for.
    """
    end = asyncio.get_running_loop().time() + _ACCEPT_S
    while _sockets(supervisor_pid) <= connections and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


def _sockets(pid: int) -> int:
    folder = f"/proc/{pid}/fd"
    try:
        links = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    except OSError:
        return 1 << 16  # it has ended: nothing to wait for
    return sum(link.startswith("socket:") for link in links)
