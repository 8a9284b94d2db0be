"""Where the API listens."""

import grp
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from shoal.errors import DriverError, InvalidArgument
from shoal.lifecycle.network.files import HOST_GATEWAY
from shoal.model.settings import Settings

log = logging.getLogger("shoal.daemon")

_IP_FREEBIND = 15  #: of linux/in.h


async def listen(runner: web.ServerRunner, settings: Settings) -> None:
    """Open every address. UNIX sockets get mode 0660. Raises: InvalidArgument, DriverError"""
    for address in (f"unix://{settings.socket}", *settings.hosts):
        url = urlsplit(address)
        try:
            if url.scheme == "unix":
                await _listen_unix(runner, Path(url.path), settings.socket_group)
            elif url.scheme == "tcp" and url.hostname:
                await _listen_tcp(runner, url.hostname, url.port or 2375)
            else:
                raise InvalidArgument(f'host: expected unix:///PATH or tcp://ADDRESS:PORT, got "{address}"')
        except OSError as error:
            raise DriverError(f'cannot listen on "{address}": {error.strerror or error}') from error
        log.info("API listens", extra={"address": address})


async def _listen_unix(runner: web.ServerRunner, path: Path, group: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    before = os.umask(0o117)
    try:
        await web.UnixSite(runner, path).start()
    finally:
        os.umask(before)
    os.chown(path, 0, _group_id(group))


async def _listen_tcp(runner: web.ServerRunner, host: str, port: int) -> None:
    if host not in ("127.0.0.1", "::1", "localhost"):
        log.warning("the API on this address gives root to whoever reaches it", extra={"address": host})
    await web.TCPSite(runner, host, port, reuse_address=True).start()


async def listen_for_metrics(runner: web.ServerRunner, settings: Settings, host_gateways: Sequence[str]) -> None:
    """Open the address where only /metrics is, if one is set.

    host_gateways: addresses of this host as containers see it, where "host-gateway" listens. Raises: DriverError
    """
    if not settings.metrics_addr:
        return
    url = urlsplit(f"//{settings.metrics_addr}")
    try:
        if url.hostname == HOST_GATEWAY:
            for address in host_gateways:
                await web.SockSite(runner, _bound_ahead(address, url.port or 0)).start()
        else:
            await web.TCPSite(runner, url.hostname, url.port, reuse_address=True).start()
    except OSError as error:
        raise DriverError(f'cannot listen on "{settings.metrics_addr}": {error.strerror or error}') from error
    log.info("metrics are served", extra={"address": settings.metrics_addr})


def _bound_ahead(address: str, port: int) -> socket.socket:
    """A socket bound to an address that the host has from its first container on. Source: ip(7), IP_FREEBIND"""
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_IP, _IP_FREEBIND, 1)
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound


def _group_id(name: str) -> int:
    try:
        return grp.getgrnam(name or "shoal").gr_gid
    except KeyError:
        if name:
            raise InvalidArgument(f'socket-group: no such group: "{name}"') from None
        return 0
