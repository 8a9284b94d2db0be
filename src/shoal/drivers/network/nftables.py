"""nftables in process: libnftables through ctypes. One text is one transaction. Source: libnftables(3)."""

import asyncio
import ctypes
import threading
from collections.abc import Collection

from shoal.drivers.network.netfilter import TableNews, forget_udp
from shoal.errors import DriverError

_HINT = "install the nftables package: apt install nftables"


def _load() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libnftables.so.1")
    except OSError as error:
        raise DriverError(f"libnftables is missing: {error}", hint=_HINT) from error
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    for name in ("nft_ctx_free", "nft_ctx_buffer_error", "nft_ctx_buffer_output"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    for name in ("nft_ctx_get_error_buffer", "nft_ctx_get_output_buffer"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
        getattr(library, name).restype = ctypes.c_char_p
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    return library


class Nftables:
    """The firewall of the namespace in which a text is run. The library is loaded when it is first needed."""

    def __init__(self) -> None:
        self._library: ctypes.CDLL | None = None
        self._lock = threading.Lock()

    def run(self, text: str) -> str:
        """What nft prints for `text`, carried out in the calling thread's namespace.

        Raises: DriverError with nft's message; nothing of the text is in effect then
        """
        with self._lock:
            self._library = library = self._library or _load()
            # A context is a socket in the namespace where it was made; making one takes 50 µs.
            context = library.nft_ctx_new(0)
            try:
                library.nft_ctx_buffer_error(context)
                library.nft_ctx_buffer_output(context)
                failed = library.nft_run_cmd_from_buffer(context, text.encode())
                output = (library.nft_ctx_get_output_buffer(context) or b"").decode(errors="replace")
                error = (library.nft_ctx_get_error_buffer(context) or b"").decode(errors="replace")
            finally:
                library.nft_ctx_free(context)
        if failed:
            first = next((line for line in error.splitlines() if line.strip()), "unknown error")
            raise DriverError(f"nftables: {first}", argv=("nft", "-f", "-"), exit_status=failed, stderr_tail=error)
        return output

    async def apply(self, text: str) -> None:
        """Carry out `text` in the host's namespace, beside the event loop."""
        if text:
            await asyncio.to_thread(self.run, text)

    async def has_table(self, family: str, table: str) -> bool:
        """True when the table is there."""
        listed = await asyncio.to_thread(self.run, f"list tables {family}")
        return f"table {family} {table}" in listed.splitlines()

    async def wait_deleted(self, table: str) -> None:
        """Returns after a table of this name was deleted, by us or by others."""
        news = TableNews()
        try:
            await news.wait_deleted(table)
        finally:
            news.close()

    async def forget_udp(self, ports: Collection[int]) -> None:
        """UDP flows to these ports of the host start anew with their next datagram."""
        try:
            await asyncio.to_thread(forget_udp, ports)
        except OSError as error:
            raise DriverError(f"cannot forget UDP flows: {error}") from error
