"""What networks ask of containers."""

from collections.abc import Mapping
from typing import Protocol

from shoal.model.endpoint import EndpointSettings
from shoal.model.network import Member


class Members(Protocol):
    """The containers of the engine, as far as networks must know them. Implemented by `engine.containers`."""

    def member(self, reference: str) -> Member:
        """The container with this id, name or unique id prefix.

        Raises: NotFound "No such container: x"
        """
        ...

    async def save_endpoints(self, container_id: str, endpoints: Mapping[str, EndpointSettings]) -> None:
        """Keep `endpoints` ({network name: as asked}) as the container's wish, for its next start."""
        ...
