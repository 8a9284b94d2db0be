"""Images and builds of an engine."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager

from shoal.client.errors import ClientError
from shoal.client.streams import quote
from shoal.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from shoal.client.http import Client, Response

    Filters = Mapping[str, list[str]]

#: header value that stands for "no credentials"
NO_AUTH = "e30="
#: of pulls and builds
STAND_INS_PARAMETER = "shoal.standIns"
_MAX_SECRET_BYTES = 500 * 1024
#: its own name in the context is made of a hash
_FOLDER_DOCKERFILE = b"FROM scratch\nCOPY --exclude=.dockerfile.???????????????????? . /\n"


def image_path(reference: str) -> str:
    """`reference` in a path; its slashes stay."""
    return quote(reference, safe="/:@")


def split_tag(reference: str) -> tuple[str, str]:
    """("host:5000/name", "tag") of "host:5000/name:tag"; a digest counts as tag; "" where there is none."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    head, slash, last = reference.rpartition("/")
    last, _, tag = last.partition(":")
    return head + slash + last, tag


class Images:
    """Requests about images; `ref` is a reference, an id, or a prefix of one."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, *, all: bool = False, filters: Filters | None = None) -> Any:
        return self._client.get("/images/json", {"all": all or None, "filters": filters or None})

    def inspect(self, ref: str) -> Any:
        return self._client.get(f"/images/{image_path(ref)}/json")

    def history(self, ref: str) -> Any:
        """Layers, newest first."""
        return self._client.get(f"/images/{image_path(ref)}/history")

    def pull(
        self, reference: str, *, platform: str = "", auth: str = "", all_tags: bool = False, stand_ins: bool = False
    ) -> Response:
        """Progress as JSON values; one with "error" ends a pull that failed.

        auth: value of X-Registry-Auth
        stand_ins: make a stand-in where the registry can't be reached (Shoal's own; other engines ignore it)
        """
        name, tag = split_tag(reference)
        query = {
            "fromImage": name,
            "tag": None if all_tags else tag or "latest",
            "platform": platform or None,
            STAND_INS_PARAMETER: stand_ins or None,
        }
        return self._client.request("POST", "/images/create", query, headers={"X-Registry-Auth": auth or NO_AUTH})

    def push(self, reference: str, *, auth: str = "", platform: str = "") -> Response:
        """Progress as JSON values, as of pull."""
        name, tag = split_tag(reference)
        query: dict[str, Any] = {"tag": tag or None}
        if platform:
            system, _, rest = platform.partition("/")
            architecture, _, variant = rest.partition("/")
            query["platform"] = {
                "os": system,
                "architecture": architecture,
                **({"variant": variant} if variant else {}),
            }
        path = f"/images/{image_path(name)}/push"
        return self._client.request("POST", path, query, headers={"X-Registry-Auth": auth or NO_AUTH})

    def tag(self, ref: str, reference: str) -> None:
        name, tag = split_tag(reference)
        self._client.post(f"/images/{image_path(ref)}/tag", {"repo": name, "tag": tag or "latest"})

    def remove(self, ref: str, *, force: bool = False, no_prune: bool = False) -> Any:
        """[{"Untagged": …}, {"Deleted": …}]."""
        return self._client.delete(f"/images/{image_path(ref)}", {"force": force or None, "noprune": no_prune or None})

    def prune(self, filters: Filters | None = None) -> Any:
        return self._client.post("/images/prune", {"filters": filters or None})

    def save(self, refs: Sequence[str], *, platform: str = "") -> Response:
        """A tar of the images."""
        return self._client.request("GET", "/images/get", {"names": tuple(refs), "platform": platform or None})

    def load(self, archive: Iterable[bytes], *, quiet: bool = False) -> Response:
        """Progress as JSON values; "stream" holds what was loaded."""
        return self._client.request("POST", "/images/load", {"quiet": quiet}, body=archive)

    def import_(self, archive: Iterable[bytes] | None, query: Mapping[str, Any]) -> Response:
        """Progress as JSON values; query: fromSrc ("-" = `archive`), repo, tag, message, changes, platform."""
        return self._client.request("POST", "/images/create", query, body=archive)

    def search(self, term: str, *, limit: int = 0, filters: Filters | None = None, auth: str = "") -> Any:
        query = {"term": term, "limit": limit or None, "filters": filters or None}
        with self._client.request(
            "GET", "/images/search", query, headers={"X-Registry-Auth": auth or NO_AUTH}
        ) as answer:
            return answer.json()

    def make_stand_ins(self, body: Mapping[str, Any]) -> Response:
        """Progress as JSON values, while stand-ins are made from recipes."""
        return self._client.request("POST", "/shoal/stand-ins", body=body)


class Builds:
    """Requests about builds."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def build(self, context: Iterable[bytes], query: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
        """Output as JSON values: "stream", "aux" ({"ID": …}), "error". context: a tar, compressed or not."""
        return self._client.request("POST", "/build", query, body=context, headers=headers)

    @contextmanager
    def folder_image(self, folder: str) -> Iterator[str]:
        """Id of an image that holds a folder and nothing else, there as long as the `with`.

        It is what `contexts` of a build names in place of the folder. What its .dockerignore names is left out.
        """
        from shoal.client.build_context import pack_context

        tag = f"shoal-build-context:{os.urandom(8).hex()}"
        packed = pack_context(folder, content=_FOLDER_DOCKERFILE)
        query = {"t": tag, "dockerfile": packed.dockerfile, "rm": True, "version": "1"}
        image = ""
        with self.build(packed.tar, query, {}) as response:
            for value in response.json_values():
                if error := (value.get("errorDetail") or {}).get("message") or value.get("error"):
                    raise ClientError(f'build context "{folder}": {error}')
                image = (value.get("aux") or {}).get("ID") or image
        try:
            yield image
        finally:
            self._client.delete(f"/images/{image_path(tag)}")

    def prune(self, query: Mapping[str, Any]) -> Any:
        """{"CachesDeleted": […], "SpaceReclaimed": bytes}."""
        return self._client.post("/build/prune", query)


def secrets_header(secrets: Mapping[str, bytes]) -> dict[str, str]:
    """The header that carries build secrets (id -> value) to the engine; empty without any.

    Raises: InvalidArgument for one that is too large. Source: BuildKit, `secretsprovider`
    """
    for name, value in secrets.items():
        if len(value) > _MAX_SECRET_BYTES:
            raise InvalidArgument(
                f"invalid secret {name}: {len(value)} bytes, at most {_MAX_SECRET_BYTES} are possible"
            )
    if not secrets:
        return {}
    from base64 import b64encode

    values = {name: b64encode(value).decode() for name, value in secrets.items()}
    return {"X-Shoal-Build-Secrets": b64encode(json.dumps(values).encode()).decode()}
