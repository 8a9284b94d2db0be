"""A cluster whose only manager is lost comes back from its backup, on another machine."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clusters
from tests.support.clusters import containers, nodes, running, swarm_info, wait_running, within
from tests.support.hosts import Farm, Host, hosts

PASSPHRASE = "three words ☃"


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3) as farm:
        clusters.found(farm[0], [farm[1]])
        yield farm


@pytest.fixture(scope="module")
def backup(farm: Farm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed backup of a cluster with services, a secret, a config and a network; passphrase.txt is beside it."""
    one = farm[0]
    folder = tmp_path_factory.mktemp("backup")
    (folder / "passphrase.txt").write_text(f"{PASSPHRASE}\n")
    (folder / "value").write_text("of great value")
    one.shoal("secret", "create", "key", str(folder / "value"))
    one.shoal("config", "create", "settings", str(folder / "value"))
    one.shoal("network", "create", "--driver", "overlay", "inner")
    service = ("service", "create", "--detach", "--name", "web", "--replicas", "4", "--network", "inner")
    one.shoal(*service, "--secret", "key", "--config", "settings", "--init", "busybox", "sleep", "10000")
    wait_running(one, "web", 4)
    done = one.shoal("swarm", "backup", "--passphrase-file", str(folder / "passphrase.txt"), str(folder / "swarm"))
    assert done.stdout == f"{folder / 'swarm'}: {(folder / 'swarm').stat().st_size} bytes\n"
    assert done.stderr == ""
    return folder / "swarm"


def restore(host: Host, backup: Path, *flags: str, check: bool = True) -> str:
    """What the command says, on standard error where it fails."""
    passphrase = ("--passphrase-file", str(backup.with_name("passphrase.txt")))
    done = host.shoal("swarm", "restore", *passphrase, *flags, str(backup), check=check)
    return done.stdout if check else done.stderr


def test_a_backup_is_for_its_owner_and_shows_no_secret(backup: Path):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert [path.name for path in backup.parent.iterdir() if path.suffix == ".new"] == []
    assert b"of great value" not in backup.read_bytes()


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda whole: whole[:-1], "this backup is damaged: its checksum is another"),
        (lambda whole: whole[:300] + bytes([whole[300] ^ 1]) + whole[301:], "this backup is damaged"),
        (lambda whole: b"PK\x03\x04" + whole, "this is no backup of a swarm"),
        (lambda whole: b"", "this is no backup of a swarm"),
    ],
    ids=["cut off", "changed", "foreign", "empty"],
)
def test_what_is_no_backup_changes_nothing(farm: Farm, backup: Path, tmp_path: Path, damage, text: str):
    path = tmp_path / "other"
    path.write_bytes(damage(backup.read_bytes()))
    (tmp_path / "passphrase.txt").write_text(PASSPHRASE)
    assert text in restore(farm[2], path, check=False)
    assert swarm_info(farm[2])["LocalNodeState"] == "inactive"
    assert not (farm[2].engine.root / "swarm").exists()


def test_only_its_passphrase_opens_it(farm: Farm, backup: Path, tmp_path: Path):
    three = farm[2]
    done = three.shoal("swarm", "restore", str(backup), check=False)
    assert (done.returncode, "sealed with the cluster's passphrase" in done.stderr) == (1, True), done.stderr
    (tmp_path / "other").write_text("wrong")
    done = three.shoal("swarm", "restore", "--passphrase-file", str(tmp_path / "other"), str(backup), check=False)
    assert "sealed with another passphrase" in done.stderr
    assert swarm_info(three)["LocalNodeState"] == "inactive"


def test_a_cluster_that_lives_is_not_torn_in_two(farm: Farm, backup: Path):
    one, _two, three = farm
    assert "already part of a swarm" in restore(one, backup, check=False)
    refusal = restore(three, backup, check=False)
    assert f"a manager of this cluster answers at {one.address}:2377: it is not lost" in refusal
    assert swarm_info(three)["LocalNodeState"] == "inactive"


def test_another_machine_is_the_manager_and_nothing_is_lost(farm: Farm, backup: Path):
    one, two, three = farm
    tokens = one.engine.call("GET", "/swarm")[1]["JoinTokens"]
    service = one.engine.call("GET", "/services/web")[1]
    identities = {node["ID"] for node in nodes(one).values()}
    kept = containers(two)
    assert kept
    farm.kill(one)
    one.ip("addr flush dev eth0")
    three.ip(f"addr add {one.address}/24 dev eth0")
    two.ip("neigh flush dev eth0")
    assert "Swarm restored: current node (" in restore(three, backup)

    assert three.engine.call("GET", "/swarm")[1]["JoinTokens"] == tokens
    assert {node["ID"] for node in nodes(three).values()} == identities
    assert three.engine.call("GET", "/services/web")[1]["Spec"] == service["Spec"]
    within(15, "the worker goes on by itself", lambda: clusters.node_state(three, two) == "ready")
    within(15, "all tasks run again", lambda: len(running(three, "web")) == 4)
    assert kept <= containers(two)
    # The backup says of its tasks that they run, so only its containers tell.
    within(15, "they run here too", lambda: containers(three))
    here = containers(three)
    for name in ("/run/secrets/key", "/settings"):
        assert three.shoal("exec", sorted(here)[0], "cat", name).stdout == "of great value"
    assert [row["Name"] for row in three.engine.call("GET", "/networks")[1] if row["Name"] == "inner"] == ["inner"]

    three.engine.kill()
    three.engine.start()
    within(10, "it is the manager after a restart too", lambda: swarm_info(three)["ControlAvailable"])
    wait_running(three, "web", 4)


def test_a_backup_of_a_locked_cluster_is_sealed_with_its_unlock_key(farm: Farm, backup: Path, tmp_path: Path):
    _one, two, three = farm
    clusters.update_node(three, two, Role="manager")
    within(20, "it is a manager", lambda: bool(swarm_info(two)["ControlAvailable"] and nodes(two)))
    three.shoal("swarm", "update", "--autolock")
    key = three.engine.call("GET", "/swarm/unlockkey")[1]["UnlockKey"]
    done = two.shoal("swarm", "backup", str(tmp_path / "locked"))
    assert done.stderr.startswith("It is sealed with the cluster's unlock key")
    assert (tmp_path / "locked").stat().st_mode & 0o777 == 0o600
    farm.kill(three)
    two.shoal("swarm", "leave", "--force")
    refused = two.shoal("swarm", "restore", str(tmp_path / "locked"), check=False)
    assert "sealed with the cluster's unlock key, which was not given" in refused.stderr
    (tmp_path / "key").write_text(key)
    two.shoal("swarm", "restore", "--passphrase-file", str(tmp_path / "key"), str(tmp_path / "locked"))
    within(30, "all tasks run on what is left", lambda: len(running(two, "web")) == 4)
    assert two.engine.call("GET", "/swarm/unlockkey")[1]["UnlockKey"] == key
    two.engine.kill()
    two.engine.start()
    assert swarm_info(two)["LocalNodeState"] == "locked"
    assert two.engine.call("POST", "/swarm/unlock", {"UnlockKey": key})[0] == 200
    wait_running(two, "web", 4)
