"""The messages of etcd's JSON gateway that are used here.

64-bit numbers come as strings, fields that are zero are left out, bytes are base64.
Source: etcd 3.4, etcdserver/etcdserverpb/rpc.proto and mvcc/mvccpb/kv.proto
"""

from typing import Literal

from msgspec import Struct, field


class Message(Struct, omit_defaults=True, frozen=True):
    """One side of a call."""


class Header(Message, frozen=True):
    revision: int = 0
    raft_term: int = 0
    member_id: int = 0
    cluster_id: int = 0


class KeyValue(Message, frozen=True):
    key: bytes = b""
    value: bytes = b""
    mod_revision: int = 0


class RangeRequest(Message, frozen=True):
    key: bytes
    range_end: bytes = b""
    limit: int = 0
    revision: int = 0
    serializable: bool = False
    keys_only: bool = False


class RangeAnswer(Message, frozen=True):
    header: Header = Header()
    kvs: tuple[KeyValue, ...] = ()
    more: bool = False


class Put(Message, frozen=True):
    key: bytes
    value: bytes
    lease: int = 0


class Delete(Message, frozen=True):
    key: bytes


class Compare(Message, frozen=True):
    """target MOD: its revision, 0 = not there; target VALUE: its bytes."""

    key: bytes
    target: Literal["MOD", "VALUE"]
    mod_revision: int | None = None
    value: bytes | None = None


class Operation(Message, frozen=True):
    request_put: Put | None = None
    request_delete_range: Delete | None = None
    request_range: RangeRequest | None = None


class TxnRequest(Message, frozen=True):
    compare: list[Compare] = []
    success: list[Operation] = []
    failure: list[Operation] = []


class OperationAnswer(Message, frozen=True):
    response_range: RangeAnswer | None = None


class TxnAnswer(Message, frozen=True):
    header: Header = Header()
    succeeded: bool = False
    responses: tuple[OperationAnswer, ...] = ()


class Event(Message, frozen=True):
    """type: "" and PUT mean the same."""

    kv: KeyValue = KeyValue()
    type: str = ""


class WatchCreate(Message, frozen=True):
    key: bytes
    range_end: bytes
    start_revision: int


class WatchRequest(Message, frozen=True):
    create_request: WatchCreate


class WatchAnswer(Message, frozen=True):
    header: Header = Header()
    created: bool = False
    canceled: bool = False
    compact_revision: int = 0
    cancel_reason: str = ""
    events: tuple[Event, ...] = ()


class LeaseGrant(Message, frozen=True):
    TTL: int


class LeaseId(Message, frozen=True):
    """Of a lease that is kept or revoked."""

    ID: int


class Lease(Message, frozen=True):
    """TTL: 0 = it is over."""

    ID: int = 0
    TTL: int = 0


class Compaction(Message, frozen=True):
    revision: int


class Empty(Message, frozen=True):
    """Nothing to say."""


class Target(Message, frozen=True):
    """The member that is to lead."""

    id: int = field(name="targetID")


class MemberAdd(Message, frozen=True):
    peer_urls: tuple[str, ...] = field(name="peerURLs")
    is_learner: bool = field(name="isLearner", default=False)


class Member(Message, frozen=True):
    """name: "" until it has started for the first time."""

    id: int = field(name="ID", default=0)
    name: str = ""
    peer_urls: tuple[str, ...] = field(name="peerURLs", default=())
    client_urls: tuple[str, ...] = field(name="clientURLs", default=())
    is_learner: bool = field(name="isLearner", default=False)


class Members(Message, frozen=True):
    """member: the one that was added, where one was."""

    header: Header = Header()
    members: tuple[Member, ...] = ()
    member: Member = Member()


class Status(Message, frozen=True):
    """leader: the member's id, 0 = none."""

    header: Header = Header()
    version: str = ""
    leader: int = 0
    db_size: int = field(name="dbSize", default=0)
    raft_index: int = field(name="raftIndex", default=0)
    is_learner: bool = field(name="isLearner", default=False)


class StreamError(Message, frozen=True):
    message: str = ""
    grpc_code: int = 0


class Refusal(Message, frozen=True):
    """A call that failed."""

    message: str = ""
    code: int = 0
