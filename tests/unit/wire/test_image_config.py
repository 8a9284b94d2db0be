"""The config file of an image."""

import json

import pytest

from shoal.errors import InvalidArgument
from shoal.model.health import Healthcheck
from shoal.model.image import HistoryItem, ImageConfig
from shoal.wire.image_config import ConfigFile, decode_config_file, encode_config_file

FILE = ConfigFile(
    diff_ids=("sha256:" + "1" * 64,),
    config=ImageConfig(
        env=("PATH=/bin", "A=b=c"),
        cmd=("sh", "-c", "x"),
        entrypoint=("/init",),
        workdir="/w",
        user="1:2",
        labels={"a": "b"},
        volumes=("/data",),
        exposed_ports=("80/tcp",),
        healthcheck=Healthcheck(test=("CMD-SHELL", "true"), interval_ns=5, retries=2),
        stop_signal="SIGINT",
        shell=("/bin/bash", "-c"),
        on_build=("RUN x",),
    ),
    history=(HistoryItem(created_at=1_500_000_000_000_000_001, created_by="RUN x", empty_layer=True),),
    architecture="arm",
    variant="v7",
    os="linux",
    created_at=1_600_000_000_123_000_000,
    author="me",
)


def test_the_file_survives_encoding_and_is_stable() -> None:
    data = encode_config_file(FILE)
    assert decode_config_file(data) == FILE
    assert encode_config_file(decode_config_file(data)) == data
    assert str(FILE.platform) == "linux/arm/v7"


def test_nulls_and_missing_fields_as_dockers_builders_write_them() -> None:
    file = decode_config_file(
        b'{"architecture":"amd64","os":"linux","created":"","config":{"Cmd":null,"Env":null,"Labels":null,'
        b'"Entrypoint":"one","Volumes":{},"Healthcheck":{"Test":["NONE"]}},"rootfs":{"type":"layers","diff_ids":null}}'
    )
    assert file.config == ImageConfig(entrypoint=("one",), healthcheck=Healthcheck(test=("NONE",)))
    assert file.diff_ids == () and file.created_at == 0


def test_empty_fields_are_left_out() -> None:
    value = json.loads(encode_config_file(ConfigFile(diff_ids=(), os="linux", architecture="amd64")))
    assert value == {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x", "not JSON"),
        (b"[]", "expected an object"),
        (b'{"config":{"Env":"a"}}', "config.Env: expected an array, got a string"),
        (b'{"rootfs":{"diff_ids":[1]}}', r"rootfs.diff_ids.0: expected a string, got a number"),
        (b'{"created":"yesterday"}', "RFC 3339"),
        (b'{"history":[{"created_by":1}]}', r"history.0.created_by"),
    ],
)
def test_broken_files(data: bytes, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        decode_config_file(data)
