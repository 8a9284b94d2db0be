"""References to images: "redis:alpine" is docker.io/library/redis:alpine.

Source: the grammar of github.com/distribution/reference, as the docker CLI and engine apply it.
"""

import re
from dataclasses import dataclass, replace

from shoal.errors import InvalidArgument

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
_OFFICIAL = "library/"
_LEGACY_DOMAINS = ("index.docker.io", "registry-1.docker.io")

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_ID = re.compile(r"[0-9a-f]{64}")
_NAME_LIMIT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name, and perhaps a tag, a digest or both.

    domain: "docker.io", "localhost:5000"
    path: "library/redis"
    tag, digest: "" where there is none; a digest wins over a tag
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Domain and path: "docker.io/library/redis"."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The name as people write it: "redis"."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        official = self.path.removeprefix(_OFFICIAL)
        return official if "/" not in official else self.path

    @property
    def familiar(self) -> str:
        """The whole reference as people write it: "redis:alpine", "redis@sha256:…"."""
        return self.familiar_name + self._suffix

    @property
    def is_name_only(self) -> bool:
        """Whether there is neither tag nor digest."""
        return not (self.tag or self.digest)

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        """The canonical form."""
        return self.name + self._suffix

    def with_default_tag(self) -> "Reference":
        """With the tag "latest" where there is neither tag nor digest."""
        return replace(self, tag=DEFAULT_TAG) if self.is_name_only else self

    def with_tag(self, tag: str) -> "Reference":
        """Of the same name, with this tag only. Raises: InvalidArgument"""
        if not _TAG.fullmatch(tag):
            raise InvalidArgument("invalid tag format")
        return replace(self, tag=tag, digest="")

    def with_digest(self, digest: str) -> "Reference":
        """Of the same name, with this digest only."""
        return replace(self, tag="", digest=digest)


def parse_reference(text: str) -> Reference:
    """The reference that `text` means, in Docker's short or full way of writing. No tag is added.

    Raises: InvalidArgument in Docker's words
    """
    if _ID.fullmatch(text):
        raise InvalidArgument(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    rest, _, digest = text.partition("@")
    if "@" in text and not _DIGEST.fullmatch(digest):
        raise InvalidArgument("invalid reference format")
    name, tag = _split_tag(rest)
    domain, path = _split_domain(name)
    if path.lower() != path:
        raise InvalidArgument(f"invalid reference format: repository name ({path}) must be lowercase")
    if not (_DOMAIN.fullmatch(domain) and _PATH.fullmatch(path)) or (tag is not None and not _TAG.fullmatch(tag)):
        raise InvalidArgument("invalid reference format")
    if len(domain) + 1 + len(path) > _NAME_LIMIT:
        raise InvalidArgument(f"repository name must not be more than {_NAME_LIMIT} characters")
    return Reference(domain=domain, path=path, tag=tag or "", digest=digest)


def _split_tag(text: str) -> tuple[str, str | None]:
    """("localhost:5000/x:1") -> ("localhost:5000/x", "1"); a colon before the last slash is a port's."""
    slash = text.rfind("/")
    colon = text.rfind(":")
    return (text[:colon], text[colon + 1 :]) if colon > slash else (text, None)


def _split_domain(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_domain = slash and (any(c in first for c in ".:") or first == "localhost" or first.lower() != first)
    domain, path = (first, rest) if is_domain else (DEFAULT_DOMAIN, name)
    if domain in _LEGACY_DOMAINS:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = _OFFICIAL + path
    return domain, path


def familiar(text: str) -> str:
    """`text` as people write it, with its tag: "docker.io/library/redis" -> "redis:latest". Raises: InvalidArgument"""
    return parse_reference(text).with_default_tag().familiar
