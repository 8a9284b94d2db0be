"""A cluster's store for several managers, on etcd 3.4 and newer.

Keys of etcd below the cluster's prefix, "/shoal/<cluster id>/":

    data/<key>     the contract's keys
    lead/newest    the newest epoch, for good
    lead/epoch     the epoch of who leads now  } gone when its lease is over
    lead/holder    and who that is             }

A leader's commit compares `lead/epoch` in its own transaction; etcd's locks are not used, they exclude nobody.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from math import ceil

from shoal.contracts.cluster.store import Changes, Commit, Range, Value
from shoal.drivers.cluster.etcd_client import DEADLINE_S, EtcdClient, EtcdRefusal, TlsFiles
from shoal.drivers.cluster.etcd_feed import Feed, plain, range_end
from shoal.drivers.cluster.etcd_messages import (
    Compaction,
    Compare,
    Delete,
    Empty,
    KeyValue,
    Lease,
    LeaseGrant,
    LeaseId,
    Operation,
    Put,
    RangeAnswer,
    RangeRequest,
    TxnAnswer,
    TxnRequest,
)
from shoal.drivers.cluster.etcd_reads import newest
from shoal.drivers.cluster.table import check_shape
from shoal.drivers.threads import to_the_end
from shoal.errors import Compacted, Fenced, InvalidArgument, Unavailable, VersionConflict

_PAGE = 2000
_LOOK_S = 1.0
_COMPACTED = "etcdserver: mvcc: required revision has been compacted"
_FUTURE = "etcdserver: mvcc: required revision is a future revision"


class EtcdClusterStore:
    """`contracts.cluster.store.ClusterStore` on etcd."""

    def __init__(self, endpoints: Sequence[str], cluster_id: str, tls: TlsFiles | None = None) -> None:
        """endpoints: client URLs, the nearest first. `open` succeeds also without a quorum: stale reads work then"""
        self._client = EtcdClient(endpoints, tls)
        prefix = f"/shoal/{cluster_id}/"
        self._data = f"{prefix}data/"
        self._lead = f"{prefix}lead/".encode()
        self._feed = Feed(self._client, prefix, self._key_of)
        self._leases: dict[int, int] = {}  #: {epoch: lease}, of epochs that began here

    def _key_of(self, key: bytes) -> str | None:
        text = key.decode()
        return text[len(self._data) :] if text.startswith(self._data) else None

    def _etcd_key(self, key: str) -> bytes:
        return (self._data + key).encode()

    async def open(self) -> None:
        """See the contract."""
        await self._client.open()
        try:
            await self._feed.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """See the contract. Idempotent."""
        await self._feed.close()
        await self._client.close()

    async def range(self, prefix: str, *, stale: bool = False) -> Range:
        """See the contract."""
        while True:
            try:
                return await self._range_at_once(prefix, stale)
            except EtcdRefusal as refusal:
                # Forgotten between two pages, or asked of another member that is behind: once more.
                if refusal.message not in (_COMPACTED, _FUTURE):
                    raise

    async def _range_at_once(self, prefix: str, stale: bool) -> Range:
        start = self._etcd_key(prefix)
        end, revision = range_end(start), 0
        values: dict[str, Value] = {}
        while True:
            # The pages after the first are of its revision, which this member has by then.
            is_local = stale or revision > 0
            request = RangeRequest(start, end, limit=_PAGE, revision=revision, serializable=is_local)
            page = await self._read(request)
            revision = revision or page.header.revision
            values.update((kv.key.decode()[len(self._data) :], plain(kv)) for kv in page.kvs)
            if not page.more:
                return Range(revision, values)
            start = page.kvs[-1].key + b"\0"

    async def _read(self, request: RangeRequest) -> RangeAnswer:
        if request.serializable:
            return await self._client.call("kv/range", request, RangeAnswer, alone=True)
        return await newest(self._client, request)

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Changes]:
        """See the contract."""
        history = self._feed.history
        if after > history.revision and after > (known := await self._feed.revision()):
            raise Compacted(f"revision {after} is not of this store, its newest is {known}")
        async for changes in history.follow(prefix, after):
            yield changes

    async def compact(self, revision: int) -> None:
        """See the contract."""
        try:
            await self._client.call("kv/compaction", Compaction(revision), Empty)
        except EtcdRefusal as refusal:
            if refusal.message == _FUTURE:
                raise InvalidArgument(f"revision {revision} is not there yet") from refusal
            if refusal.message != _COMPACTED:
                raise
        self._feed.history.forget(revision)

    async def commit(self, commit: Commit) -> int:
        """See the contract."""
        check_shape(commit)
        compares = [
            Compare(key=self._etcd_key(key), target="MOD", mod_revision=revision)
            for key, revision in commit.compares.items()
        ]
        changes = [Operation(request_put=Put(self._etcd_key(key), data)) for key, data in commit.puts.items()]
        changes += [Operation(request_delete_range=Delete(self._etcd_key(key))) for key in commit.deletes]
        if not commit.epoch:
            answer = await self._txn(TxnRequest(compares, changes))
        else:
            look = Operation(request_range=RangeRequest(self._epoch_key))
            answer = await self._txn(TxnRequest([self._leads(commit.epoch), *compares], changes, [look]))
        if answer.succeeded:
            return answer.header.revision
        if commit.epoch:
            found = answer.responses[0].response_range or RangeAnswer()
            if not found.kvs or int(found.kvs[0].value) != commit.epoch:
                raise Fenced(f"epoch {commit.epoch} is over: another manager leads, or nobody")
        raise VersionConflict()

    async def _txn(self, request: TxnRequest) -> TxnAnswer:
        return await self._client.call("kv/txn", request, TxnAnswer, again=False)

    @property
    def _epoch_key(self) -> bytes:
        return self._lead + b"epoch"

    def _leads(self, epoch: int) -> Compare:
        return Compare(key=self._epoch_key, target="VALUE", value=b"%d" % epoch)

    async def campaign(self, holder: str, ttl_s: float) -> int:
        """See the contract. ttl_s: etcd takes no less than 2"""
        while True:
            news = self._feed.leader_news()
            found = await self._lead_keys()
            leader = found.get("holder")
            if leader is None or leader.value == holder.encode():
                if epoch := await self._lead_by_lease(holder, ttl_s, found):
                    return epoch
                continue
            try:
                # A watch may be broken just now: look from time to time as well.
                await asyncio.wait_for(news.wait(), _LOOK_S)
            except TimeoutError:
                continue

    async def _lead_by_lease(self, holder: str, ttl_s: float, found: dict[str, KeyValue]) -> int:
        """The epoch, 0 when somebody was faster."""
        before = found.get("newest", KeyValue())
        epoch = int(before.value or b"0") + 1
        lease = (await self._client.call("lease/grant", LeaseGrant(TTL=ceil(ttl_s)), Lease)).ID
        is_leader = False
        try:
            compares = [
                Compare(key=self._lead + b"newest", target="MOD", mod_revision=before.mod_revision),
                Compare(key=self._epoch_key, target="MOD", mod_revision=found.get("epoch", KeyValue()).mod_revision),
            ]
            puts = [
                Put(self._lead + b"newest", b"%d" % epoch),
                Put(self._epoch_key, b"%d" % epoch, lease),
                Put(self._lead + b"holder", holder.encode(), lease),
            ]
            answer = await self._txn(TxnRequest(compares, [Operation(request_put=put) for put in puts]))
            is_leader = answer.succeeded
        finally:
            if not is_leader:
                # Also where the answer was lost: who does not know that it leads must not.
                await to_the_end(self._revoke(lease))
        if is_leader:
            self._leases[epoch] = lease
            for old in [known for known in self._leases if known < epoch]:
                await self._revoke(self._leases.pop(old))
        return epoch if is_leader else 0

    async def _revoke(self, lease: int) -> None:
        """Best effort: it ends by itself."""
        try:
            await self._client.call("lease/revoke", LeaseId(ID=lease), Empty, deadline_s=DEADLINE_S / 5)
        except (Unavailable, EtcdRefusal):
            return

    async def keep(self, epoch: int) -> bool:
        """See the contract."""
        lease = self._leases.get(epoch)
        if lease is None or (await self.leader())[1] != epoch:
            return False
        kept = await self._keep_lease(lease)
        if not kept:
            self._leases.pop(epoch, None)
        return kept

    async def _keep_lease(self, lease: int) -> bool:
        return (await self._client.call_streamed("lease/keepalive", LeaseId(ID=lease), Lease)).TTL > 0

    async def newest_epoch(self, *, stale: bool = False) -> int:
        """See the contract."""
        return int((await self._lead_keys(stale=stale)).get("newest", KeyValue()).value or b"0")

    async def epochs_after(self, epoch: int) -> None:
        """See the contract."""
        key = self._lead + b"newest"
        while True:
            before = (await self._lead_keys()).get("newest", KeyValue())
            if int(before.value or b"0") >= epoch:
                return
            same = Compare(key=key, target="MOD", mod_revision=before.mod_revision)
            await self._txn(TxnRequest([same], [Operation(request_put=Put(key, b"%d" % epoch))]))

    async def resign(self, epoch: int) -> None:
        """See the contract."""
        gone = [Operation(request_delete_range=Delete(self._lead + name)) for name in (b"epoch", b"holder")]
        await self._client.call("kv/txn", TxnRequest([self._leads(epoch)], gone), TxnAnswer)
        if lease := self._leases.pop(epoch, None):
            await self._revoke(lease)

    async def leader(self) -> tuple[str, int]:
        """See the contract."""
        found = await self._lead_keys()
        if "epoch" not in found or "holder" not in found:
            return "", 0
        return found["holder"].value.decode(), int(found["epoch"].value)

    async def _lead_keys(self, *, stale: bool = False) -> dict[str, KeyValue]:
        """{"newest", "epoch", "holder": what is there}"""
        request = RangeRequest(self._lead, range_end=range_end(self._lead), serializable=stale)
        answer = await self._read(request)
        return {kv.key[len(self._lead) :].decode(): kv for kv in answer.kvs}
