"""Blobs from other nodes: whom a node asks, and in which order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from shoal.errors import NotFound, Unavailable
from shoal.oci.manifest import Descriptor
from shoal.oci.reference import parse_reference
from shoal.swarm.nodes import images
from shoal.swarm.nodes.images import ASK_HEADER, Desk, PeerImages

REFERENCE = parse_reference("mine:1")
BLOB = Descriptor(media_type="application/octet-stream", digest=f"sha256:{'1' * 64}", size_bytes=4)
ORIGIN, RECEIVER, OWN = "one@10.0.0.1:2377", "two@10.0.0.2:2377", "three@10.0.0.3:2377"


class Nodes:
    """Other nodes: each answers what it is told to, the last answer again and again."""

    def __init__(self, **answers: list[tuple[int, str]]) -> None:
        self.answers = answers
        self.asked_for: list[str] = []

    @asynccontextmanager
    async def asked(self, method: str, address: str, path: str, *, name: str) -> AsyncIterator[Any]:
        self.asked_for.append(f"{name}{' anyway' if 'anyway' in path else ''}")
        answers = self.answers[name]
        status, text = answers.pop(0) if len(answers) > 1 else answers[0]
        if "anyway" in path:
            status, text = 200, "sent"
        if status == 404:
            raise NotFound("no such blob")
        if status == 503:
            raise Unavailable("nobody answers")
        headers = {ASK_HEADER: text} if status == 203 else {}
        yield SimpleNamespace(status=status, headers=headers, content=SimpleNamespace(iter_any=lambda: pieces(text)))


async def pieces(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "RETRY_S", 0)


async def blob_from(nodes: Nodes) -> bytes:
    source = PeerImages(nodes, Desk(), managers=lambda: (), own=OWN)  # type: ignore[arg-type]
    source._sources[REFERENCE.name] = [ORIGIN]
    return b"".join([piece async for piece in source.blob(REFERENCE, BLOB, 0)])


async def test_one_that_has_just_received_it_is_given_time_to_store_it():
    nodes = Nodes(one=[(203, RECEIVER)], two=[(404, ""), (404, ""), (200, "blob")])
    assert await blob_from(nodes) == b"blob"
    assert nodes.asked_for == ["one", "two", "one", "two", "one", "two"], "its origin does not send it again"


@pytest.mark.parametrize("answer", [404, 503])
async def test_one_that_never_gives_it_is_given_up(answer: int):
    nodes = Nodes(one=[(203, RECEIVER)], two=[(answer, "")])
    assert await blob_from(nodes) == b"sent"
    assert nodes.asked_for[-2:] == ["one", "one anyway"]
    assert nodes.asked_for.count("two") == (images.MOST_ASKED if answer == 404 else 1)


async def test_what_nobody_gives_is_an_error():
    with pytest.raises(Unavailable, match="no node of the cluster gives sha256:1111"):
        await blob_from(Nodes(one=[(404, "")]))
