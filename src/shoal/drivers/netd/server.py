"""netd's side of the control socket."""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from shoal.drivers.netd.holder import Holder, Refused
from shoal.drivers.netd.protocol import LENGTH, VERSION, encode, receive_some


class Server:
    """Engines' connections to a holder. `quit` is called when the last engine has left and nothing is held."""

    def __init__(self, listener: socket.socket, holder: Holder, quit: Callable[[], None]) -> None:
        self._holder = holder
        self._quit = quit
        self._loop = asyncio.get_running_loop()
        self._connections: set[_Connection] = set()
        self._listener = listener
        listener.setblocking(False)
        self._loop.add_reader(listener, self._on_connection)

    def _on_connection(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        self._connections.add(_Connection(connection, self))

    def forget(self, connection: "_Connection") -> None:
        self._connections.discard(connection)
        if not self._connections and not self._holder.ids:
            self._end()

    def _end(self) -> None:
        """Nobody is listened to any more: an engine that comes now must not take this process for one that stays."""
        self._loop.remove_reader(self._listener)
        self._listener.close()
        self._quit()

    def answer(self, message: dict[str, Any], descriptors: list[int]) -> tuple[dict[str, Any], tuple[int, ...]]:
        """The reply to one message, and the descriptors that go with it."""
        op = message["op"]
        if op == "put":
            try:
                return {"ports": self._holder.put(message["id"], message, descriptors)}, ()
            except Refused as refusal:
                for descriptor in descriptors:
                    os.close(descriptor)
                return {"refused": refusal.reply}, ()
        if op == "names":
            self._holder.put_names(message["put"], message["drop"], full=message["full"])
            return {}, ()
        if op == "drop":
            for id in message["ids"]:
                self._holder.drop(id)
            return {}, ()
        if op == "hello":
            return {"version": VERSION, "pid": os.getpid(), "ids": self._holder.ids}, ()
        if op == "take":
            return {}, self._holder.descriptors(message["id"])
        if op == "quit":
            self._loop.call_soon(self._end)
            return {}, ()
        return {"error": f'unknown operation "{op}"'}, ()


class _Connection:
    def __init__(self, connection: socket.socket, server: Server) -> None:
        self._connection = connection
        self._server = server
        self._buffer = bytearray()
        self._descriptors: list[int] = []
        self._loop = asyncio.get_running_loop()
        connection.setblocking(False)
        self._loop.add_reader(connection, self._on_data)

    def _on_data(self) -> None:
        try:
            data, descriptors = receive_some(self._connection, 1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._close()
            return
        self._buffer += data
        self._descriptors += descriptors
        # An engine sends its next message after our reply, so what came with these bytes belongs to this message.
        while len(self._buffer) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                return
            message = json.loads(self._buffer[LENGTH.size : end])
            del self._buffer[:end]
            taken, self._descriptors = self._descriptors, []
            self._reply(*self._answer(message, taken))

    def _answer(self, message: dict[str, Any], descriptors: list[int]) -> tuple[dict[str, Any], tuple[int, ...]]:
        try:
            return self._server.answer(message, descriptors)
        except (KeyError, TypeError, ValueError, OSError) as error:
            return {"error": f"{type(error).__name__}: {error}"}, ()

    def _reply(self, reply: dict[str, Any], descriptors: tuple[int, ...]) -> None:
        data = encode(reply)
        try:
            if descriptors:
                socket.send_fds(self._connection, [data], list(descriptors))
            else:
                self._connection.sendall(data)
        except OSError:
            self._close()

    def _close(self) -> None:
        self._loop.remove_reader(self._connection)
        self._connection.close()
        self._server.forget(self)
