"""Secrets and configs: the objects that a stack makes, and how its services name them."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from shoal.compose.noun import Noun, field
from shoal.compose.parts import FileRef
from shoal.compose.project import Config, Project, Secret, Service
from shoal.compose.to_services.labels import CONTENT, NAMESPACE
from shoal.errors import InvalidArgument

KINDS = ("secrets", "configs")
#: Docker's limits
MAX_BYTES = {"secrets": 500 * 1024, "configs": 1000 * 1024}
_DIGEST_LETTERS = 12
#: A reader of labels who wants to guess a short password pays this for each guess.
_SCRYPT = {"n": 1 << 13, "r": 8, "p": 1}


class WantedFile(Noun):
    """A secret or config of a stack.

    kind: secrets or configs; key: its name in the file; name: in the cluster
    body: of the create call, with `Data`; empty where it is external
    digest: of name and content
    """

    kind: str
    key: str
    name: str
    external: bool = False
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    digest: str = ""

    @property
    def versioned_name(self) -> str:
        """The name of the object once another content took the plain name."""
        return f"{self.name}.{self.digest}"


def wanted_files(project: Project, kind: str, contents: Mapping[tuple[str, str], bytes]) -> tuple[WantedFile, ...]:
    """The secrets or configs of a project.

    contents: {(kind, key): bytes} of those that are files
    Raises: InvalidArgument for a variable that is not set, or a content that is too large
    """
    known: Mapping[str, Secret | Config] = project.secrets if kind == "secrets" else project.configs
    return tuple(_wanted(project, kind, source, contents) for source in known.values())


def _wanted(
    project: Project, kind: str, source: Secret | Config, contents: Mapping[tuple[str, str], bytes]
) -> WantedFile:
    if source.external:
        return WantedFile(kind=kind, key=source.key, name=source.name, external=True)
    data = _content(kind, source, contents)
    if len(data) > MAX_BYTES[kind]:
        raise InvalidArgument(f"{kind}.{source.key}: {len(data)} bytes, at most {MAX_BYTES[kind]} are possible")
    digest = content_digest(kind, source.name, data)
    labels = {**source.labels, NAMESPACE: project.name}
    body: dict[str, Any] = {"Name": source.name, "Labels": labels, "Data": base64.b64encode(data).decode()}
    if kind == "secrets":
        labels[CONTENT] = digest
    if source.template_driver:
        body["Templating"] = {"Name": source.template_driver}
    return WantedFile(kind=kind, key=source.key, name=source.name, body=body, digest=digest)


def content_digest(kind: str, name: str, data: bytes) -> str:
    """A short digest of a content; of a secret one that is slow to guess by."""
    if kind == "configs":
        return hashlib.sha256(data).hexdigest()[:_DIGEST_LETTERS]
    return hashlib.scrypt(data or b"\0", salt=name.encode(), **_SCRYPT).hex()[:_DIGEST_LETTERS]


def _content(kind: str, source: Secret | Config, contents: Mapping[tuple[str, str], bytes]) -> bytes:
    if source.file:
        return contents[kind, source.key]
    if isinstance(source, Config) and source.content is not None:
        return source.content.encode()
    if source.value is None:
        what = f'environment variable "{source.environment}" required by {kind[:-1]} "{source.key}" is not set'
        raise InvalidArgument(what)
    return source.value.encode()


def file_references(project: Project, service: Service) -> dict[str, list[dict[str, Any]]]:
    """`Secrets` and `Configs` of a service's body by name, ids not known yet."""
    known: Mapping[str, Mapping[str, Secret | Config]] = {"secrets": project.secrets, "configs": project.configs}
    uses = {"secrets": service.secrets, "configs": service.configs}
    return {
        kind.capitalize(): [_reference(kind, ref, known[kind][ref.source].name) for ref in uses[kind]]
        for kind in KINDS
        if uses[kind]
    }


def _reference(kind: str, ref: FileRef, name: str) -> dict[str, Any]:
    target = ref.target.removeprefix("/run/secrets/") if kind == "secrets" else ref.target
    if target == f"/{ref.source}":
        target = ref.source
    mode = 0o444 if ref.mode is None else ref.mode
    file = {"Name": target, "UID": ref.uid or "0", "GID": ref.gid or "0", "Mode": mode}
    return {"File": file, f"{kind[:-1].capitalize()}Name": name}
