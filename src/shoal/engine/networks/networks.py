"""The noun `networks` of the engine."""

from collections.abc import Mapping, Sequence

from shoal.engine.networks.members import Members
from shoal.model.endpoint import EndpointSettings
from shoal.model.network import JoinRequest, Network, NetworkSpec, Sandbox


class Networks:
    """Networks, and the sandboxes of running containers."""

    def set_members(self, members: Members) -> None:
        """Tell who knows the containers (wired after both nouns exist)."""
        raise NotImplementedError

    async def open(self, living: Sequence[str]) -> None:
        """Adopt what runs and repair the rest: called once at start, before anything else.

        living: ids of the containers whose processes live; the sandboxes of all others are removed
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let go; containers keep their network, names and ports."""
        raise NotImplementedError

    def resolve(self, reference: str) -> Network:
        """The network with this id, name or unique id prefix.

        Raises: NotFound "network x not found"
        """
        raise NotImplementedError

    def list(self, filters: Mapping[str, Sequence[str]]) -> Sequence[Network]:
        """Networks that pass the filters (name, id, driver, type, scope, label, dangling)."""
        raise NotImplementedError

    async def create(self, spec: NetworkSpec) -> Network:
        """A new network."""
        raise NotImplementedError

    async def remove(self, reference: str) -> None:
        """Remove a network without active endpoints."""
        raise NotImplementedError

    async def prune(self, filters: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Names of the networks removed because no running container uses them."""
        raise NotImplementedError

    async def connect(self, reference: str, container: str, settings: EndpointSettings) -> None:
        """Attach a container, running or not, to one more network."""
        raise NotImplementedError

    async def disconnect(self, reference: str, container: str, *, force: bool = False) -> None:
        """Detach a container, running or not, from a network."""
        raise NotImplementedError

    async def join(self, request: JoinRequest) -> Sandbox:
        """The sandbox for a container that is about to start; everything in it is ready.

        All or nothing: when this fails (port taken, address outside the subnet, …) nothing is left behind.
        Calling it again for the same container first removes what was there.
        """
        raise NotImplementedError

    async def leave(self, container_id: str) -> None:
        """Give back everything of a container that has ended. Idempotent."""
        raise NotImplementedError

    def sandbox(self, container_id: str) -> Sandbox | None:
        """The network of a running container, None when it has none (not running)."""
        raise NotImplementedError

    def sandboxes_on(self, network: Network) -> Sequence[Sandbox]:
        """Running containers with an endpoint on `network`, oldest first."""
        raise NotImplementedError

    async def rename(self, container_id: str, name: str) -> None:
        """Make the new name of a running container resolve, and the old one no longer."""
        raise NotImplementedError
