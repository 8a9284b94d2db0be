"""Plugins of Docker's legacy plugin protocol: programs of others that hold volumes or networks for us.

A plugin is found by its name in folders of the host, and asked what it implements when somebody first wants it. It may
be started later, be restarted, or die: a call that can't reach it waits a while where that is sensible, then fails.
Nothing of a plugin is trusted to come in time: every call has a limit. What a plugin refuses is raised in its words.

**VolumePlugins.** `create` … `remove` are the life of a volume, which belongs to the plugin. `mount` and `unmount` come
in pairs for each user; the plugin counts them. **NetworkPlugins.** `create_network`, then for each container
`create_endpoint`, `join`, `leave`, `delete_endpoint`, in this order; at last `delete_network`. `join` tells of a link
of the host that becomes the container's, and gets back before `leave`. **AddressPlugins** give out subnets and
addresses to networks of any driver: `request_pool`, `request_address`, and the releases the other way round.

Every method raises DriverError for a plugin that can't be reached in time, or refuses; NotFound where there is none of
this name; InvalidArgument where it is no plugin of this kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginVolume:
    """A volume as its plugin tells of it. status: whatever the plugin wants to show"""

    name: str
    mountpoint: str = ""
    created_at: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)


class VolumePlugins(Protocol):
    """Plugins that implement VolumeDriver."""

    async def names(self) -> Sequence[str]:
        """Those that are found and answer, sorted. Raises nothing"""
        ...

    async def create(self, driver: str, name: str, options: Mapping[str, str]) -> None:
        """The plugin has the volume."""
        ...

    async def find(self, driver: str, name: str, *, patient: bool = False) -> PluginVolume | None:
        """The volume, None where the plugin has none of this name. patient: waits for one that is restarted"""
        ...

    async def list(self, driver: str) -> Sequence[PluginVolume]:
        """Everything that the plugin has."""
        ...

    async def scope(self, driver: str) -> str:
        """local, or global where all nodes see the same volumes."""
        ...

    async def mount(self, driver: str, name: str, user: str) -> Path:
        """The directory of the volume, which stays until `unmount` for the same user."""
        ...

    async def unmount(self, driver: str, name: str, user: str) -> None:
        """The user needs it no more."""
        ...

    async def fill(self, path: Path, source: Path) -> bool:
        """Copy the content of `source` to `path`; False when that was not empty."""
        ...

    async def remove(self, driver: str, name: str) -> None:
        """The plugin has the volume no more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginPool:
    """A subnet for a plugin. pool: CIDR; gateway: "10.0.0.1/24"; aux_addresses: {name: "10.0.0.2/24"}"""

    address_space: str
    pool: str
    gateway: str = ""
    aux_addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInterface:
    """What an endpoint is called: addresses with their prefix lengths, "" = none, or not chosen yet"""

    address: str = ""
    address_ipv6: str = ""
    mac_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRoute:
    """A route through an endpoint. next_hop: "" = the destination is on the link itself"""

    destination: str
    next_hop: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What becomes the container's.

    source: name of the link on the host; "" = there is none to move
    prefix: how its name in the container begins
    gateway, gateway_ipv6: of the default routes; "" = there is none
    """

    source: str
    prefix: str
    gateway: str = ""
    gateway_ipv6: str = ""
    routes: tuple[PluginRoute, ...] = ()


class NetworkPlugins(Protocol):
    """Plugins that implement NetworkDriver."""

    async def names(self) -> Sequence[str]:
        """Those that are found and answer, sorted. Raises nothing"""
        ...

    async def scope(self, driver: str) -> str:
        """local, or global for networks that span nodes."""
        ...

    async def create_network(
        self,
        driver: str,
        network_id: str,
        options: Mapping[str, Any],
        ipv4: Sequence[PluginPool],
        ipv6: Sequence[PluginPool],
    ) -> None:
        """The plugin has the network. options: as the protocol has them"""
        ...

    async def delete_network(self, driver: str, network_id: str) -> None:
        """The plugin has it no more."""
        ...

    async def create_endpoint(
        self, driver: str, network_id: str, endpoint_id: str, interface: PluginInterface, options: Mapping[str, Any]
    ) -> PluginInterface:
        """`interface`, with what was left open chosen by the plugin."""
        ...

    async def join(
        self, driver: str, network_id: str, endpoint_id: str, sandbox: str, options: Mapping[str, Any]
    ) -> Joined:
        """sandbox: path of the container's network namespace"""
        ...

    async def publish(self, driver: str, network_id: str, endpoint_id: str, options: Mapping[str, Any]) -> None:
        """The way in and out of an endpoint that has the default route. options: with the ports that are wanted"""
        ...

    async def unpublish(self, driver: str, network_id: str, endpoint_id: str) -> None:
        """Undo `publish`."""
        ...

    async def leave(self, driver: str, network_id: str, endpoint_id: str) -> None:
        """Undo `join`; the link is the host's again, unless it is gone."""
        ...

    async def delete_endpoint(self, driver: str, network_id: str, endpoint_id: str) -> None:
        """Undo `create_endpoint`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedPool:
    """A subnet that a plugin gave. gateway: "" = it was not chosen with it"""

    pool_id: str
    pool: str
    gateway: str = ""


class AddressPlugins(Protocol):
    """Plugins that implement IpamDriver."""

    async def request_pool(
        self, driver: str, pool: str, ip_range: str, options: Mapping[str, str], *, ipv6: bool
    ) -> RequestedPool:
        """A subnet: `pool`, or one that the plugin chooses."""
        ...

    async def release_pool(self, driver: str, pool_id: str) -> None:
        """Undo `request_pool`."""
        ...

    async def request_address(self, driver: str, pool_id: str, address: str, options: Mapping[str, str]) -> str:
        """An address with its prefix length: `address`, or one that the plugin chooses."""
        ...

    async def release_address(self, driver: str, pool_id: str, address: str) -> None:
        """Undo `request_address`. address: without its prefix length"""
        ...
