"""What conmon writes is what the reader reads."""

import asyncio

from shoal.contracts.logs import LogQuery
from shoal.drivers.logs.reader import ConmonLogs
from tests.support.deadlines import patient
from tests.support.runtime import Box


async def follow(box: Box, logs: ConmonLogs, ended: asyncio.Event) -> dict[int, bytes]:
    out = {1: b"", 2: b""}
    async with logs.open(box.log, LogQuery(follow=ended)) as batches:
        async for batch in batches:
            for record in batch:
                out[record.stream] += record.data
    return out


async def test_binary_output_of_both_streams_is_followed_byte_by_byte(box: Box):
    logs, ended = ConmonLogs(), asyncio.Event()
    following = asyncio.create_task(follow(box, logs, ended))
    await box.run("sh", "-c", "head -c 3000000 /bin/busybox; seq 1 20000 >&2; printf end")
    await asyncio.wait_for(box.runtime.wait(box.id), patient(20))
    ended.set()
    out = await asyncio.wait_for(following, patient(20))
    binary = (box.rootfs / "bin/busybox").read_bytes()[:3000000]
    assert out[1] == binary + b"end"
    assert out[2] == b"".join(b"%d\n" % i for i in range(1, 20001))
    logs.close()


async def test_follower_loses_nothing_while_files_rotate(box: Box):
    logs, ended = ConmonLogs(), asyncio.Event()
    following = asyncio.create_task(follow(box, logs, ended))
    await box.run(
        "sh",
        "-c",
        "i=0; while [ $i -lt 6 ]; do seq $((i*5000)) $((i*5000+4999)); i=$((i+1)); sleep 0.5; done",
        log_max_bytes=200_000,
        log_max_files=3,
    )
    await asyncio.wait_for(box.runtime.wait(box.id), patient(20))
    ended.set()
    out = await asyncio.wait_for(following, patient(20))
    assert box.log.with_name(box.log.name + ".1").exists()
    assert out[1] == b"".join(b"%d\n" % i for i in range(30_000))
    logs.close()
