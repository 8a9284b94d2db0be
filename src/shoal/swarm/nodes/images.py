"""Images from other nodes, where no registry has them.

Every node gives what it has. So that the node where an image was built does not send it to each of the others, it sends
each blob once, and names the receiver to those who ask after that; a receiver sends it to a few more, and so on.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import urlencode

from aiohttp import web

from shoal.contracts.cluster.peers import LocalImages
from shoal.contracts.registry import FetchedManifest
from shoal.errors import Forbidden, InvalidArgument, NotFound, ShoalError, Unavailable
from shoal.model.registry import RegistryAuth
from shoal.oci.manifest import Descriptor
from shoal.oci.reference import Reference
from shoal.swarm.nodes.client import NodeClient, pieces_of
from shoal.swarm.nodes.messages import decode, encode
from shoal.swarm.nodes.server import Callers, Handler

log = logging.getLogger("shoal.cluster.images")

PIECE_BYTES = 256 << 10
ASKED_AT_ONCE = 16
RETRY_S = 0.1
#: how often one that was named is asked again: it has received a blob, and may not have put it into its store yet
MOST_ASKED = 100
#: how often a node sends one blob before it names others: one that it has by itself, one that it has from a peer
OWN_SENDS, PASSED_SENDS = 1, 3
ASK_HEADER, TYPE_HEADER, DIGEST_HEADER = "Shoal-Ask", "Shoal-Media-Type", "Shoal-Digest"
_BUSY, _ELSEWHERE = 202, 203

#: "<node id>@<host:port>" of each node that serves
Peers = tuple[str, ...]


class Desk:
    """Who was sent which blob. passed: digests that this node has from a peer"""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self._under_way: dict[str, int] = {}
        self._receivers: dict[str, list[str]] = {}

    def begin(self, digest: str, *, anyway: bool) -> str | None:
        """None = send it now; "" = later; else who has it."""
        limit = PASSED_SENDS if digest in self.passed else OWN_SENDS
        receivers = self._receivers.get(digest, [])
        if anyway or len(receivers) + self._under_way.get(digest, 0) < limit:
            self._under_way[digest] = self._under_way.get(digest, 0) + 1
            return None
        if not receivers:
            return ""
        receivers.append(receivers.pop(0))  # in turn
        return receivers[0]

    def end(self, digest: str, receiver: str, *, is_whole: bool) -> None:
        """It was sent, or not all of it. receiver: a peer, "" = it serves nobody"""
        left = self._under_way.pop(digest, 1) - 1
        if left:
            self._under_way[digest] = left
        known = self._receivers.setdefault(digest, [])
        if is_whole and receiver and receiver not in known:
            known.append(receiver)


class ImageRoutes:
    """GET /v1/images?reference=…, /v1/blobs/{digest}?offset=…&from=…, and /v1/peers on managers. For members only."""

    def __init__(self, callers: Callers, images: LocalImages, desk: Desk, peers: Callable[[], Peers]) -> None:
        self._callers = callers
        self._images = images
        self._desk = desk
        self._peers = peers

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)"""
        return [
            ("GET", "/v1/peers", self.peers),
            ("GET", "/v1/images", self.manifest),
            ("GET", "/v1/blobs/{digest}", self.blob),
        ]

    async def peers(self, request: web.Request) -> web.Response:
        """All nodes that serve."""
        self._callers.identity(request)
        self._callers.managing()
        return web.Response(body=encode(self._peers()), content_type="application/json")

    async def manifest(self, request: web.Request) -> web.Response:
        """The manifest, its digest and media type in headers."""
        self._callers.identity(request)
        found = self._images.manifest(request.query.get("reference", ""))
        headers = {TYPE_HEADER: found.media_type, DIGEST_HEADER: found.digest}
        return web.Response(body=found.body, headers=headers)

    async def blob(self, request: web.Request) -> web.StreamResponse:
        """The bytes from `offset` on; or who has it by now, or that it is to be asked for later."""
        self._callers.identity(request)
        digest, receiver = request.match_info["digest"], request.query.get("from", "")
        path = self._images.blob(digest)
        offset = _number(request.query.get("offset", "0"))
        elsewhere = self._desk.begin(digest, anyway="anyway" in request.query)
        if elsewhere is not None:
            status = _ELSEWHERE if elsewhere else _BUSY
            return web.Response(status=status, headers={ASK_HEADER: elsewhere})
        is_whole = False
        try:
            response = web.StreamResponse(headers={"Content-Length": str(max(0, path.stat().st_size - offset))})
            await response.prepare(request)
            with path.open("rb") as file:
                file.seek(offset)
                while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                    await response.write(piece)
            await response.write_eof()
            is_whole = True
        finally:
            self._desk.end(digest, receiver, is_whole=is_whole)
        return response


