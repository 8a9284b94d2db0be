"""What nodes say to each other on 2377, as JSON."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from shoal.errors import InvalidArgument
from shoal.model.cluster.assignment import AssignmentChange
from shoal.model.cluster.node import Role

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A node that wants a certificate.

    request: CSR (PEM)    token: "" for a node that has one already and wants it renewed
    address, port: where others reach it; address "" = where the request comes from
    data_address: where the overlay's packets go to, "" = `address`
    """

    request: str
    token: str = ""
    address: str = ""
    port: int = 2377
    data_address: str = ""
    availability: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A node's certificate, with what it sends along, and what it has to know.

    trusted: root CAs    managers: ((node id, "host:port"), …)    address: of the node, as the manager sees it
    """

    node_id: str
    cluster_id: str
    role: Role
    certificate: str
    trusted: str
    address: str
    data_port: int
    managers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a node's manager wants of its membership.

    role: that it is to run as    issuer: digest (hex) of the CA that its certificate has to be from
    trusted: root CAs
    """

    role: Role
    issuer: str
    trusted: str
    managers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enlist:
    """A node with a manager's certificate that wants to share the store.

    address: "host:port" where nodes reach it    store_address: where the other members of the store reach its own
    """

    address: str
    store_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enlisted:
    """What a new manager needs. members: what its member of the store begins with"""

    data_key: bytes
    member_id: str
    members: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Its member of the store runs, and may get its vote."""

    address: str
    member_id: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a session."""

    change: AssignmentChange | None = None
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request was not carried out. kind: name of the error; leader: ("id", "host:port") who does it instead"""

    kind: str
    message: str
    leader: tuple[str, str] = ("", "")


def encode(message: object) -> bytes:
    """As JSON, without a line's end."""
    return msgspec.json.encode(message)


def decode(data: bytes, kind: type[T]) -> T:
    """Raises: InvalidArgument"""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise InvalidArgument(f"{kind.__name__}: {error}") from error
