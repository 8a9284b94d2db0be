"""Where plugins are found: sockets and files that name an address.

    <folder>/NAME.sock  <folder>/NAME/NAME.sock     the plugin listens here
    <folder>/NAME.spec  <folder>/NAME/NAME.spec     a line: unix:///path or tcp://host:port
    <folder>/NAME.json  <folder>/NAME/NAME.json     {"Addr": "tcp://…", "TLSConfig": {"CAFile": …, "CertFile": …}}

Source: Docker, "Docker Plugin API", plugin discovery. Blocking.
"""

import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shoal.errors import DriverError

_ENDINGS = (".sock", ".spec", ".json")  #: a socket wins over a file, whatever folder it is in


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a plugin proves who it is, and we to it; "" = not."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a plugin listens: a path, or "host:port"."""

    path: str = ""
    host: str = ""
    tls: Tls | None = None


def plugin_names(folders: Sequence[Path]) -> list[str]:
    """The names of all plugins, sorted."""
    return sorted({name for folder in folders for name, _ in _entries(folder)})


def find_plugin(folders: Sequence[Path], name: str) -> Address | None:
    """Where the plugin listens, None when there is none of this name. Raises: DriverError for a file that is wrong"""
    found = [path for folder in folders for known, path in _entries(folder) if known == name]
    for ending in _ENDINGS:
        for path in found:
            if path.suffix == ending:
                return _address(path)
    return None


def _entries(folder: Path) -> Iterator[tuple[str, Path]]:
    try:
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if _is_plugin(entry):
            yield entry.stem, entry
        elif entry.is_dir():
            inner = (entry / f"{entry.name}{ending}" for ending in _ENDINGS)
            yield from ((entry.name, path) for path in inner if _is_plugin(path))


def _is_plugin(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISSOCK(mode) if path.suffix == ".sock" else path.suffix in _ENDINGS and stat.S_ISREG(mode)


def _address(path: Path) -> Address:
    if path.suffix == ".sock":
        return Address(path=str(path))
    try:
        text = path.read_text()
        if path.suffix == ".spec":
            return parse_address(text.strip())
        told = json.loads(text)
        return parse_address(told["Addr"], _tls(told.get("TLSConfig") or {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DriverError(f'plugin file "{path}": {error or type(error).__name__}') from error


def parse_address(text: str, tls: Tls | None = None) -> Address:
    """The address that a file names: "unix:///path" or "tcp://host:port". Raises: ValueError"""
    url = urlsplit(text)
    if url.scheme == "unix" and url.path.startswith("/"):
        return Address(path=url.path)
    if url.scheme in ("tcp", "http", "https") and url.hostname and url.port:
        return Address(host=url.netloc, tls=tls or (Tls() if url.scheme == "https" else None))
    raise ValueError(f'expected unix:///PATH or tcp://HOST:PORT, got "{text}"')


def _tls(told: Mapping[str, Any]) -> Tls | None:
    """As Docker has it: neither a CA nor leave to do without one = no TLS."""
    if not told.get("CAFile") and not told.get("InsecureSkipVerify"):
        return None
    return Tls(
        ca_file=str(told.get("CAFile") or ""),
        cert_file=str(told.get("CertFile") or ""),
        key_file=str(told.get("KeyFile") or ""),
        insecure_skip_verify=bool(told.get("InsecureSkipVerify")),
    )
