"""A shoald that is a cluster of one node, without certificates: manager, agent and engine in one process.

python -m tests.support.one_node --root R --run BASE/run …

Below the API there is a socket RUN/control.sock: a line of JSON {"call": "services.create", "args": […]} is answered
with one line {"result": …} or {"error": text, "kind": class}. Overlay networks are not made.
"""

import asyncio
import contextlib
import json
import random
import secrets
import socket
import string
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

import shoal.daemon.main as daemon
from shoal.daemon.wiring import Engine
from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
from shoal.engine.tasks import Tasks
from shoal.engine.tasks.describing import describe
from shoal.errors import ShoalError
from shoal.model.cluster.assignment import OverlayState
from shoal.model.cluster.cluster import Cluster, ClusterSpec
from shoal.model.cluster.node import Availability, ManagerStatus, Node, NodeDescription, NodeSpec, Role
from shoal.model.cluster.service import ServiceSpec
from shoal.swarm.agent import Agent
from shoal.swarm.agent.record import FileRecord
from shoal.swarm.manager import Manager
from shoal.swarm.sealing import AesSeal

NODE_ID = "n0de0000000000000000000me"
ALPHABET = string.ascii_lowercase + string.digits


def new_id() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(25))


class NoOverlay:
    """Overlay networks that nobody asked for."""

    async def apply(self, state: OverlayState) -> None: ...

    async def drained(self, task_id: str, deadline_s: float) -> bool:
        return True

    async def leave(self) -> None: ...


class OneNode(Engine):
    """The engine with a cluster of its own. BASE/no-manager: the node finds no manager at its start."""

    async def open(self) -> None:
        await super().open()
        root = Path(self.settings.root)
        self.tasks = Tasks(self.containers, self.images, self.events, describe=self._describe, now_ns=time.time_ns)
        self.store = SqliteClusterStore(root / "cluster.db")
        self.manager: Manager | None = None
        self._work: list[asyncio.Task[None]] = []
        if not (root.parent / "no-manager").exists():
            await self._open_manager(root)
        self.agent = Agent(
            NODE_ID,
            self.tasks,
            NoOverlay(),
            self.manager.dispatcher if self.manager else Unreachable(),  # type: ignore[arg-type]
            now_ns=time.time_ns,
            record=FileRecord(root / "agent.json"),
        )
        self._work.append(asyncio.create_task(self.agent.run()))
        control = str(Path(self.settings.run) / "control.sock")
        self._server = await asyncio.start_unix_server(self._serve, control)

    async def _describe(self) -> NodeDescription:
        return describe(self._host, await self._drivers.links.host(), self.settings, "0")

    async def _open_manager(self, root: Path) -> None:
        await self.store.open()
        key = root / "data-key"
        if not key.exists():
            key.write_bytes(secrets.token_bytes(32))
        self.manager = manager = Manager(
            self.store,
            node_id=NODE_ID,
            seal=AesSeal(key.read_bytes(), secrets.token_bytes),
            now_ns=time.time_ns,
            new_id=new_id,
            choose=random.randrange,
        )
        await manager.open()
        if manager.ledger.view.cluster is None:
            now = time.time_ns()
            node = Node(
                id=NODE_ID,
                spec=NodeSpec(role=Role.MANAGER, availability=Availability.ACTIVE),
                created_at=now,
                updated_at=now,
                number=1,
                address="127.0.0.1",
                manager=ManagerStatus(address="127.0.0.1:2377"),
            )
            cluster = Cluster(id=new_id(), spec=ClusterSpec(), created_at=now, updated_at=now, ca_certificate="")
            await manager.ledger.write([cluster, node])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            try:
                answer = {"result": await self._answer(json.loads(line))}
            except ShoalError as error:
                answer = {"error": error.message, "kind": type(error).__name__}
            writer.write(msgspec.json.encode(answer) + b"\n")
        writer.close()

    async def _answer(self, asked: dict[str, Any]) -> Any:
        noun, _, verb = asked["call"].partition(".")
        args = asked.get("args", [])
        if verb in ("create", "update") and noun == "services":
            args[-1] = msgspec.convert(args[-1], ServiceSpec)
        if (noun, verb) == ("secrets", "create"):
            args[1] = args[1].encode()
        part = self.agent if noun == "agent" else getattr(self.manager, noun)
        found = getattr(part, verb)
        if not callable(found):
            return found
        return await found(*args, **asked.get("more", {}))

    async def close(self) -> None:
        self._server.close()
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        if self.manager is not None:
            await self.manager.close()
        await self.store.close()
        await self.tasks.close()
        await super().close()


class Unreachable:
    """Managers that are not there."""

    def session(self, node_id: str, description: NodeDescription) -> Any:
        from shoal.errors import Unavailable

        raise Unavailable("no manager answers")


def control(run: Path, call: str, *args: Any, **more: Any) -> Any:
    """What the control API of the node answers. Raises: AssertionError for an error"""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as line:
        line.settimeout(30)
        line.connect(str(run / "control.sock"))
        line.sendall(msgspec.json.encode({"call": call, "args": list(args), "more": more}) + b"\n")
        with line.makefile() as answers:
            answer: Mapping[str, Any] = json.loads(answers.readline())
    if "error" in answer:
        raise AssertionError(f"{answer['kind']}: {answer['error']}")
    return answer["result"]


if __name__ == "__main__":
    daemon.Engine = OneNode  # type: ignore[misc]
    sys.exit(daemon.main())
