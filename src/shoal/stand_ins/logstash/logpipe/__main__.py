"""Runs the pipeline of /usr/share/logstash/pipeline until a signal; what is on its way then still goes out."""

import asyncio
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from logstash_pipeline_parser import Pipeline as Parser
from logstash_pipeline_parser.tree import ParseError

from .config import Branch, ConfigError, Pipeline, Plugin, Step, pipeline
from .event import Event
from .filters import FILTERS, apply, check, run
from .inputs import INPUTS, decorated
from .outputs import BATCH, OUTPUTS

HOME = Path("/usr/share/logstash")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}")
_WAITING = 1000  #: events that wait at most: then inputs do


class Run:
    """One pipeline at work: inputs put into a queue, one worker filters and sends in batches."""

    def __init__(self, said: Pipeline, host: str, port: int) -> None:
        self._said = said
        self._address = (host, port)
        self._queue: asyncio.Queue[Event] = asyncio.Queue(_WAITING)
        self._outputs = {id(plugin): OUTPUTS[plugin.name](plugin) for plugin in plugins(said.outputs)}
        self.counts: Counter[str] = Counter()

    async def until(self, ended: asyncio.Event) -> None:
        """Serve until `ended`, then send what is left."""
        inputs = [
            asyncio.create_task(_named(plugin, INPUTS[plugin.name](plugin, self))) for plugin in self._said.inputs
        ]
        state = await asyncio.start_server(self._tell, *self._address)
        worker = asyncio.create_task(self._work())
        print("[INFO ] Pipeline started", flush=True)
        waiting = asyncio.create_task(_wait(ended))
        done, _ = await asyncio.wait({waiting, worker, *inputs}, return_when=asyncio.FIRST_COMPLETED)
        for task in inputs:
            task.cancel()
        state.close()
        for task in done - {waiting}:
            task.result()
        await self._queue.join()
        worker.cancel()

    async def put(self, fields: dict[str, Any], plugin: Plugin) -> None:
        """Something that came in; waits while too many wait."""
        self.counts["in"] += 1
        await self._queue.put(Event(decorated(fields, plugin), datetime.now(UTC)))

    def offer(self, fields: dict[str, Any], plugin: Plugin) -> None:
        """The same, lost while too many wait."""
        self.counts["in"] += 1
        if self._queue.full():
            self.counts["lost"] += 1
        else:
            self._queue.put_nowait(Event(decorated(fields, plugin), datetime.now(UTC)))

    async def _work(self) -> None:
        while True:
            events = [await self._queue.get()]
            while len(events) < BATCH and not self._queue.empty():
                events.append(self._queue.get_nowait())
            await self._pass_on(events)
            for _ in events:
                self._queue.task_done()

    async def _pass_on(self, events: list[Event]) -> None:
        batches: dict[int, list[Event]] = {}
        for event in events:
            run(self._said.filters, event, apply)
            self.counts["filtered"] += 1
            if not event.dropped:
                run(self._said.outputs, event, lambda plugin, event: batches.setdefault(id(plugin), []).append(event))
        for number, batch in batches.items():
            await asyncio.to_thread(self._outputs[number].send, batch)
            self.counts["out"] += len(batch)

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What is asked on port 9600: `/` and `/_node/stats`."""
        await reader.readline()
        events = {name: self.counts[name] for name in ("in", "filtered", "out", "lost")}
        body = json.dumps({"name": "logpipe", "status": "green", "stands for": "logstash", "events": events}).encode()
        head = (
            "HTTP/1.1 200 OK",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        writer.write("\r\n".join((*head, "", "")).encode() + body)
        await writer.drain()
        writer.close()


async def _wait(ended: asyncio.Event) -> None:
    await ended.wait()


async def _named(plugin: Plugin, serving: Any) -> None:
    try:
        await serving
    except OSError as error:
        raise ConfigError(f"input {plugin.name}: {error}") from error


def plugins(steps: tuple[Step, ...]) -> Iterator[Plugin]:
    """All plugins of a section, those of branches too."""
    for step in steps:
        if isinstance(step, Branch):
            for _, then in step.ways:
                yield from plugins(then)
        else:
            yield step


def read(text: str) -> Pipeline:
    """The pipeline of a file. Raises: ConfigError"""
    filled = _VARIABLE.sub(lambda match: os.environ.get(match[1], match[2] if match[2] is not None else match[0]), text)
    try:
        said = pipeline(Parser(filled).parse())
    except ParseError as error:
        raise ConfigError(str(error)) from error
    check(said.inputs, INPUTS, "input")
    check(said.filters, FILTERS, "filter")
    check(said.outputs, OUTPUTS, "output")
    if not said.outputs:
        said = replace(said, outputs=(Plugin("stdout"),))
    return said


def main() -> int:
    print("This is a stand-in: logpipe, which reads Logstash's pipeline files.", flush=True)
    file = HOME / "config/logstash.yml"
    settings = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
    folder = Path(settings.get("path.config") or HOME / "pipeline")
    paths = [folder] if folder.is_file() else sorted(folder.glob("*.conf"))
    try:
        running = Run(read("\n".join(path.read_text() for path in paths)), settings.get("http.host", "127.0.0.1"), 9600)
        asyncio.run(_main(running))
    except ConfigError as error:
        print(f"[FATAL] {', '.join(map(str, paths)) or folder}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


async def _main(running: Run) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await running.until(ended)


sys.exit(main())
