"""Reading what is newest in etcd."""

from shoal.drivers.cluster.etcd_client import DEADLINE_S, EtcdClient
from shoal.drivers.cluster.etcd_messages import (
    Delete,
    Operation,
    RangeAnswer,
    RangeRequest,
    TxnAnswer,
    TxnRequest,
)
from shoal.errors import Unavailable

_FIRST_S = 1.0
#: never there: all keys begin with "/"
_NOTHING = b"nothing"


async def newest(client: EtcdClient, request: RangeRequest) -> RangeAnswer:
    """What a quorum has now. Raises: Unavailable, EtcdRefusal

    A member of etcd 3.4 that asks a leader in the moment of its election never hears from it, and lets all such reads
    wait behind that one for 7 s. A transaction that deletes nothing goes another way: through the log.
    """
    try:
        return await client.call("kv/range", request, RangeAnswer, deadline_s=_FIRST_S)
    except Unavailable:
        operations = [Operation(request_range=request), Operation(request_delete_range=Delete(_NOTHING))]
        answer = await client.call(
            "kv/txn", TxnRequest(success=operations), TxnAnswer, deadline_s=DEADLINE_S - _FIRST_S
        )
    return answer.responses[0].response_range or RangeAnswer()
