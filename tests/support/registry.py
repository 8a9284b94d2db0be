"""A real registry on loopback, and one in front of it that misbehaves on demand."""

import asyncio
import base64
import json
import secrets
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.support.ports import free_port

DOCKER_REGISTRY = "/usr/bin/docker-registry"
READY_S = 15.0


class RegistryProcess:
    """docker-registry, its data below `folder`. host: "127.0.0.1:port" """

    def __init__(
        self, folder: Path, auth: dict[str, Any] | None = None, *, address: str = "127.0.0.1", tls: bool = False
    ) -> None:
        """`auth`: the `auth` section of its configuration; `tls`: with a certificate that nobody knows."""
        self.folder = folder
        self.address = address
        self.port = free_port()
        self.host = f"{address}:{self.port}"
        self._auth = auth
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> "RegistryProcess":
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}, "delete": {"enabled": True}},
            "http": {"addr": self.host, "secret": secrets.token_hex(8), **self._certificate()},
            **({"auth": self._auth} if self._auth else {}),
        }
        path = self.folder / "config.yml"
        path.write_text(json.dumps(config))
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - takes no time
                [DOCKER_REGISTRY, "serve", str(path)], stdout=log, stderr=log
            )
        await self._wait_until_ready()
        return self

    def _certificate(self) -> dict[str, Any]:
        if not self._tls:
            return {}
        key, certificate = make_certificate(self.folder)
        return {"tls": {"certificate": str(certificate), "key": str(key)}}

    async def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while True:
            assert self._process is not None and self._process.poll() is None, (self.folder / "log").read_text()
            try:
                _, writer = await asyncio.open_connection(self.address, self.port)
                writer.close()
                await writer.wait_closed()
                return
            except OSError:
                assert time.monotonic() < deadline, "docker-registry does not answer"
                await asyncio.sleep(0.02)

    async def __aexit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait, 10)


def htpasswd(folder: Path, user: str, password: str) -> dict[str, Any]:
    """The `auth` section for one user."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "htpasswd"
    subprocess.run(["htpasswd", "-Bbc", str(path), user, password], check=True, capture_output=True)
    return {"htpasswd": {"realm": "test", "path": str(path)}}


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A new key and its self-signed certificate."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    flags = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    argv = ["openssl", "req", "-x509", *flags, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True)
    return key, certificate


def own_address() -> str:
    """An address of this machine that is not loopback, "" where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return ""


class TokenServer:
    """Gives signed tokens to one user, and to anybody for reading what starts with "public/".

    asked: the scopes that were asked for
    refresh_token: what it gives, and takes in place of the password
    """

    def __init__(self, folder: Path, user: str, password: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._key, self._cert = make_certificate(folder)
        self._basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.user = user
        self.refresh_token = secrets.token_hex(8)
        self.port = free_port()
        self.asked: list[str] = []

    @property
    def auth(self) -> dict[str, Any]:
        """The `auth` section of a registry that trusts this server."""
        return {
            "token": {
                "realm": f"http://127.0.0.1:{self.port}/token",
                "service": "test-registry",
                "issuer": "test-issuer",
                "rootcertbundle": str(self._cert),
            }
        }

    async def __aenter__(self) -> "TokenServer":
        app = web.Application()
        app.router.add_route("*", "/token", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        form = await request.post() if request.method == "POST" else request.query
        header = request.headers.get("Authorization", "")
        is_user = header == self._basic or form.get("refresh_token") == self.refresh_token
        if (header or "refresh_token" in form) and not is_user:
            body = {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]}
            return web.json_response(body, status=401)
        scopes = [scope for text in form.getall("scope", []) for scope in str(text).split()]
        self.asked.extend(scopes)
        access = [found for scope in scopes if (found := self._grant(scope, is_user)) is not None]
        reply = {"token": self._sign(access), "expires_in": 120}
        if form.get("offline_token"):
            reply["refresh_token"] = self.refresh_token
        return web.json_response(reply)

    @staticmethod
    def _grant(scope: str, is_user: bool) -> dict[str, Any] | None:
        kind, name, actions = scope.split(":")
        if is_user:
            return {"type": kind, "name": name, "actions": actions.split(",")}
        return {"type": kind, "name": name, "actions": ["pull"]} if name.startswith("public/") else None

    def _sign(self, access: list[dict[str, Any]]) -> str:
        der = base64.b64encode(_pem_body(self._cert.read_text())).decode()
        now = int(time.time())
        claims = {"iss": "test-issuer", "sub": self.user, "aud": "test-registry", "exp": now + 120, "nbf": now - 10}
        claims |= {"iat": now - 10, "jti": secrets.token_hex(8), "access": access}
        text = ".".join(
            _base64url(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "RS256", "x5c": [der]}, claims)
        )
        argv = ["openssl", "dgst", "-sha256", "-sign", str(self._key)]
        signature = subprocess.run(argv, input=text.encode(), check=True, capture_output=True).stdout
        return f"{text}.{_base64url(signature)}"


def _pem_body(pem: str) -> bytes:
    lines = [line for line in pem.splitlines() if not line.startswith("-----")]
    return base64.b64decode("".join(lines))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


#: (request, body, headers to change) -> the body to send, and after how many bytes to hang up
Meddle = Callable[[web.Request, bytes, dict[str, str]], tuple[bytes, int | None]]


@asynccontextmanager
async def front_door(registry: RegistryProcess, meddle: Meddle) -> AsyncIterator[str]:
    """A server in front of the registry, reading only; yields its host. `meddle` may change what it answers."""
    port = free_port()

    async def answer(request: web.Request) -> web.StreamResponse:
        url = f"http://{registry.host}{request.path_qs}"
        headers = {key: request.headers[key] for key in ("Accept", "Range", "Authorization") if key in request.headers}
        async with aiohttp.ClientSession() as session, session.request(request.method, url, headers=headers) as reply:
            body = await reply.read()
            kept = {
                key: value
                for key, value in reply.headers.items()
                if key in ("Content-Type", "Docker-Content-Digest", "Content-Range", "Www-Authenticate")
            }
        body, hang_up_after = meddle(request, body, kept)
        response = web.StreamResponse(status=reply.status, headers=kept)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body if hang_up_after is None else body[:hang_up_after])
        if hang_up_after is not None:
            assert request.transport is not None
            request.transport.close()
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()
