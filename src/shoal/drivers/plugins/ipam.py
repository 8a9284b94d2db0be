"""`contracts.plugins.AddressPlugins`. Source: libnetwork, docs/ipam.md and ipams/remote."""

from collections.abc import Mapping
from typing import Any

from shoal.contracts.plugins import RequestedPool
from shoal.drivers.plugins.plugins import PATIENCE_S, SHORT_S, LegacyPlugins

_GATEWAY = "com.docker.network.gateway"
_GIVE_BACK_S = 10.0


class PluginAddresses:
    """Subnets and addresses that plugins give out."""

    def __init__(self, plugins: LegacyPlugins) -> None:
        self._plugins = plugins

    async def _call(self, driver: str, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._plugins.call(driver, f"IpamDriver.{method}", body, timeout_s=SHORT_S, patience_s=PATIENCE_S)

    async def request_pool(
        self, driver: str, pool: str, ip_range: str, options: Mapping[str, str], *, ipv6: bool
    ) -> RequestedPool:
        """See the contract."""
        spaces = await self._call(driver, "GetDefaultAddressSpaces", {})
        body = {
            "AddressSpace": str(spaces.get("LocalDefaultAddressSpace") or ""),
            "Pool": pool,
            "SubPool": ip_range,
            "Options": dict(options),
            "V6": ipv6,
        }
        told = await self._call(driver, "RequestPool", body)
        gateway = str((told.get("Data") or {}).get(_GATEWAY) or "").partition("/")[0]
        return RequestedPool(pool_id=str(told.get("PoolID") or ""), pool=str(told.get("Pool") or ""), gateway=gateway)

    async def release_pool(self, driver: str, pool_id: str) -> None:
        """See the contract."""
        await self._give_back(driver, "ReleasePool", {"PoolID": pool_id})

    async def request_address(self, driver: str, pool_id: str, address: str, options: Mapping[str, str]) -> str:
        """See the contract."""
        body = {"PoolID": pool_id, "Address": address, "Options": dict(options)}
        return str((await self._call(driver, "RequestAddress", body)).get("Address") or "")

    async def release_address(self, driver: str, pool_id: str, address: str) -> None:
        """See the contract."""
        await self._give_back(driver, "ReleaseAddress", {"PoolID": pool_id, "Address": address})

    async def _give_back(self, driver: str, method: str, body: Mapping[str, Any]) -> None:
        await self._plugins.call(driver, f"IpamDriver.{method}", body, timeout_s=_GIVE_BACK_S, patience_s=1.0)
