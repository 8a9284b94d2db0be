"""`contracts.registry.Registry` on aiohttp. Source: OCI distribution specification v1.1."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from shoal.contracts.registry import FetchedManifest
from shoal.drivers.registry.bodies import read_body, read_json
from shoal.drivers.registry.failures import Refused, connection_error, pull_error, push_error, refusal
from shoal.drivers.registry.tokens import Tokens, Wish
from shoal.drivers.threads import in_thread
from shoal.errors import DriverError, ShoalError, Unauthorized, Unavailable
from shoal.model.registry import RegistryAuth
from shoal.model.settings import Settings
from shoal.oci.challenge import parse_challenges
from shoal.oci.digest import parse_digest, sha256
from shoal.oci.endpoints import Endpoint, endpoints, is_insecure, registry_of
from shoal.oci.manifest import INDEXES, MANIFEST_LIMIT_BYTES, MANIFESTS, Descriptor
from shoal.oci.reference import Reference

_ACCEPT = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
_CHUNK = 256 << 10
_TRIES = 6
_FIRST_WAIT_S = 0.2
_MAX_TAGS = 100_000
_BROKEN = (aiohttp.ClientError, TimeoutError, ConnectionError)


class OciRegistry:
    """Talks to registries, each over its own kept connections."""

    def __init__(self, settings: Settings) -> None:
        """`settings`: mirrors of docker.io, and the registries that may do without TLS."""
        self._mirrors = settings.registry_mirrors
        self._insecure = settings.insecure_registries
        self._sessions: dict[bool, aiohttp.ClientSession] = {}  #: {whether through the host's proxy: session}
        self._tokens = Tokens(self._session)
        self._working: dict[str, Endpoint] = {}  #: {domain: the endpoint that answered last}

    def _session(self, url: str) -> aiohttp.ClientSession:
        """The session for a URL: the proxies of the environment are not for this machine itself."""
        is_proxied = not is_insecure(urlsplit(url).netloc)
        session = self._sessions.get(is_proxied)
        if session is None:
            # Not compressed in transit: digests are of the bytes as they are.
            headers = {"User-Agent": "shoal", "Accept-Encoding": "identity"}
            session = aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers, trust_env=is_proxied)
            self._sessions[is_proxied] = session
        return session

    async def close(self) -> None:
        """Close the connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    # one request

    @asynccontextmanager
    async def _request(
        self, method: str, endpoint: Endpoint, path: str, wish: Wish, **how: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response; when the registry asks who we are, the second one. Raises: ShoalError, Refused"""
        tokens = self._tokens
        url = urljoin(endpoint.url, path)
        session = self._session(url)
        headers = {**how.pop("headers", {})}
        if endpoint.is_insecure and not endpoint.is_plain:
            how["ssl"] = False
        home = URL(endpoint.url).origin()
        # What is known of this registry, and what it may be answered, is for no other host that it sends us to.
        known = tokens.known(wish) if URL(url).origin() == home else ""
        try:
            async with session.request(method, url, headers=_with(headers, known), **how) as response:
                if response.status != 401 or "data" in how or response.url.origin() != home:
                    yield await _checked(response)
                    return
                challenge = ", ".join(response.headers.getall("WWW-Authenticate", []))
            value = await tokens.answer(challenge, wish, endpoint)
            async with session.request(method, url, headers=_with(headers, value), **how) as response:
                yield await _checked(response)
        except _BROKEN as error:
            raise connection_error(method, url, error) from error
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            # Nobody cancelled us: aiohttp gave up sending, because the registry had answered before it had read all.
            if isinstance(answered := error.__context__, Refused | ShoalError):
                raise answered from None
            raise Unavailable(f'{method.title()} "{url}": the registry closed the connection') from error

    def _endpoints(self, domain: str, *, write: bool = False) -> list[Endpoint]:
        found = [e for e in endpoints(domain, self._mirrors, self._insecure) if not (write and e.is_mirror)]
        working = self._working.get(domain)
        is_known = working in found and not any(endpoint.is_mirror for endpoint in found)
        return [working] if is_known and working is not None else found

    @asynccontextmanager
    async def _read(
        self, reference: Reference, method: str, path: str, auth: RegistryAuth | None, **how: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response of the first endpoint that has what is wanted. Raises: NotFound, Unavailable …"""
        async with self._first(reference, method, path, (_scope(reference, "pull"),), auth, **how) as response:
            yield response

    @asynccontextmanager
    async def _first(
        self,
        reference: Reference,
        method: str,
        path: str,
        scopes: tuple[str, ...],
        auth: RegistryAuth | None,
        **how: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        is_write = any("push" in scope for scope in scopes)
        translate = push_error if is_write else pull_error
        errors: list[ShoalError] = []
        for endpoint in self._endpoints(reference.domain, write=is_write):
            wish = Wish(endpoint.url, scopes, None if endpoint.is_mirror else auth)
            context = self._request(method, endpoint, f"/v2/{reference.path}/{path}", wish, **how)
            try:
                response = await context.__aenter__()
            except Refused as refused:
                if not endpoint.is_mirror:
                    self._working[reference.domain] = endpoint
                    raise translate(refused, reference) from refused
                errors.append(translate(refused, reference))
                continue
            except ShoalError as error:
                errors.append(error)
                if isinstance(error, Unauthorized) and not endpoint.is_mirror:
                    raise
                continue
            if not endpoint.is_mirror:
                self._working[reference.domain] = endpoint
            try:
                yield response
            finally:
                await context.__aexit__(None, None, None)
            return
        raise errors[-1]

    # reading

    async def manifest(self, reference: Reference, auth: RegistryAuth | None = None) -> FetchedManifest:
        """The manifest or index that the reference's digest, else its tag, points to."""
        wanted = reference.digest or reference.tag
        async with self._read(reference, "GET", f"manifests/{wanted}", auth, headers=_ACCEPT) as response:
            body = await read_body(response, MANIFEST_LIMIT_BYTES)
            said = response.headers.get("Docker-Content-Digest", "")
            media_type = response.headers.get("Content-Type", "")
        digest = sha256(body)
        expected = (parse_digest(reference.digest),) if reference.digest else ()
        for one in (*expected, *([said] if said.startswith("sha256:") else [])):
            if one != digest:
                raise DriverError(f"manifest verification failed for digest {one}: its content has {digest}")
        return FetchedManifest(digest=digest, media_type=media_type.partition(";")[0].strip(), body=body)

    async def blob(
        self, reference: Reference, descriptor: Descriptor, offset: int, auth: RegistryAuth | None = None
    ) -> AsyncIterator[bytes]:
        """The blob's bytes from `offset` on, over as many connections as it takes."""
        at = offset
        failures = 0
        while at < descriptor.size_bytes or (at == 0 and not failures):
            before = at
            try:
                async for chunk in self._blob_once(reference, descriptor, at, auth):
                    at += len(chunk)
                    yield chunk
                if at >= descriptor.size_bytes:
                    return
                error: ShoalError = Unavailable(f"the registry ended {descriptor.digest} after {at} bytes")
            except Unavailable as broken:
                error = broken
            failures = 1 if at > before else failures + 1
            if failures >= _TRIES:
                raise error
            await asyncio.sleep(_FIRST_WAIT_S * 2 ** (failures - 1))

    async def _blob_once(
        self, reference: Reference, descriptor: Descriptor, offset: int, auth: RegistryAuth | None
    ) -> AsyncIterator[bytes]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        path = f"blobs/{descriptor.digest}"
        async with self._read(reference, "GET", path, auth, headers=headers) as response:
            skip = offset if response.status != 206 else 0  # it does not know ranges: once more from the beginning
            try:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    if skip >= len(chunk):
                        skip -= len(chunk)
                        continue
                    yield chunk[skip:] if skip else chunk
                    skip = 0
            except _BROKEN as error:
                raise connection_error("GET", str(response.url), error) from error

    async def tags(self, reference: Reference, auth: RegistryAuth | None = None) -> list[str]:
        """All tags of the repository."""
        tags: list[str] = []
        path = "tags/list"
        while path:
            async with self._read(reference, "GET", path, auth) as response:
                value = await read_json(response, MANIFEST_LIMIT_BYTES)
                found = value.get("tags") or []
                tags.extend(str(tag) for tag in (found if isinstance(found, list) else []))
                if len(tags) > _MAX_TAGS or not found:
                    break
                following = response.links["next"]["url"] if "next" in response.links else ""
                path = f"tags/list?{urlsplit(str(following)).query}" if following else ""
        return tags

    async def has_blob(self, reference: Reference, digest: str, auth: RegistryAuth | None = None) -> bool:
        """Whether the repository has the blob."""
        scopes = (_scope(reference, "pull,push"),)
        try:
            async with self._first(reference, "HEAD", f"blobs/{digest}", scopes, auth):
                return True
        except DriverError:
            return False

    # writing

    async def mount_blob(
        self, reference: Reference, digest: str, source: Reference, auth: RegistryAuth | None = None
    ) -> bool:
        """Whether the registry took the blob over from its repository `source`."""
        scopes = (_scope(reference, "pull,push"), _scope(source, "pull"))
        how = {"params": {"mount": digest, "from": source.path}}
        async with self._first(reference, "POST", "blobs/uploads/", scopes, auth, **how) as response:
            if response.status == 201:
                return True
            location = response.headers.get("Location", "")
        await self._cancel_upload(reference, location, scopes, auth)
        return False

    async def _cancel_upload(
        self, reference: Reference, location: str, scopes: tuple[str, ...], auth: RegistryAuth | None
    ) -> None:
        """The registry opened an upload in place of the mount; nobody needs it. One that can't be cancelled expires."""
        endpoint = self._endpoints(reference.domain, write=True)[0]
        try:
            async with self._request("DELETE", endpoint, location, Wish(endpoint.url, scopes, auth)):
                pass
        except (Refused, ShoalError):
            return

    async def push_blob(
        self,
        reference: Reference,
        descriptor: Descriptor,
        path: Path,
        auth: RegistryAuth | None = None,
        advance: Callable[[int], None] | None = None,
    ) -> None:
        """Upload a file as a blob, in one request."""
        scopes = (_scope(reference, "pull,push"),)
        async with self._first(reference, "POST", "blobs/uploads/", scopes, auth) as response:
            location = urljoin(str(response.url), response.headers.get("Location", ""))
        endpoint = self._working[reference.domain]
        mark = "&" if urlsplit(location).query else "?"
        how: dict[str, Any] = {
            "data": _file_chunks(path, advance),
            "headers": {"Content-Length": str(descriptor.size_bytes), "Content-Type": "application/octet-stream"},
        }
        url = f"{location}{mark}digest={descriptor.digest}"
        try:
            async with self._request("PUT", endpoint, url, Wish(endpoint.url, scopes, auth), **how):
                pass
        except Refused as refused:
            raise push_error(refused, reference) from refused

    async def push_manifest(
        self, reference: Reference, body: bytes, media_type: str, auth: RegistryAuth | None = None
    ) -> str:
        """The digest of the manifest, now at the reference's tag (or digest)."""
        scopes = (_scope(reference, "pull,push"),)
        digest = sha256(body)
        how: dict[str, Any] = {"data": body, "headers": {"Content-Type": media_type}}
        path = f"manifests/{reference.tag or digest}"
        async with self._first(reference, "PUT", path, scopes, auth, **how) as response:
            said = response.headers.get("Docker-Content-Digest", digest)
        if said != digest:
            raise DriverError(f"the registry keeps the manifest as {said}, expected {digest}")
        return digest

    async def login(self, auth: RegistryAuth) -> str:
        """The identity token that the registry gives, "" where it gives none."""
        errors: list[ShoalError] = []
        for endpoint in endpoints(registry_of(auth.server_address), (), self._insecure):
            url = f"{endpoint.url}/v2/"
            how: dict[str, Any] = {"ssl": False} if endpoint.is_insecure and not endpoint.is_plain else {}
            try:
                async with self._session(url).get(url, **how) as response:
                    challenge = ", ".join(response.headers.getall("WWW-Authenticate", []))
                    status = response.status
            except _BROKEN as error:
                errors.append(connection_error("GET", url, error))
                continue
            if status != 401:
                return ""
            return await self._log_in(endpoint, challenge, auth)
        raise errors[-1]

    async def _log_in(self, endpoint: Endpoint, challenge: str, auth: RegistryAuth) -> str:
        for found in parse_challenges(challenge):
            if found.scheme == "bearer":
                reply = await self._tokens.fetch(found, (), auth, endpoint, offline=True)
                return str(reply.get("refresh_token", ""))
        try:
            async with self._request("GET", endpoint, "/v2/", Wish(endpoint.url, (), auth)):
                return ""
        except Refused as refused:
            why = f"login attempt to {endpoint.url}/v2/ failed with status: {refused.status}"
            raise Unauthorized(f"{why} Unauthorized" if refused.status == 401 else why) from refused


def _scope(reference: Reference, actions: str) -> str:
    return f"repository:{reference.path}:{actions}"


def _with(headers: dict[str, str], authorization: str) -> dict[str, str]:
    return {**headers, "Authorization": authorization} if authorization else headers


async def _checked(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    if response.status >= 400:
        raise await refusal(response)
    return response


async def _file_chunks(path: Path, advance: Callable[[int], None] | None) -> AsyncIterator[bytes]:
    at = 0
    with path.open("rb", buffering=0) as file:
        while data := await in_thread(os.read, file.fileno(), _CHUNK):
            yield data
            at += len(data)
            if advance is not None:
                advance(at)
