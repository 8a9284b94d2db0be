"""Plugins found, activated and called, on real sockets."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shoal.drivers.plugins.client import Refused, Unreachable
from shoal.drivers.plugins.discovery import Address, Tls, find_plugin, plugin_names
from shoal.drivers.plugins.plugins import LegacyPlugins
from shoal.errors import DriverError, InvalidArgument, NotFound
from tests.support.certificates import Authority
from tests.support.leftovers import new_folder
from tests.support.plugins import said, told_plugin, told_tls_plugin


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: UNIX sockets end at 108 bytes."""
    path = new_folder("plg")
    yield path
    for entry in sorted(path.rglob("*"), reverse=True):
        entry.rmdir() if entry.is_dir() else entry.unlink()
    path.rmdir()


def volumes_only(method: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
    if method == "Plugin.Activate":
        return said(Implements=["VolumeDriver"])
    return said(Method=method, Body=dict(body))


def test_a_plugin_is_a_socket_or_a_file_that_names_its_address(folder: Path) -> None:
    other = folder / "etc"
    (other / "deep").mkdir(parents=True)
    (other / "plain.spec").write_text("tcp://127.0.0.1:9000\n")
    (other / "deep" / "deep.spec").write_text("unix:///run/deep.sock")
    tls = {"InsecureSkipVerify": False, "CAFile": "/ca.pem", "CertFile": "/c.pem", "KeyFile": "/k.pem"}
    (other / "safe.json").write_text(json.dumps({"Name": "safe", "Addr": "tcp://10.0.0.1:1", "TLSConfig": tls}))
    (other / "both.spec").write_text("unix:///no")
    (other / "notes.txt").write_text("no plugin")
    with told_plugin(folder / "both.sock", volumes_only):
        folders = [other, folder / "missing", folder]
        assert plugin_names(folders) == ["both", "deep", "plain", "safe"]
        assert find_plugin(folders, "both") == Address(path=str(folder / "both.sock"))
    assert find_plugin(folders, "plain") == Address(host="127.0.0.1:9000")
    assert find_plugin(folders, "deep") == Address(path="/run/deep.sock")
    found = Tls(ca_file="/ca.pem", cert_file="/c.pem", key_file="/k.pem")
    assert find_plugin(folders, "safe") == Address(host="10.0.0.1:1", tls=found)
    assert find_plugin(folders, "../etc/plain") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("x.spec", "localhost:80"), ("x.spec", "unix://relative"), ("x.json", "{"), ("x.json", "[]"), ("x.json", "{}")],
)
def test_a_file_that_is_wrong_is_named(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DriverError, match=f'plugin file "{folder / name}"'):
        find_plugin([folder], "x")


async def test_a_plugin_is_asked_once_what_it_implements(folder: Path) -> None:
    with told_plugin(folder / "one.sock", volumes_only) as calls:
        plugins = LegacyPlugins([folder])
        assert await plugins.names("VolumeDriver") == ["one"] and await plugins.names("NetworkDriver") == []
        told = await plugins.call("one", "VolumeDriver.Get", {"Name": "x"})
        with pytest.raises(InvalidArgument, match='plugin="one", requested implementation="NetworkDriver"'):
            await plugins.call("one", "NetworkDriver.Join", {})
    assert told == {"Method": "VolumeDriver.Get", "Body": {"Name": "x"}}
    assert [method for method, _ in calls] == ["Plugin.Activate", "VolumeDriver.Get"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said(Err="no room"), "no room"),
        ((500, b'{"Err": "broken"}'), "VolumeDriver.Create: broken"),
        ((404, b"404 page not found\n"), "VolumeDriver.Create: 404 page not found"),
        ((200, b"<html>"), "VolumeDriver.Create: expected a JSON object"),
        ((200, b"[]"), "VolumeDriver.Create: expected a JSON object"),
    ],
)
async def test_what_a_plugin_refuses_is_told_in_its_words(folder: Path, answer: tuple[int, bytes], words: str) -> None:
    def reply(method: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        return said(Implements=["VolumeDriver"]) if method == "Plugin.Activate" else answer

    with told_plugin(folder / "no.sock", reply), pytest.raises(Refused) as refused:
        await LegacyPlugins([folder]).call("no", "VolumeDriver.Create", {})
    assert refused.value.message.startswith(words)


async def test_a_plugin_that_hangs_is_waited_for_no_longer_than_the_limit(folder: Path) -> None:
    free = threading.Event()

    def reply(method: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        if method != "Plugin.Activate":
            free.wait(10)
        return said(Implements=["VolumeDriver"])

    with told_plugin(folder / "slow.sock", reply) as calls:
        with pytest.raises(Unreachable, match="context deadline exceeded"):
            await LegacyPlugins([folder], limit_s=0.3).call("slow", "VolumeDriver.Create", {}, patience_s=15)
        free.set()
    assert [method for method, _ in calls].count("VolumeDriver.Create") == 1, "it may have got it: not asked again"


async def test_nobody_behind_a_socket(folder: Path) -> None:
    with told_plugin(folder / "dead.sock", volumes_only):
        pass
    plugins = LegacyPlugins([folder])
    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"dial unix .*/dead.sock: connect: connection refused"):
        await plugins.call("dead", "VolumeDriver.Get", {})
    assert await plugins.names("VolumeDriver") == []
    assert time.monotonic() - started < 1
    with pytest.raises(NotFound, match='plugin "never" not found'):
        await plugins.call("never", "VolumeDriver.Get", {}, patience_s=15)
    assert time.monotonic() - started < 1


async def test_a_plugin_that_comes_back_is_found_by_who_waits(folder: Path) -> None:
    with told_plugin(folder / "back.sock", volumes_only):
        plugins = LegacyPlugins([folder])
        await plugins.call("back", "VolumeDriver.Get", {})
    (folder / "back.sock").unlink()
    waiting = asyncio.ensure_future(plugins.call("back", "VolumeDriver.Mount", {}, patience_s=5, is_known=True))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    with told_plugin(folder / "back.sock", volumes_only):
        assert (await waiting)["Method"] == "VolumeDriver.Mount"


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_plugin_behind_tls_is_known_by_its_certificate(folder: Path, tmp_path: Path, trusted: bool) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    server, client = ours.issue("server", "plugin"), ours.issue("client", "engine")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(server.ca))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(server.certificate, server.key)
    ca = (ours if trusted else theirs).issue("x", "x").ca
    told = {"CAFile": str(ca), "CertFile": str(client.certificate), "KeyFile": str(client.key)}
    with told_tls_plugin(context, volumes_only) as port:
        (folder / "safe.json").write_text(json.dumps({"Addr": f"tcp://127.0.0.1:{port}", "TLSConfig": told}))
        asked = LegacyPlugins([folder]).call("safe", "VolumeDriver.Get", {"Name": "x"})
        if trusted:
            assert (await asked)["Body"] == {"Name": "x"}
        else:
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await asked
