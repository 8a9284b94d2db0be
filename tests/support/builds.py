"""Builds through the API of a real engine."""

import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from tests.support.engine import EngineProcess, _UnixConnection
from tests.support.images import entry, tar_of

Member = tuple[tarfile.TarInfo, bytes]


@dataclass
class Built:
    """What came of a build. status: of the reply; lines: decoded, in order"""

    status: int
    lines: Sequence[Mapping[str, Any]]

    @property
    def text(self) -> str:
        """Everything it printed."""
        return "".join(line.get("stream", "") for line in self.lines)

    @property
    def id(self) -> str:
        """The image's id. Fails when there is none."""
        assert not self.error, f"{self.error}\n{self.text}"
        return next(line["aux"]["ID"] for line in self.lines if "aux" in line)

    @property
    def error(self) -> str:
        """What went wrong, "" when nothing did."""
        return next((line.get("error") or line.get("message", "") for line in self.lines if "stream" not in line), "")

    @property
    def cached(self) -> int:
        """How many steps came from the cache."""
        return self.text.count(" ---> Using cache\n")


def context(dockerfile: str, *members: Member, name: str = "Dockerfile") -> bytes:
    """A context tar."""
    return tar_of(entry(name, dockerfile.encode()), *members)


def open_build(
    engine: EngineProcess, body: bytes, query: Mapping[str, Any], headers: Mapping[str, str], timeout_s: float = 60
) -> HTTPConnection:
    """A connection on which a build was asked for; read its reply."""
    pairs = [
        (key, item if isinstance(item, str) else json.dumps(item))
        for key, value in query.items()
        for item in (value if key == "t" and not isinstance(value, str) else [value])
    ]
    connection = _UnixConnection(engine.socket, timeout_s)
    connection.request("POST", f"/build?{urlencode(pairs)}", body, {"Content-Type": "application/x-tar", **headers})
    return connection


def build(
    engine: EngineProcess,
    text: str,
    /,
    *members: Member,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 60,
    **query: Any,
) -> Built:
    """Build a Dockerfile with these files."""
    connection = open_build(engine, context(text, *members), query, headers or {}, timeout_s)
    try:
        reply = connection.getresponse()
        return Built(
            status=reply.status, lines=[json.loads(line) for line in reply.read().splitlines() if line.strip()]
        )
    finally:
        connection.close()


def run(engine: EngineProcess, image: str, *command: str) -> str:
    """What a container of the image prints."""
    return engine.docker("run", "--rm", "--network=none", image, *command).stdout


def layer_names(engine: EngineProcess, image: str, layer: int = -1) -> list[str]:
    """Paths in one layer of an image, by `docker save`."""
    import io

    _, archive = engine.call("GET", f"/images/{image}/get")
    with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
        manifest = outer.extractfile("manifest.json")
        assert manifest
        path = json.loads(manifest.read())[0]["Layers"][layer]
        blob = outer.extractfile(path)
        assert blob
        with tarfile.open(fileobj=io.BytesIO(blob.read())) as inner:
            return sorted(_names(inner.getnames()))


def _names(names: Iterable[str]) -> list[str]:
    return [name.removeprefix("./") for name in names if name not in (".", "./")]
