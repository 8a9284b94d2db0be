"""What a node keeps of its membership."""

import os
from pathlib import Path

import pytest

from shoal.contracts.cluster.control import SwarmJoin
from shoal.errors import DriverError
from shoal.model.cluster.node import Role
from shoal.swarm.membership.folder import Folder, Keys, LocalState, Locked

STATE = LocalState(
    node_id="n",
    cluster_id="c",
    role=Role.MANAGER,
    listen="0.0.0.0:2377",
    advertise="10.0.0.1:2377",
    managers=(("n", "10.0.0.1:2377"),),
)
KEYS = Keys("-----BEGIN PRIVATE KEY-----", "certificate", b"data key")
UNLOCK = bytes(range(32))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "swarm", os.urandom)
    made.make()
    return made


def test_everything_comes_back_and_only_root_reads_it(folder: Folder):
    join = SwarmJoin(remotes=("10.0.0.1:2377",), token="SWMTKN-1-x-y")
    folder.save_state(STATE)
    folder.save_keys(KEYS)
    folder.save_trusted("root")
    folder.save_join(join)
    assert (folder.load_state(), folder.load_keys(), folder.load_trusted()) == (STATE, KEYS, "root")
    assert folder.load_join() == join
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.path.iterdir()} == {0o600}


def test_a_node_in_no_cluster_has_nothing(tmp_path: Path):
    folder = Folder(tmp_path / "swarm", os.urandom)
    assert (folder.load_state(), folder.load_trusted(), folder.load_join()) == (None, "", None)
    folder.erase()


def test_locked_keys_are_opened_by_their_unlock_key_only(folder: Folder):
    folder.save_keys(KEYS, UNLOCK)
    assert b"PRIVATE" not in (folder.path / "keys.json").read_bytes()
    for wrong in (b"", bytes(32)):
        with pytest.raises(Locked):
            folder.load_keys(wrong)
    assert folder.load_keys(UNLOCK) == KEYS
    folder.save_keys(KEYS)
    assert folder.load_keys() == KEYS


def test_after_erase_nothing_is_left(folder: Folder):
    folder.save_state(STATE)
    folder.erase()
    assert not folder.path.exists()
    assert folder.load_state() is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"node_id": 1}'])
def test_a_damaged_state_is_told(folder: Folder, content: bytes):
    (folder.path / "state.json").write_bytes(content)
    with pytest.raises(DriverError, match="can't be read"):
        folder.load_state()
