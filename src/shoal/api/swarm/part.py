"""What the routers of a cluster share."""

from shoal.api.http.request import Request
from shoal.contracts.cluster.control import Control
from shoal.errors import InvalidArgument, Unavailable

NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)


class Part:
    """A router of the cluster. control: None where the engine has no cluster at all"""

    def __init__(self, control: Control | None) -> None:
        self._given = control

    @property
    def control(self) -> Control:
        """Raises: Unavailable"""
        if self._given is None:
            raise Unavailable(NOT_A_MANAGER)
        return self._given


def version_of(request: Request, noun: str) -> int:
    """The `version` of the query, without which nothing is updated. Raises: InvalidArgument"""
    text = request.query.get("version", "")
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise InvalidArgument(f"invalid {noun} version '{text}': expected the number that inspect tells")
    return int(text)
