"""What a backup file is, and what is refused as one."""

import itertools
import os

import pytest

from shoal.contracts.cluster.store import Commit
from shoal.errors import InvalidArgument, Unauthorized
from shoal.model.cluster.node import Role
from shoal.simulation.store import SimulatedCluster, SimulatedStore
from shoal.swarm.membership.backup import UNLOCK_KEY, Content, content_of, pack, unpack
from shoal.swarm.membership.folder import LocalState

CONTENT = Content(
    node_id="n",
    cluster_id="c",
    listen="0.0.0.0:2377",
    advertise="10.0.0.1:2377",
    data_port=4789,
    data_key=b"k" * 32,
    epoch=7,
    values={"cluster/cluster": b"\0\xff", "names/web\n": b"", "näme": "☃".encode()},
)


@pytest.mark.parametrize("passphrase", ["", "☃ and more"])
def test_what_was_packed_is_unpacked(passphrase: str) -> None:
    data = pack(CONTENT, os.urandom, passphrase=passphrase)
    assert unpack(data, os.urandom, passphrase=passphrase) == CONTENT


def test_a_sealed_backup_shows_neither_keys_nor_records() -> None:
    numbers = itertools.count(1)
    data = pack(CONTENT, lambda size: bytes([next(numbers)]) * size, passphrase="p", sealed_with=UNLOCK_KEY)
    for wrong, text in (("", "sealed with the cluster's unlock key"), ("q", "sealed with another unlock key")):
        with pytest.raises(Unauthorized, match=text):
            unpack(data, os.urandom, passphrase=wrong)
    assert pack(CONTENT, os.urandom, passphrase="p") != pack(CONTENT, os.urandom, passphrase="p")


@pytest.mark.parametrize("passphrase", ["", "p"])
def test_every_changed_or_missing_byte_is_noticed(passphrase: str) -> None:
    whole = pack(CONTENT, os.urandom, passphrase=passphrase)
    for place in range(0, len(whole), 7):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            with pytest.raises(InvalidArgument, match=r"no backup of a swarm|damaged|newer Shoal"):
                unpack(damaged, os.urandom, passphrase=passphrase)


def test_a_newer_form_is_named() -> None:
    whole = pack(CONTENT, os.urandom)
    with pytest.raises(InvalidArgument, match="of a newer Shoal: its version is 9"):
        unpack(whole.replace(b"backup 1 ", b"backup 9 ", 1), os.urandom)


async def test_it_has_what_the_store_has() -> None:
    store = SimulatedStore(SimulatedCluster())
    await store.open()
    try:
        epoch = await store.campaign("n", 60)
        await store.commit(Commit(puts=CONTENT.values))
        state = LocalState(node_id="n", cluster_id="c", role=Role.MANAGER, listen="l", advertise="a")
        content = await content_of(store, state, b"k" * 32)
    finally:
        await store.close()
    assert (content.values, content.epoch, content.node_id) == (CONTENT.values, epoch, "n")
