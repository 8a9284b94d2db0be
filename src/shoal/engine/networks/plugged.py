"""Networks, endpoints and addresses that plugins hold: what they are told, and what comes of their answers."""

import asyncio
import logging
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from shoal.contracts.networking import Links
from shoal.contracts.plugins import (
    AddressPlugins,
    Joined,
    NetworkPlugins,
    PluginInterface,
    PluginPool,
    RequestedPool,
)
from shoal.engine.networks import wiring
from shoal.engine.networks.wiring import Attachment
from shoal.errors import DriverError, InvalidArgument, NotFound, ShoalError
from shoal.lifecycle.network.ipam import wanted_pools
from shoal.lifecycle.network.plugins import endpoint_options, link_name, network_options
from shoal.model.endpoint import Endpoint
from shoal.model.network import IFNAME, JoinRequest, Network, NetworkSpec, Pool

log = logging.getLogger(__name__)

_ADDRESS_SPACE = "LocalDefault"
_FOR_GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}


class Plugged:
    """Carries the life of networks and endpoints to plugins."""

    def __init__(self, networks: NetworkPlugins, addresses: AddressPlugins, links: Links) -> None:
        self._networks = networks
        self._addresses = addresses
        self._links = links

    async def names(self) -> Sequence[str]:
        """The plugins that hold networks."""
        return await self._networks.names()

    async def scope(self, driver: str) -> str:
        """Of the driver's networks. Raises: NotFound where there is no such plugin"""
        try:
            return await self._networks.scope(driver)
        except NotFound as error:
            raise NotFound(f"could not find plugin {driver}: {error.message}") from error

    # subnets

    async def complete(self, spec: NetworkSpec) -> tuple[NetworkSpec, tuple[str, ...]]:
        """(`spec` with the subnets that its IPAM plugin gives, their ids). Raises: NotFound, DriverError"""
        driver, pools, ids = spec.ipam.driver, [], []
        try:
            for version, pool in wanted_pools(spec):
                given = await self._addresses.request_pool(
                    driver, pool.subnet, pool.ip_range, spec.ipam.options, ipv6=version == 6
                )
                ids.append(given.pool_id)
                pools.append(await self._with_gateway(driver, pool, given))
        except BaseException as error:
            for pool_id in ids:
                await _attempt(self._addresses.release_pool(driver, pool_id))
            if isinstance(error, NotFound):
                raise NotFound(f"could not find plugin {driver}: {error.message}") from error
            raise
        return replace(spec, ipam=replace(spec.ipam, config=tuple(pools))), tuple(ids)

    async def _with_gateway(self, driver: str, pool: Pool, given: RequestedPool) -> Pool:
        subnet, gateway = _checked(ip_network, given.pool, "subnet"), given.gateway
        if pool.gateway or not gateway:
            found = await self._addresses.request_address(driver, given.pool_id, pool.gateway, _FOR_GATEWAY)
            gateway = str(_checked(ip_interface, found, "gateway").ip)
        return replace(pool, subnet=str(subnet), gateway=gateway)

    async def request_addresses(self, network: Network, ipv4: str, ipv6: str, mac: str) -> tuple[str, str]:
        """Addresses of an endpoint, given by the network's IPAM plugin. ipv4, ipv6: as asked for, "" = any"""
        found: dict[int, str] = {}
        try:
            for pool, pool_id in zip(network.spec.ipam.config, network.pool_ids, strict=True):
                version = 6 if ":" in pool.subnet else 4
                if version in found:
                    continue
                options = {"com.docker.network.endpoint.macaddress": mac} if mac else {}
                wanted = ipv4 if version == 4 else ipv6
                given = await self._addresses.request_address(network.spec.ipam.driver, pool_id, wanted, options)
                found[version] = str(_checked(ip_interface, given, "address").ip)
        except BaseException:
            await self.release_addresses(network, *found.values())
            raise
        return found.get(4, ""), found.get(6, "")

    async def release_addresses(self, network: Network, *addresses: str) -> None:
        """Undo `request_addresses`. Failures are logged."""
        for address in filter(None, addresses):
            for pool, pool_id in zip(network.spec.ipam.config, network.pool_ids, strict=False):
                if ip_address(address) in ip_network(pool.subnet):
                    await _attempt(self._addresses.release_address(network.spec.ipam.driver, pool_id, address))

    # networks

    async def make(self, network: Network) -> None:
        """The plugin of the network's driver has it. Raises: DriverError"""
        pools = {4: list[PluginPool](), 6: list[PluginPool]()}
        for pool in network.spec.ipam.config:
            prefix = pool.subnet.partition("/")[2]
            pools[6 if ":" in pool.subnet else 4].append(
                PluginPool(
                    address_space=_ADDRESS_SPACE,
                    pool=pool.subnet,
                    gateway=f"{pool.gateway}/{prefix}" if pool.gateway else "",
                    aux_addresses={name: f"{value}/{prefix}" for name, value in pool.aux_addresses.items()},
                )
            )
        options = network_options(network.spec)
        await self._networks.create_network(network.driver, network.id, options, pools[4], pools[6])

    async def unmake(self, network: Network) -> None:
        """Nothing of the network is left with plugins. Failures are logged, as in Docker: nobody else can help."""
        if network.is_plugins:
            await _attempt(self._networks.delete_network(network.driver, network.id))
        await self.release_pools(network)

    async def release_pools(self, network: Network) -> None:
        """Give back the subnets that an IPAM plugin gave. Failures are logged."""
        for pool, pool_id in zip(network.spec.ipam.config, network.pool_ids, strict=False):
            await self.release_addresses(network, pool.gateway)
            await _attempt(self._addresses.release_pool(network.spec.ipam.driver, pool_id))

    # endpoints

    async def attach_all(self, request: JoinRequest, attachments: Sequence[Attachment], path: str) -> list[Attachment]:
        """`attachments`, in which those of plugins are joined. path: of the namespace. All or nothing"""
        found = list(attachments)
        try:
            for i, attachment in enumerate(attachments):
                if attachment.network.is_plugins:
                    names = {a.endpoint.interface for a in found if a is not attachment}
                    found[i] = await self.attach(request, attachment, path, names)
            out = wiring.way_out(found, 4) or wiring.way_out(found, 6)
            return [await self._published(request, a) if a is out and a.network.is_plugins else a for a in found]
        except BaseException:
            for attachment in found:
                await asyncio.shield(self.detach(request.container_id, attachment))
            raise

    async def attach(
        self, request: JoinRequest, attachment: Attachment, path: str, taken: Collection[str]
    ) -> Attachment:
        """The attachment, made and joined. taken: names of links in the container. Raises: DriverError"""
        network, endpoint, settings = attachment.network, attachment.endpoint, attachment.settings
        options = endpoint_options(request.ports, request.exposed, settings.driver_opts)
        asked = PluginInterface(
            address=f"{endpoint.ipv4_address}/{endpoint.ipv4_prefix}" if endpoint.ipv4_address else "",
            address_ipv6=f"{endpoint.ipv6_address}/{endpoint.ipv6_prefix}" if endpoint.ipv6_address else "",
            mac_address=settings.mac_address,
        )
        where = network.driver, network.id, endpoint.endpoint_id
        made = await self._networks.create_endpoint(*where, asked, options)
        try:
            joined = await self._networks.join(*where, path, options)
            wanted = settings.driver_opts.get(IFNAME, "")
            name = wanted or link_name(joined.prefix, endpoint.interface, taken)
            return replace(attachment, endpoint=_endpoint(endpoint, made, joined, name))
        except BaseException:
            await asyncio.shield(self._leave(attachment))
            raise

    async def _published(self, request: JoinRequest, attachment: Attachment) -> Attachment:
        """The attachment with the default route: its plugin is told of the ports that are wanted."""
        network, endpoint = attachment.network, attachment.endpoint
        options = endpoint_options(request.ports, request.exposed, {})
        await self._networks.publish(network.driver, network.id, endpoint.endpoint_id, options)
        return replace(attachment, endpoint=replace(endpoint, is_published=True))

    async def detach(self, container_id: str, attachment: Attachment) -> None:
        """Undo `attach`; nothing where it was not joined. Failures are logged: an end can't fail."""
        network, endpoint = attachment.network, attachment.endpoint
        if not endpoint.is_joined:
            return
        if endpoint.is_published:
            await _attempt(self._networks.unpublish(network.driver, network.id, endpoint.endpoint_id))
        if endpoint.plugin_link:
            await _attempt(self._links.unplug(container_id, wiring.wire_of(attachment, ())))
        await self._leave(attachment)

    async def give_back(self, container_id: str, attachments: Sequence[Attachment]) -> None:
        """Undo `attach_all`, and what IPAM plugins gave. Failures are logged."""
        for attachment in attachments:
            endpoint = attachment.endpoint
            await self.detach(container_id, attachment)
            await self.release_addresses(attachment.network, endpoint.ipv4_address, endpoint.ipv6_address)

    async def _leave(self, attachment: Attachment) -> None:
        network, endpoint = attachment.network, attachment.endpoint
        await _attempt(self._networks.leave(network.driver, network.id, endpoint.endpoint_id))
        await _attempt(self._networks.delete_endpoint(network.driver, network.id, endpoint.endpoint_id))


