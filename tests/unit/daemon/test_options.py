import re
from pathlib import Path, PurePosixPath

import pytest

from shoal.daemon.options import make_settings, parse_settings
from shoal.errors import InvalidArgument
from shoal.model.settings import Settings


def test_defaults() -> None:
    assert make_settings({}) == Settings()
    assert Settings().instance == "shoal"


def test_another_root_has_a_run_directory_and_names_of_its_own() -> None:
    a, b = make_settings({"root": "/a"}), make_settings({"root": "/b"})
    assert a.run != b.run and a.instance != b.instance
    assert a.run == PurePosixPath(f"/run/shoal-{a.tag}")
    assert len(f"veth{a.tag}") <= 15


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "shoal.toml"
    config.write_text(
        'registry-mirrors = ["http://127.0.0.1:5000"]\nmtu = 1400\nstand_ins = true\n[labels]\nzone = "a"\n'
    )
    settings = parse_settings(["--config", str(config), "--mtu", "1300", "--host", "tcp://127.0.0.1:2375"])
    assert settings.registry_mirrors == ("http://127.0.0.1:5000",)
    assert (settings.mtu, settings.stand_ins, settings.labels) == (1300, True, {"zone": "a"})
    assert settings.hosts == ("tcp://127.0.0.1:2375",)


@pytest.mark.parametrize(
    "text, message",
    [
        ("colour = 1", "colour: unknown setting"),
        ("mtu = 'big'", 'mtu: expected a number of bytes, got "big"'),
        ("stand_ins = 'yes'", 'stand_ins: expected true or false, got "yes"'),
        ("= nonsense", "settings file"),
        ("dns = 8", "dns: expected a list, got 8"),
        ("dns = ['8.8.8']", 'dns: expected an IP address, got "8.8.8"'),
        ("hosts = ['127.0.0.1:80']", 'hosts: expected unix:///PATH or tcp://ADDRESS:PORT, got "127.0.0.1:80"'),
        ("hosts = ['tcp://1.2.3.4:99999']", "hosts: expected unix"),
        ("registry_mirrors = 'mirror:5000'", "registry_mirrors: expected a URL"),
        ("insecure_registries = ['http://x']", "insecure_registries: expected HOST"),
        ("address_pools = ['10.0.0.0/8:4']", "address_pools: expected BASE/LENGTH"),
        ("log_level = 'loud'", 'log_level: expected debug, info, warning or error, got "loud"'),
        ("root = 3", "root: expected text, got 3"),
        ("metrics-addr = '9323'", 'metrics_addr: expected ADDRESS:PORT, got "9323"'),
        ("metrics-addr = 'host-gateway'", "metrics_addr: expected ADDRESS:PORT"),
        ("metrics-addr = '127.0.0.1:x'", "metrics_addr: expected ADDRESS:PORT"),
        ("metrics-addr = '127.0.0.1:9323/metrics'", "metrics_addr: expected ADDRESS:PORT"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "shoal.toml"
    config.write_text(text)
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        parse_settings(["--config", str(config)])
