"""The engine's API by nouns: `api.containers.start(id)` is one request.

Answers are the engine's JSON as it stands (dicts and lists with Docker's names). Raises everywhere: ClientError
(ClientNotFound, ClientConflict), EngineUnreachable, ConnectionLost. `client` gives the HTTP below for what is not here.
"""

from __future__ import annotations

from shoal.client.containers import Containers, Execs
from shoal.client.images import Builds, Images
from shoal.client.networks import Networks
from shoal.client.system import System
from shoal.client.volumes import Volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.client.http import Client


class Api:
    """The nouns of one engine."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.containers = Containers(client)
        self.execs = Execs(client)
        self.images = Images(client)
        self.builds = Builds(client)
        self.networks = Networks(client)
        self.volumes = Volumes(client)
        self.system = System(client)