def _endpoint(endpoint: Endpoint, made: PluginInterface, joined: Joined, name: str) -> Endpoint:
    """`endpoint` as the plugin made it. Raises: DriverError for an answer that makes no sense"""
    addresses = {"ipv4": made.address, "ipv6": made.address_ipv6}
    changes: dict[str, Any] = {"mac_address": made.mac_address, "interface": name, "plugin_link": joined.source}
    for family, text in addresses.items():
        if text:
            interface = _checked(ip_interface, text, "address")
            changes |= {f"{family}_address": str(interface.ip), f"{family}_prefix": interface.network.prefixlen}
    for family, text in (("ipv4", joined.gateway), ("ipv6", joined.gateway_ipv6)):
        changes[f"{family}_gateway"] = str(_checked(ip_address, text, "gateway")) if text else ""
    changes["routes"] = tuple(
        (
            str(_checked(ip_network, route.destination, "destination of a route")),
            str(_checked(ip_address, route.next_hop, "next hop")) if route.next_hop else "",
        )
        for route in joined.routes
    )
    return replace(endpoint, is_joined=True, **changes)


def _checked(parse: Any, text: str, what: str) -> Any:
    try:
        return parse(text, strict=False) if parse is ip_network else parse(text)
    except ValueError as error:
        raise DriverError(f"plugin: invalid {what}: {error}") from error


async def _attempt(step: Awaitable[None]) -> None:
    """What is given back to a plugin can't be refused by it."""
    try:
        await step
    except ShoalError as error:
        log.warning("not given back to a plugin: %s", error.message)


def check_null(spec: NetworkSpec) -> None:
    """Raises: InvalidArgument where a network that gets no subnets has some"""
    if any(pool.subnet or pool.gateway or pool.ip_range for pool in spec.ipam.config):
        raise InvalidArgument('the IPAM driver "null" gives no addresses: leave out subnet, gateway and ip-range')
