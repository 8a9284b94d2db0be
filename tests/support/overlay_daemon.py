"""`python -m tests.support.overlay_daemon`: a shoald whose overlay is told what to be by a test, not by managers.

It listens at <run>/overlay.sock; a request is one line of JSON, and so is the reply, {"error": …} or {"result": …}.
"""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from shoal.daemon.main import main
from shoal.daemon.wiring import Engine
from shoal.errors import ShoalError
from shoal.model.cluster.assignment import OverlayState
from shoal.model.network import JoinRequest, Sandbox

SOCKET = "overlay.sock"
MAX_LINE = 1 << 26


class OverlayEngine(Engine):
    """The engine with a door to its overlay."""

    async def open(self) -> None:
        self._join, self.networks.join = self.networks.join, self._join_task  # type: ignore[method-assign]
        await super().open()
        path = Path(self.settings.run) / SOCKET
        path.unlink(missing_ok=True)
        self._door = await asyncio.start_unix_server(self._on_connection, path, limit=MAX_LINE)

    async def _join_task(self, request: JoinRequest) -> Sandbox:
        """Who comes with an address is a task: tests give those, as managers do."""
        endpoints = {key: replace(one, is_given=bool(one.ipv4_address)) for key, one in request.endpoints.items()}
        return await self._join(replace(request, endpoints=endpoints))

    async def close(self) -> None:
        self._door.close()
        await super().close()

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = {"result": await self._answer(json.loads(await reader.readline()))}
        except ShoalError as error:
            reply = {"error": error.message}
        writer.write(json.dumps(reply).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _answer(self, request: dict[str, Any]) -> Any:
        overlay = self.networks.overlay
        if request["op"] == "apply":
            return await overlay.apply(msgspec.convert(request["state"], OverlayState, strict=False))
        if request["op"] == "drained":
            return await overlay.drained(request["task"], request["deadline"])
        return await overlay.leave()


if __name__ == "__main__":
    sys.modules["shoal.daemon.main"].Engine = OverlayEngine  # type: ignore[attr-defined]
    sys.exit(main())
