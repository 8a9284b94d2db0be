"""`contracts.plugins.NetworkPlugins`. Source: libnetwork, docs/remote.md and drivers/remote."""

from collections.abc import Mapping, Sequence
from typing import Any

from shoal.contracts.plugins import Joined, PluginInterface, PluginPool, PluginRoute
from shoal.drivers.plugins.plugins import LONG_S, PATIENCE_S, SHORT_S, LegacyPlugins
from shoal.errors import DriverError

_GIVE_BACK_S = 10.0  #: the end of a container must not wait long for a plugin that hangs or is dead
_GIVE_BACK_PATIENCE_S = 1.0
_NEXT_HOP = 0  #: RouteType: through a gateway; 1 = the destination is on the link


class PluginNetworks:
    """Networks that plugins hold."""

    def __init__(self, plugins: LegacyPlugins) -> None:
        self._plugins = plugins

    async def _call(self, driver: str, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._plugins.call(
            driver, f"NetworkDriver.{method}", body, timeout_s=LONG_S, patience_s=PATIENCE_S, is_known=True
        )

    async def _give_back(self, driver: str, method: str, body: Mapping[str, Any]) -> None:
        await self._plugins.call(
            driver, f"NetworkDriver.{method}", body, timeout_s=_GIVE_BACK_S, patience_s=_GIVE_BACK_PATIENCE_S
        )

    async def names(self) -> Sequence[str]:
        """See the contract."""
        return await self._plugins.names("NetworkDriver")

    async def scope(self, driver: str) -> str:
        """See the contract."""
        told = await self._plugins.call(
            driver, "NetworkDriver.GetCapabilities", {}, timeout_s=SHORT_S, patience_s=PATIENCE_S
        )
        scope = str(told.get("Scope") or "local").lower()
        if scope not in ("local", "global"):
            raise DriverError(f'NetworkDriver.GetCapabilities: invalid scope "{scope}", wanted local or global')
        return scope

    async def create_network(
        self,
        driver: str,
        network_id: str,
        options: Mapping[str, Any],
        ipv4: Sequence[PluginPool],
        ipv6: Sequence[PluginPool],
    ) -> None:
        """See the contract."""
        pools = {"IPv4Data": [_pool(pool) for pool in ipv4], "IPv6Data": [_pool(pool) for pool in ipv6]}
        await self._call(driver, "CreateNetwork", {"NetworkID": network_id, "Options": dict(options), **pools})

    async def delete_network(self, driver: str, network_id: str) -> None:
        """See the contract."""
        await self._give_back(driver, "DeleteNetwork", {"NetworkID": network_id})

    async def create_endpoint(
        self, driver: str, network_id: str, endpoint_id: str, interface: PluginInterface, options: Mapping[str, Any]
    ) -> PluginInterface:
        """See the contract."""
        asked = {
            "Address": interface.address,
            "AddressIPv6": interface.address_ipv6,
            "MacAddress": interface.mac_address,
        }
        body = {**_endpoint(network_id, endpoint_id), "Interface": asked, "Options": dict(options)}
        told = (await self._call(driver, "CreateEndpoint", body)).get("Interface") or {}
        for key, value in asked.items():
            if value and told.get(key) and told[key] != value:
                raise DriverError(
                    f'NetworkDriver.CreateEndpoint: the plugin changed {key} from "{value}" to "{told[key]}"'
                )
        return PluginInterface(
            address=interface.address or str(told.get("Address") or ""),
            address_ipv6=interface.address_ipv6 or str(told.get("AddressIPv6") or ""),
            mac_address=interface.mac_address or str(told.get("MacAddress") or ""),
        )

    async def join(
        self, driver: str, network_id: str, endpoint_id: str, sandbox: str, options: Mapping[str, Any]
    ) -> Joined:
        """See the contract."""
        body = {**_endpoint(network_id, endpoint_id), "SandboxKey": sandbox, "Options": dict(options)}
        told = await self._call(driver, "Join", body)
        name = told.get("InterfaceName") or {}
        return Joined(
            source=str(name.get("SrcName") or ""),
            prefix=str(name.get("DstPrefix") or ""),
            gateway=str(told.get("Gateway") or ""),
            gateway_ipv6=str(told.get("GatewayIPv6") or ""),
            routes=tuple(_route(route) for route in told.get("StaticRoutes") or ()),
        )

    async def publish(self, driver: str, network_id: str, endpoint_id: str, options: Mapping[str, Any]) -> None:
        """See the contract."""
        body = {**_endpoint(network_id, endpoint_id), "Options": dict(options)}
        await self._call(driver, "ProgramExternalConnectivity", body)

    async def unpublish(self, driver: str, network_id: str, endpoint_id: str) -> None:
        """See the contract."""
        await self._give_back(driver, "RevokeExternalConnectivity", _endpoint(network_id, endpoint_id))

    async def leave(self, driver: str, network_id: str, endpoint_id: str) -> None:
        """See the contract."""
        await self._give_back(driver, "Leave", _endpoint(network_id, endpoint_id))

    async def delete_endpoint(self, driver: str, network_id: str, endpoint_id: str) -> None:
        """See the contract."""
        await self._give_back(driver, "DeleteEndpoint", _endpoint(network_id, endpoint_id))


def _endpoint(network_id: str, endpoint_id: str) -> dict[str, Any]:
    return {"NetworkID": network_id, "EndpointID": endpoint_id}


def _pool(pool: PluginPool) -> dict[str, Any]:
    return {
        "AddressSpace": pool.address_space,
        "Pool": pool.pool,
        "Gateway": pool.gateway,
        "AuxAddresses": dict(pool.aux_addresses),
    }


def _route(told: Mapping[str, Any]) -> PluginRoute:
    through = int(told.get("RouteType") or 0) == _NEXT_HOP
    return PluginRoute(
        destination=str(told.get("Destination") or ""), next_hop=str(told.get("NextHop") or "") if through else ""
    )
