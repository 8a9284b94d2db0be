"""A backup of a cluster: one file that a machine becomes its manager with.

    shoal swarm backup 1 <sha256 of all the rest>
    {"cluster_id": …, "node_id": …, "records": …, "sealed_with": "" | "passphrase" | "unlock key", "salt": …}
    <the content: MessagePack, deflated; sealed where the second line says so>

It holds the cluster's data key, so whoever can open it can read every secret and sign nodes.
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from shoal.contracts.cluster.store import ClusterStore
from shoal.errors import InternalError, InvalidArgument, Unauthorized
from shoal.swarm.membership.folder import LocalState
from shoal.swarm.sealing import KEY_BYTES, AesSeal

MAGIC = "shoal swarm backup"
VERSION = 1
PASSPHRASE, UNLOCK_KEY = "passphrase", "unlock key"
_HEAD_BYTES = 4096
_SALT_BYTES = 16
#: of scrypt: a tenth of a second and 64 MB for one try
_COST, _BLOCK = 1 << 16, 8
_SCRYPT_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """listen, advertise, data_port: as in LocalState, of the manager `node_id` that made it

    data_key: what the cluster's secrets are sealed with    epoch: the newest there was
    values: of the store, {key: record}
    """

    node_id: str
    cluster_id: str
    listen: str
    advertise: str
    data_port: int
    data_key: bytes
    epoch: int
    values: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    cluster_id: str
    node_id: str
    records: int
    sealed_with: str = ""
    salt: bytes = b""


async def content_of(store: ClusterStore, state: LocalState, data_key: bytes) -> Content:
    """What the store has at one revision, and whose manager this is. Raises: Unavailable without a quorum"""
    epoch = await store.newest_epoch()
    found = await store.range("")
    return Content(
        node_id=state.node_id,
        cluster_id=state.cluster_id,
        listen=state.listen,
        advertise=state.advertise,
        data_port=state.data_port,
        data_key=data_key,
        epoch=epoch,
        values={key: value.data for key, value in found.values.items()},
    )


def pack(
    content: Content, random_bytes: Callable[[int], bytes], *, passphrase: str = "", sealed_with: str = PASSPHRASE
) -> bytes:
    """The file. passphrase: that it is sealed with, "" = it is not    sealed_with: what that is, in the user's words"""
    body = zlib.compress(msgspec.msgpack.encode(content), level=3)
    salt = random_bytes(_SALT_BYTES) if passphrase else b""
    if passphrase:
        body = AesSeal(_key_of(passphrase, salt), random_bytes).seal(body)
    head = _Head(
        cluster_id=content.cluster_id,
        node_id=content.node_id,
        records=len(content.values),
        sealed_with=sealed_with if passphrase else "",
        salt=salt,
    )
    rest = msgspec.json.encode(head) + b"\n" + body
    return f"{MAGIC} {VERSION} {hashlib.sha256(rest).hexdigest()}\n".encode() + rest


def unpack(data: bytes, random_bytes: Callable[[int], bytes], *, passphrase: str = "") -> Content:
    """What was packed. Raises: InvalidArgument for what is no backup, or a damaged one; Unauthorized without the right
    passphrase"""
    head, body = _opened(data)
    if head.sealed_with:
        if not passphrase:
            raise Unauthorized(f"this backup is sealed with the cluster's {head.sealed_with}, which was not given")
        try:
            body = AesSeal(_key_of(passphrase, head.salt), random_bytes).unseal(body)
        except InternalError:
            raise Unauthorized(f"this backup is sealed with another {head.sealed_with}") from None
    try:
        content = msgspec.msgpack.decode(zlib.decompress(body), type=Content)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise InvalidArgument(f"this backup can't be read: {error}") from error
    if len(content.values) != head.records or len(content.data_key) != KEY_BYTES:
        raise InvalidArgument("this backup can't be read: it is not whole")
    return content


def _opened(data: bytes) -> tuple[_Head, bytes]:
    """Its second line and the body, when they are as they were written."""
    first, _, rest = data.partition(b"\n")
    words = first[:_HEAD_BYTES].decode(errors="replace").rsplit(" ", 2)
    if len(words) != 3 or words[0] != MAGIC or not words[1].isdecimal():
        raise InvalidArgument("this is no backup of a swarm: shoal swarm backup makes them")
    if int(words[1]) > VERSION:
        raise InvalidArgument(f"this backup is of a newer Shoal: its version is {words[1]}, known is {VERSION}")
    if hashlib.sha256(rest).hexdigest() != words[2]:
        raise InvalidArgument("this backup is damaged: its checksum is another")
    line, _, body = rest.partition(b"\n")
    try:
        return msgspec.json.decode(line, type=_Head), body
    except msgspec.MsgspecError as error:
        raise InvalidArgument(f"this backup can't be read: {error}") from error


def _key_of(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=_COST, r=_BLOCK, p=1, maxmem=_SCRYPT_BYTES, dklen=KEY_BYTES)
