"""`contracts.networking.Netd`: the engine's side of netd's control socket."""

import asyncio
import logging
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from shoal.contracts.networking import Holding, PortRefused
from shoal.drivers.netd.protocol import VERSION, receive, send
from shoal.drivers.network.port_users import port_user
from shoal.errors import DriverError
from shoal.lifecycle.network.names import Entry

log = logging.getLogger(__name__)
TIMEOUT_S = 15.0
MAX_CANDIDATES = 512  #: of a port that may be any; netd finds one among so many


class NetdClient:
    """Talks to the netd of one run directory."""

    def __init__(self, run: Path) -> None:
        self._path = run / "netd.sock"
        self._log_path = run / "netd.log"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="netd")
        self._connection: socket.socket | None = None
        self.pid = 0
        self._pidfd = -1
        self._gone = asyncio.Event()

    async def open(self) -> Sequence[str]:
        """Adopt the process of an earlier engine or start one; ids of what it holds."""
        self._gone.clear()
        opening = asyncio.ensure_future(self._in_thread(self._open))
        try:
            ids, pid = await asyncio.shield(opening)
        except asyncio.CancelledError:
            with suppress(DriverError, OSError):
                self._watch((await opening)[1])  # `close` is to see it end
            raise
        self._watch(pid)
        return list(ids)

    def _open(self) -> tuple[list[str], int]:
        self._disconnect()
        hello = self._find() or self._start()
        if hello["version"] != VERSION:
            log.info("replacing netd of another version", extra={"pid": hello["pid"]})
            self._request({"op": "quit"})
            self._disconnect()
            hello = self._start()
        return list(hello["ids"]), int(hello["pid"])

    def _find(self) -> dict[str, Any] | None:
        """What the netd of an earlier engine says, None when there is none, or it is just ending."""
        try:
            return self._greet()
        except DriverError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise  # it lives and has the ports: a second one would not help
            self._disconnect()
            return None

    def _greet(self) -> dict[str, Any] | None:
        try:
            self._connect()
        except OSError:
            return None
        reply, _ = self._request({"op": "hello"})
        return reply

    def _connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(TIMEOUT_S)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        self._connection = connection

    def _start(self) -> dict[str, Any]:
        self._path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, self._log_path.open("ab") as output:
            listener.bind(str(self._path))
            self._path.chmod(0o600)
            listener.listen(8)
            self._connect()  # before it is there: should we die from now on, it finds us gone and ends
            argv = [sys.executable, "-m", "shoal.drivers.netd", str(listener.fileno()), str(self._path)]
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[listener.fileno()],
                start_new_session=True,
                cwd="/",
            )
        # It outlives us on purpose; the warning about a child that is still running would be wrong.
        process.returncode = 0
        try:
            hello, _ = self._request({"op": "hello"})
        except DriverError as error:
            raise DriverError("netd did not start", argv=argv, hint=f"see {self._log_path}") from error
        return hello

    def _request(self, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> tuple[dict[str, Any], list[int]]:
        if self._connection is None:
            raise DriverError("netd is not running")
        try:
            send(self._connection, message, descriptors)
            received = receive(self._connection)
        except OSError as error:
            raise DriverError(f"netd does not answer: {error}") from error
        if received is None:
            raise DriverError("netd has ended", hint=f"see {self._log_path}")
        reply, found = received
        if "error" in reply:
            raise DriverError(f"netd refused {message['op']}: {reply['error']}")
        return reply, found

    async def _in_thread(self, job: Any, *arguments: Any) -> Any:
        """What `job` returns. Its end is waited for also by who is cancelled: it may use descriptors of the caller."""
        running = asyncio.get_running_loop().run_in_executor(self._thread, job, *arguments)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    def _watch(self, pid: int) -> None:
        self._unwatch()
        self.pid = pid
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._gone.set()
            return
        asyncio.get_running_loop().add_reader(self._pidfd, self._on_gone)

    def _unwatch(self) -> None:
        if self._pidfd >= 0:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _on_gone(self) -> None:
        self._unwatch()
        self._bury()
        self._gone.set()

    async def put(
        self, container_id: str, holding: Holding, descriptors: Sequence[int] = ()
    ) -> Sequence[int] | PortRefused:
        """The host port of each wish; see the contract."""
        message = _put_message(container_id, holding)
        try:
            reply, _ = await self._in_thread(self._request, message, tuple(descriptors))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if "refused" in reply:
            refused = PortRefused(**reply["refused"])
            wish = holding.ports[refused.index]
            if not wish.is_fixed:
                return refused
            return replace(refused, user=await asyncio.to_thread(port_user, wish.protocol, wish.candidates[0]))
        return list(reply["ports"])

    async def put_names(
        self, entries: Mapping[str, Sequence[Entry]], gone: Sequence[str] = (), *, full: bool = False
    ) -> None:
        """Names that belong to no container here."""
        put = {id: [asdict(entry) for entry in each] for id, each in entries.items()}
        await self._in_thread(self._request, {"op": "names", "put": put, "drop": list(gone), "full": full})

    async def drop(self, container_ids: Sequence[str]) -> None:
        """Let go of everything of these containers."""
        await self._in_thread(self._request, {"op": "drop", "ids": list(container_ids)})

    async def take(self, container_id: str) -> tuple[int, ...]:
        """Copies of the descriptors held for a container."""
        _, found = await self._in_thread(self._request, {"op": "take", "id": container_id})
        return tuple(found)

    async def wait_gone(self) -> None:
        """Returns when the process has ended."""
        await self._gone.wait()

    async def close(self) -> None:
        """Leave the process alone, or see it end when it holds nothing."""
        pidfd, self._pidfd = self._pidfd, -1
        if pidfd >= 0:
            asyncio.get_running_loop().remove_reader(pidfd)
            await self._in_thread(self._part, pidfd)
            os.close(pidfd)
        await self._in_thread(self._disconnect)
        self._thread.shutdown()

    def _part(self, pidfd: int) -> None:
        try:
            hello, _ = self._request({"op": "hello"})
            if hello["ids"]:
                return
            self._request({"op": "quit"})
        except DriverError as error:
            log.warning("netd was not told to end", extra={"cause": error.message})
            return
        self._disconnect()
        select.select([pidfd], [], [], TIMEOUT_S)
        self._bury()

    def _bury(self) -> None:
        with suppress(ChildProcessError):  # a child of an earlier engine is not ours to bury
            os.waitpid(self.pid, os.WNOHANG)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _put_message(container_id: str, holding: Holding) -> dict[str, Any]:
    ports: list[Mapping[str, Any]] = [
        {
            "protocol": wish.protocol,
            "host_ips": wish.host_ips,
            "candidates": list(wish.candidates[:MAX_CANDIDATES]),
            "container_port": wish.container_port,
            "ipv4": holding.ipv4,
            "ipv6": holding.ipv6,
        }
        for wish in holding.ports
    ]
    return {
        "op": "put",
        "id": container_id,
        "entries": [asdict(entry) for entry in holding.entries],
        "asker": asdict(holding.asker),
        "forward": holding.forward,
        "ports": ports,
    }