class PeerImages:
    """The other nodes as a source of images: implements contracts.registry.Source.

    managers: "host:port" of every manager    own: this node as a peer
    """

    def __init__(self, client: NodeClient, desk: Desk, *, managers: Callable[[], Sequence[str]], own: str) -> None:
        self._client = client
        self._desk = desk
        self._managers = managers
        self._own = own
        self._sources: dict[str, list[str]] = {}  #: {repository: peers that had its manifest}

    async def manifest(self, reference: Reference, auth: RegistryAuth | None = None) -> FetchedManifest:
        """Of the first node that has the image. Raises: NotFound, Unavailable"""
        others, managers = [peer for peer in await self._peers() if peer != self._own], self._managers()
        coming = sorted(others, key=lambda peer: _address(peer) not in managers)  # images are built there mostly
        for begin in range(0, len(coming), ASKED_AT_ONCE):
            asked = coming[begin : begin + ASKED_AT_ONCE]
            answers = await asyncio.gather(*(self._manifest_at(peer, reference) for peer in asked))
            having = [(peer, found) for peer, found in zip(asked, answers, strict=True) if found is not None]
            if having:
                self._sources[reference.name] = [peer for peer, _ in having]
                return having[0][1]
        raise NotFound(f"no node of the cluster has {reference.familiar}")

    async def blob(
        self, reference: Reference, descriptor: Descriptor, offset: int, auth: RegistryAuth | None = None
    ) -> AsyncIterator[bytes]:
        """See contracts.registry. Raises: Unavailable when no node gives it"""
        given_up: set[str] = set()  #: they were named, and did not give it
        without: Counter[str] = Counter()  #: how often one answered that it has no such blob
        coming = list(self._sources.get(reference.name, ()))
        while coming:
            peer = coming.pop(0)
            query = {"offset": str(offset), "from": self._own} | ({"anyway": "1"} if peer in given_up else {})
            path = f"/v1/blobs/{descriptor.digest}?{urlencode(query)}"
            try:
                async with self._client.asked("GET", _address(peer), path, name=_node_id(peer)) as response:
                    if response.status == 200:
                        async for piece in pieces_of(peer, response):
                            offset += len(piece)
                            yield piece
                        self._desk.passed.add(descriptor.digest)
                        return
                    coming.append(peer)
                    other = response.headers.get(ASK_HEADER, "")
            except (Unavailable, NotFound, Forbidden) as error:
                without[peer] += 1
                if isinstance(error, NotFound) and coming and without[peer] < MOST_ASKED:
                    await asyncio.sleep(RETRY_S)  # whoever named it does so again
                    continue
                log.info("blob %s: %s", descriptor.digest, error.message)
                given_up.add(peer)
                continue
            if not other:
                await asyncio.sleep(RETRY_S)
            elif other in given_up or other == self._own:
                given_up.add(peer)  # then this one has to send it itself
            elif other not in coming:
                coming.insert(0, other)
        raise Unavailable(f"no node of the cluster gives {descriptor.digest}")

    async def _peers(self) -> Peers:
        error: ShoalError = Unavailable("no manager of the cluster is known")
        for address in self._managers():
            try:
                return decode(await self._client.call("GET", address, "/v1/peers"), Peers)
            except Unavailable as failed:
                error = failed
        raise error

    async def _manifest_at(self, peer: str, reference: Reference) -> FetchedManifest | None:
        path = f"/v1/images?{urlencode({'reference': reference.familiar})}"
        try:
            async with self._client.asked("GET", _address(peer), path, name=_node_id(peer)) as response:
                body = b"".join([piece async for piece in pieces_of(peer, response)])
                digest, media_type = response.headers[DIGEST_HEADER], response.headers[TYPE_HEADER]
                return FetchedManifest(digest=digest, media_type=media_type, body=body)
        except ShoalError as error:
            log.debug("%s: %s", peer, error.message)
            return None


def _node_id(peer: str) -> str:
    return peer.partition("@")[0]


def _address(peer: str) -> str:
    return peer.partition("@")[2]


def _number(text: str) -> int:
    if not text.isdecimal():
        raise InvalidArgument(f'offset: expected a number, got "{text}"')
    return int(text)
