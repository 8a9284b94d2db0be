"""Variables that tell a container about those it is linked to. Source: Docker, `daemon/links.go` (legacy links)."""

from collections.abc import Iterator, Sequence

_NOT_SHOWN = ("PATH", "HOME", "HOSTNAME", "TERM")


def link_env(container: str, alias: str, address: str, exposed: Sequence[str], env: Sequence[str]) -> Iterator[str]:
    """DB_NAME, DB_PORT_5432_TCP_ADDR, DB_ENV_… for one link.

    container: name of the one that has the link
    exposed: "5432/tcp", of the linked one; env: its variables
    """
    prefix = alias.replace("-", "_").upper()
    yield f"{prefix}_NAME=/{container}/{alias}"
    ports = sorted((int(number), protocol) for number, _, protocol in (port.partition("/") for port in exposed))
    for index, (port, protocol) in enumerate(ports):
        url = f"{protocol}://{address}:{port}"
        if index == 0:
            yield f"{prefix}_PORT={url}"
        name = f"{prefix}_PORT_{port}_{protocol.upper()}"
        yield from (f"{name}={url}", f"{name}_ADDR={address}", f"{name}_PORT={port}", f"{name}_PROTO={protocol}")
    for item in env:
        key, equals, value = item.partition("=")
        if equals and key not in _NOT_SHOWN:
            yield f"{prefix}_ENV_{key}={value}"
