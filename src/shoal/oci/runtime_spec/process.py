"""The process part of the runtime spec: arguments, environment, capabilities."""

from collections.abc import Iterable, Sequence
from typing import Any

from shoal.model.container import Container

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def merge_env(base: Iterable[str], overrides: Iterable[str]) -> list[str]:
    """`base` with the values of `overrides`; a bare "KEY" takes a variable away.

    Source: Docker, `container.ReplaceOrAppendEnvValues`
    """
    merged: dict[str, str | None] = {}
    for item in (*base, *overrides):
        key, equals, _ = item.partition("=")
        merged[key] = item if equals else None
    return [item for item in merged.values() if item is not None]


def process_env(container: Container, hostname: str, home: str, links: Sequence[str] = ()) -> list[str]:
    """The init's environment: Docker's defaults, links, and what the container says."""
    defaults = [DEFAULT_PATH, f"HOSTNAME={hostname}"]
    if container.spec.tty:
        defaults.append("TERM=xterm")
    defaults += links
    env = merge_env(defaults, container.spec.env)
    if not any(item.startswith("HOME=") for item in env):
        env.append(f"HOME={home}")
    return env


def process_capabilities(granted: Sequence[str]) -> dict[str, Any]:
    """`process.capabilities`; nothing is inheritable (CVE-2022-24769)."""
    names = list(granted)
    return {"bounding": names, "effective": names, "permitted": names, "inheritable": [], "ambient": []}
