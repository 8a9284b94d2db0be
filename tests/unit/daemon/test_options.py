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
    ],
)
def test_bad_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "shoal.toml"
    config.write_text(text)
    with pytest.raises(InvalidArgument, match=message):
        parse_settings(["--config", str(config)])
