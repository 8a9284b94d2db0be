"""Keys of nodes.

A node makes a key of its own for each membership and for each certificate. The key leaves the node never; a manager
gets the request, which holds the public half and proves that its sender has the private one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeKey:
    """key: private    request: for a certificate of it (CSR)    (both PEM)"""

    key: str
    request: str


#: a new one at each call. Raises: DriverError
NewNodeKey = Callable[[], Awaitable[NodeKey]]
