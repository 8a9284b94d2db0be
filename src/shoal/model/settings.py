"""What the engine was told at start."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

DEFAULT_ROOT = PurePosixPath("/var/lib/shoal")
DEFAULT_RUN = PurePosixPath("/run/shoal")
#: Docker's own: plugins that were written for it are found
DEFAULT_PLUGIN_DIRS = ("/run/docker/plugins", "/etc/docker/plugins", "/usr/lib/docker/plugins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The engine's settings, from the command line and the settings file.

    Two engines with different roots share a machine: every name that they give to things of the host (bridges, veths,
    nft tables, cgroups, processes) is made from `instance`.
    """

    root: PurePosixPath = DEFAULT_ROOT
    run: PurePosixPath = DEFAULT_RUN  #: sockets, pid files, network namespaces: gone after a reboot
    hosts: tuple[str, ...] = ()  #: further addresses of the API: "tcp://127.0.0.1:2375", "unix:///x.sock"
    socket_group: str = ""  #: group of the socket; "" = the group "shoal" where it exists, else root
    registry_mirrors: tuple[str, ...] = ()  #: base URLs asked before docker.io
    insecure_registries: tuple[str, ...] = ()  #: "host[:port]" spoken to without TLS; loopback is always allowed
    stand_ins: bool = False  #: make images from recipes where the registry can't be reached
    build_cas: bool = True  #: show the host's certificates to RUN steps (never kept in the image)
    address_pools: tuple[str, ...] = (
        "172.17.0.0/16",
        "172.18.0.0/15",
        "172.20.0.0/14",
        "172.24.0.0/13",
        "192.168.0.0/16:20",
    )
    mtu: int = 0  #: of new networks; 0 = the uplink's
    dns: tuple[str, ...] = ()  #: resolvers for names from outside; () = the host's
    plugin_dirs: tuple[str, ...] = DEFAULT_PLUGIN_DIRS  #: where sockets and files of plugins are looked for
    stop_containers_on_exit: bool = False
    metrics_addr: str = ""  #: "ADDRESS:PORT" where only /metrics is; the address may be "host-gateway"; "" = nowhere
    log_level: str = "info"
    labels: Mapping[str, str] = field(default_factory=dict)  #: of the engine, shown in info

    @property
    def instance(self) -> str:
        """Short and unique for this root: "shoal" for the default one, else "shoal" and 6 hex digits."""
        return "shoal" if self.root == DEFAULT_ROOT else f"shoal{self.tag}"

    @property
    def tag(self) -> str:
        """6 hex digits made from the root, for names of at most 15 bytes."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:6]

    @property
    def socket(self) -> PurePosixPath:
        """The API's own UNIX socket."""
        return self.run / "shoal.sock"
