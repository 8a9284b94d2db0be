"""What Docker says of a node's part in a cluster, word for word. Source: moby, daemon/cluster/errors.go"""

from shoal.errors import Conflict, Unauthorized, Unavailable

NO_SWARM = "This node is not part of a swarm"
SWARM_EXISTS = (
    'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.'
)
JOIN_TIMEOUT = (
    "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. "
    'Use the "docker info" command to see the current swarm status of your node.'
)
LOCKED = (
    'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.'
)
EXPIRED = "Swarm certificates have expired. To replace them, leave the swarm and join again."
NOT_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
NO_QUORUM = (
    "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are "
    "online. Make sure more than half of the managers are online."
)
WORKER = (
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this "
    "command on a manager node or promote the current node to a manager."
)
BAD_TOKEN = "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster"
_LEAVING = "You are attempting to leave the swarm on a node that is participating as a manager. "
_LAST = "Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. "
_QUORUM = (
    "Removing this node leaves {left} managers out of {all}. Without a Raft quorum your swarm will be inaccessible. "
    "The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. "
)
_FORCE = "Use `--force` to suppress this message."


def no_swarm() -> Unavailable:
    return Unavailable(NO_SWARM)


def swarm_exists() -> Unavailable:
    return Unavailable(SWARM_EXISTS)


def locked() -> Unavailable:
    return Unavailable(LOCKED)


def not_locked() -> Conflict:
    return Conflict("swarm is not locked")


def wrong_unlock_key() -> Unauthorized:
    return Unauthorized("swarm could not be unlocked: invalid key provided")


def leaves_managers(managers: int, reachable: int) -> Unavailable:
    """Why a manager does not leave without being forced. reachable: of `managers`, with this one"""
    if managers <= 1:
        return Unavailable(_LEAVING + _LAST)
    if reachable - 1 <= managers // 2:
        return Unavailable(_LEAVING + _QUORUM.format(left=reachable - 1, all=managers) + _FORCE)
    return Unavailable(_LEAVING + _FORCE)
