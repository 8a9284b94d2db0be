"""Registries that want passwords sent elsewhere, or answer without end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from shoal.errors import DriverError, InvalidArgument, NotFound, ShoalError, Unauthorized
from shoal.model.registry import RegistryAuth
from tests.support.image_node import ImageNode
from tests.support.images import busybox_archive
from tests.support.ports import free_port

LOGIN = RegistryAuth(username="ann", password="s3cret")
DIGEST = "sha256:" + "0" * 64


@dataclass
class Server:
    """What was asked of it: (method, path, Authorization, body)."""

    host: str
    seen: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def secrets(self) -> list[str]:
        """Whatever secret came along."""
        return [text for _, _, header, body in self.seen for text in (header, body) if "refresh" in text or header]


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    server = Server(f"127.0.0.1:{free_port()}")

    async def noted(request: web.Request) -> web.StreamResponse:
        body = (await request.read())[:1000].decode(errors="replace")
        server.seen.append((request.method, request.path, request.headers.get("Authorization", ""), body))
        return await answer(request)

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", noted)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(server.host.partition(":")[2])).start()
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ImageNode]:
    async with ImageNode(tmp_path / "node") as running:
        yield running


async def test_a_host_that_a_registry_redirects_to_is_not_told_the_password(node: ImageNode) -> None:
    """It asks for it, as "its own" token server."""

    async def other(request: web.Request) -> web.Response:
        challenge = f'Bearer realm="http://{request.host}/token",service="x"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async with serving(other) as elsewhere:

        async def redirect(request: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"http://{elsewhere.host}{request.path}"})

        async with serving(redirect) as registry:
            with pytest.raises(NotFound, match="pull access denied"):
                await node.images.pull(f"{registry.host}/app:1", auth=LOGIN)
        assert [path for _, path, _, _ in elsewhere.seen] == ["/v2/app/manifests/1"]
        assert elsewhere.secrets == []


async def test_a_host_that_uploads_are_to_go_to_is_not_told_the_password(tmp_path: Path, node: ImageNode) -> None:
    async def take(request: web.Request) -> web.Response:
        return web.Response(status=201)

    async with serving(take) as elsewhere:

        async def registry_of_ann(request: web.Request) -> web.Response:
            if "Authorization" not in request.headers:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            if request.method == "POST":
                return web.Response(status=202, headers={"Location": f"http://{elsewhere.host}/upload?a=b"})
            return web.Response(status=201 if request.method == "PUT" else 404)

        async with serving(registry_of_ann) as registry:
            busybox_archive(tmp_path / "b.tar", f"{registry.host}/app:1")
            await node.load(tmp_path / "b.tar")
            await node.images.push(f"{registry.host}/app:1", auth=LOGIN)
            assert registry.secrets
        assert "PUT" in [method for method, *_ in elsewhere.seen]
        assert elsewhere.secrets == []


async def test_a_refresh_token_does_not_follow_a_redirect(node: ImageNode) -> None:
    async def take(request: web.Request) -> web.Response:
        return web.json_response({"token": "x"})

    async with serving(take) as elsewhere:

        async def answer(request: web.Request) -> web.Response:
            if request.path == "/token":
                return web.Response(status=307, headers={"Location": f"http://{elsewhere.host}/token"})
            challenge = f'Bearer realm="http://{request.host}/token",service="x"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})

        async with serving(answer) as registry:
            with pytest.raises(Unauthorized, match="wants to send us on with our token"):
                await node.images.pull(f"{registry.host}/app:1", auth=RegistryAuth(identity_token="refresh-me"))
        assert elsewhere.seen == []


async def test_a_digest_that_can_not_be_checked_is_not_taken(node: ImageNode) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"{}", content_type="application/vnd.oci.image.manifest.v1+json")

    async with serving(answer) as registry:
        with pytest.raises(InvalidArgument, match='invalid digest "sha512:'):
            await node.images.pull(f"{registry.host}/app@sha512:{'0' * 128}")


@pytest.mark.parametrize("path", ["manifest", "refusal", "token", "tags"])
async def test_nonsense_without_end_is_an_error(node: ImageNode, path: str) -> None:
    """JSON nested too deep for any parser, and more bytes than belong there."""
    nested = b"[" * 60_000

    async def answer(request: web.Request) -> web.StreamResponse:
        if path == "refusal":
            return web.Response(status=404, body=nested)
        if path == "token" and request.path != "/token":
            challenge = f'Bearer realm="http://{request.host}/token",service="x"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        if path == "tags":
            link = f"</v2/app/tags/list?last={len(request.query_string)}>; rel=next"
            return web.json_response({"tags": ["a"] * 50_000}, headers={"Link": link})
        return web.Response(body=nested + b" " * (64 << 20))

    async with serving(answer) as registry:
        asked = node.images.pull_all if path == "tags" else node.images.pull
        with pytest.raises(ShoalError) as caught:
            await asked(f"{registry.host}/app:1" if path != "tags" else f"{registry.host}/app")
        assert isinstance(caught.value, NotFound | InvalidArgument | DriverError | Unauthorized)
        assert len(registry.seen) < 10
