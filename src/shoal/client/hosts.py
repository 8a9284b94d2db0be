"""Where the engine listens: `unix:///run/shoal/shoal.sock`, `tcp://127.0.0.1:2375`."""

from __future__ import annotations

from shoal.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_HOST = "unix:///run/shoal/shoal.sock"


class Host:
    """An address of an engine.

    kind: "unix" or "tcp"
    path: of the socket, for "unix"
    name, port: for "tcp"
    """

    __slots__ = ("kind", "name", "path", "port")

    def __init__(self, kind: str, *, path: str = "", name: str = "", port: int = 0) -> None:
        self.kind = kind
        self.path = path
        self.name = name
        self.port = port

    def __str__(self) -> str:
        if self.kind == "unix":
            return f"unix://{self.path}"
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"tcp://{name}:{self.port}"

    @property
    def header(self) -> str:
        """Value of the Host header."""
        return "localhost" if self.kind == "unix" else str(self).removeprefix("tcp://")


def parse_host(text: str, *, tls: bool = False) -> Host:
    """The host that `text` names.

    tls: decides the default port of TCP (2376, else 2375)
    Raises: InvalidArgument where it is none that this client can reach
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = ("unix", text) if text.startswith("/") else ("tcp", text)
    if scheme == "unix" and rest:
        return Host("unix", path=rest)
    if scheme in ("tcp", "http", "https") and rest.rstrip("/"):
        return _parse_tcp(rest.rstrip("/"), 2376 if tls else 2375, text)
    if scheme in ("ssh", "npipe", "fd"):
        raise InvalidArgument(f'host "{text}": {scheme} is not supported; use unix:// or tcp://')
    raise InvalidArgument(f'unable to parse host "{text}"; wanted unix:///path or tcp://name:port')


def _parse_tcp(rest: str, default_port: int, text: str) -> Host:
    name, port_text = rest, ""
    if rest.startswith("["):
        name, _, after = rest[1:].partition("]")
        port_text = after.removeprefix(":")
    elif rest.count(":") == 1:
        name, _, port_text = rest.partition(":")
    if port_text and not (port_text.isdigit() and 0 < int(port_text) < 65536):
        raise InvalidArgument(f'invalid port "{port_text}" in host "{text}"')
    return Host("tcp", name=name or "127.0.0.1", port=int(port_text) if port_text else default_port)


def host_from_env(env: Mapping[str, str], *, tls: bool = False) -> Host:
    """The host that the environment names: SHOAL_HOST, else DOCKER_HOST, else the default socket."""
    return parse_host(env.get("SHOAL_HOST") or env.get("DOCKER_HOST") or DEFAULT_HOST, tls=tls)
