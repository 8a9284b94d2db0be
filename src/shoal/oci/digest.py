"""Digests and chain ids. Source: OCI image specification, descriptor.md and config.md."""

import hashlib
import re
from collections.abc import Sequence

from shoal.errors import InvalidArgument

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def sha256(data: bytes) -> str:
    """The digest of `data`, "sha256:…"."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def parse_digest(text: str) -> str:
    """`text`, which is a sha256 digest. Raises: InvalidArgument"""
    if not isinstance(text, str) or not DIGEST.fullmatch(text):
        raise InvalidArgument(f'invalid digest "{text}": expected sha256 and 64 hex digits')
    return text


def encoded(digest: str) -> str:
    """The hex digits of a digest."""
    return digest.partition(":")[2]


def short_id(digest: str) -> str:
    """The first 12 hex digits: what people see."""
    return digest.removeprefix("sha256:")[:12]


def chain_id(parent: str, diff_id: str) -> str:
    """The chain id of the layer `diff_id` on the layer `parent` (chain id; "" = none)."""
    return sha256(f"{parent} {diff_id}".encode()) if parent else diff_id


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """The chain id of each layer, base first."""
    chains: list[str] = []
    for diff_id in diff_ids:
        chains.append(chain_id(chains[-1] if chains else "", diff_id))
    return chains
