"""Build arguments: those that are always there, and expansion with the error's place."""

from collections.abc import Mapping

from shoal.dockerfile.expand import BadExpansion, expand, expand_words
from shoal.dockerfile.instructions import Instruction
from shoal.dockerfile.source import BadDockerfile
from shoal.model.image import Platform

#: given to RUN without an ARG, and kept out of cache keys and history. Source: Dockerfile reference, "Predefined ARGs"
PREDEFINED = (
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
)


def platform_args(target: Platform, build: Platform, stage: str = "") -> dict[str, str]:
    """Values of the automatic arguments: usable in FROM, and in a stage after `ARG NAME`."""
    return {
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "TARGETSTAGE": stage or "default",
    }


def expand_at(word: str, variables: Mapping[str, str], escape: str, instruction: Instruction) -> str:
    """`word` expanded. Raises: BadDockerfile at the instruction"""
    try:
        return expand(word, variables, escape)
    except BadExpansion as error:
        raise _bad(word, error, instruction) from None


def expand_words_at(word: str, variables: Mapping[str, str], escape: str, instruction: Instruction) -> list[str]:
    """The words of `word` after expansion. Raises: BadDockerfile at the instruction"""
    try:
        return expand_words(word, variables, escape)
    except BadExpansion as error:
        raise _bad(word, error, instruction) from None


def _bad(word: str, error: BadExpansion, instruction: Instruction) -> BadDockerfile:
    return BadDockerfile(instruction.position, instruction.keyword, f'failed to process "{word}": {error}')
