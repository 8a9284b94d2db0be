"""Networks, volumes, events, prunes and disk usage against a real engine."""

import json
import time

from tests.support.engine import EngineProcess


def test_networks(engine: EngineProcess) -> None:
    identifier = engine.shoal(
        "network", "create", "--subnet", "10.199.0.0/24", "--gateway", "10.199.0.9", "--label", "a=b", "back"
    ).stdout.strip()
    assert len(identifier) == 64
    names = engine.shoal("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").stdout.splitlines()
    assert names == ["back bridge local", "bridge bridge local", "host host local", "none null local"]
    assert engine.shoal("network", "ls", "-q", "-f", "label=a=b").stdout == identifier[:12] + "\n"
    engine.shoal("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    engine.shoal("network", "connect", "--ip", "10.199.0.77", "--alias", "www", "back", "web")
    address = engine.shoal("inspect", "-f", "{{.NetworkSettings.Networks.back.IPAddress}}", "web").stdout
    assert address == "10.199.0.77\n"
    assert "10.199.0.77" in engine.shoal("exec", "web", "ip", "addr").stdout
    refused = engine.shoal("network", "rm", "back", check=False)
    assert refused.returncode == 1 and "has active endpoints" in refused.stderr
    engine.shoal("network", "disconnect", "back", "web")
    assert engine.shoal("network", "rm", "back").stdout == "back\n"
    missing = engine.shoal("network", "inspect", "back", check=False)
    assert missing.returncode == 1 and json.loads(missing.stdout) == []


def test_a_network_s_mistakes_are_told_before_it_is_asked_for(engine: EngineProcess) -> None:
    done = engine.shoal("network", "create", "--gateway", "10.9.0.1", "x", check=False)
    assert done.returncode == 1 and "no matching subnet for gateway 10.9.0.1" in done.stderr


def test_volumes(engine: EngineProcess) -> None:
    assert engine.shoal("volume", "create", "--label", "a=b", "data").stdout == "data\n"
    assert engine.shoal("volume", "ls").stdout == "DRIVER    VOLUME NAME\nlocal     data\n"
    engine.shoal("run", "--rm", "-v", "data:/d", "busybox", "sh", "-c", "echo kept > /d/f")
    assert engine.shoal("run", "--rm", "-v", "data:/d", "busybox", "cat", "/d/f").stdout == "kept\n"
    engine.shoal("create", "--name", "user", "-v", "data:/d", "busybox")
    assert "volume is in use" in engine.shoal("volume", "rm", "data", check=False).stderr
    engine.shoal("rm", "user")
    assert engine.shoal("volume", "rm", "data").stdout == "data\n"
    assert "get data: no such volume" in engine.shoal("volume", "inspect", "data", check=False).stderr


def test_events_of_the_past(engine: EngineProcess) -> None:
    since = str(time.time())
    engine.shoal("run", "--rm", "--name", "brief", "-l", "mark=1", "busybox", "true")
    text = engine.shoal("events", "--since", since, "--until", str(time.time()), "-f", "label=mark=1").stdout
    actions = [line.split()[2] for line in text.splitlines() if line.split()[1] == "container"]
    assert actions[:2] == ["create", "attach"] or actions[0] == "create"
    assert {"create", "start", "die", "destroy"} <= set(actions)
    assert "name=brief" in text
    as_json = engine.shoal("events", "--since", since, "--until", str(time.time()), "--format", "json").stdout
    assert all(json.loads(line)["Type"] for line in as_json.splitlines())


def test_prunes_ask_first(engine: EngineProcess) -> None:
    engine.shoal("create", "--name", "idle", "busybox")
    assert "Are you sure you want to continue? [y/N]" in engine.shoal("container", "prune", input="n\n").stdout
    assert engine.shoal("ps", "-aq").stdout != ""
    pruned = engine.shoal("container", "prune", input="y\n").stdout
    assert "Deleted Containers:" in pruned and "Total reclaimed space: " in pruned
    engine.shoal("network", "create", "unused")
    engine.shoal("volume", "create", "named")
    engine.shoal("create", "--name", "idle", "-v", "/anonymous", "busybox")
    text = engine.shoal("system", "prune", "-f", "--volumes").stdout
    assert "Deleted Containers:" in text and "Deleted Networks:\nunused\n" in text and "Deleted Volumes:" in text
    assert engine.shoal("volume", "ls", "-q").stdout == "named\n"
    assert engine.shoal("images", "-q").stdout != ""


def test_disk_usage(engine: EngineProcess) -> None:
    engine.shoal("create", "--name", "idle", "busybox")
    lines = engine.shoal("system", "df").stdout.splitlines()
    assert lines[0].split() == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    assert lines[1].split()[:3] == ["Images", "1", "1"]
    assert lines[2].split()[:3] == ["Containers", "1", "0"]
    assert "Images space usage:" in engine.shoal("system", "df", "-v").stdout
    everything = json.loads(engine.shoal("system", "df", "-v", "--format", "json").stdout)
    assert [item["Names"] for item in everything["Containers"]] == ["idle"]
    assert [item["Repository"] for item in everything["Images"]] == ["busybox"]
    assert (everything["Volumes"], everything["BuildCache"]) == ([], [])


def test_info_and_version(engine: EngineProcess) -> None:
    assert engine.shoal("info", "-f", "{{.ServerVersion}} {{.OSType}}").stdout.endswith(" linux\n")
    assert engine.shoal("version", "-f", "{{.Server.ApiVersion}}").stdout == "1.51\n"
    both = engine.shoal("version").stdout
    assert "Client: Shoal" in both and "Server: Shoal" in both
