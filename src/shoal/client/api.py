"""The engine's API by nouns: `api.containers.start(id)` is one request.

Answers are the engine's JSON as it stands (dicts and lists with Docker's names). Raises everywhere: ClientError
(ClientNotFound, ClientConflict), EngineUnreachable, ConnectionLost. `client` gives the HTTP below for what is not here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.client.containers import Containers, Execs
    from shoal.client.http import Client
    from shoal.client.images import Builds, Images
    from shoal.client.networks import Networks
    from shoal.client.swarm.cluster import Swarm
    from shoal.client.swarm.files import Files
    from shoal.client.swarm.nodes import Nodes
    from shoal.client.swarm.services import Services, Tasks
    from shoal.client.system import System
    from shoal.client.volumes import Volumes


class Api:
    """The nouns of one engine. Each is imported when it is first asked for: a command needs one or two of them."""

    def __init__(self, client: Client) -> None:
        self.client = client

    @property
    def containers(self) -> Containers:
        from shoal.client.containers import Containers

        return Containers(self.client)

    @property
    def execs(self) -> Execs:
        from shoal.client.containers import Execs

        return Execs(self.client)

    @property
    def images(self) -> Images:
        from shoal.client.images import Images

        return Images(self.client)

    @property
    def builds(self) -> Builds:
        from shoal.client.images import Builds

        return Builds(self.client)

    @property
    def networks(self) -> Networks:
        from shoal.client.networks import Networks

        return Networks(self.client)

    @property
    def volumes(self) -> Volumes:
        from shoal.client.volumes import Volumes

        return Volumes(self.client)

    @property
    def system(self) -> System:
        from shoal.client.system import System

        return System(self.client)

    @property
    def swarm(self) -> Swarm:
        from shoal.client.swarm.cluster import Swarm

        return Swarm(self.client)

    @property
    def nodes(self) -> Nodes:
        from shoal.client.swarm.nodes import Nodes

        return Nodes(self.client)

    @property
    def services(self) -> Services:
        from shoal.client.swarm.services import Services

        return Services(self.client)

    @property
    def tasks(self) -> Tasks:
        from shoal.client.swarm.services import Tasks

        return Tasks(self.client)

    @property
    def secrets(self) -> Files:
        from shoal.client.swarm.files import Files

        return Files(self.client, "secrets")

    @property
    def configs(self) -> Files:
        from shoal.client.swarm.files import Files

        return Files(self.client, "configs")
