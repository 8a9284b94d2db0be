"""The config file of an image <-> model. Source: OCI image spec, config.md; Docker image specification v1.3."""

import json
from dataclasses import dataclass, field
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.health import Healthcheck
from shoal.model.image import HistoryItem, ImageConfig, Platform
from shoal.wire.container.config import HEALTHCHECK
from shoal.wire.fields import (
    OMIT,
    Field,
    decode,
    encode,
    flag,
    keys,
    nested,
    objects,
    read_object,
    read_strings,
    read_text,
    strings,
    text,
    text_map,
    words,
)
from shoal.wire.times import decode_time, encode_time

CONFIG_LIMIT_BYTES = 8 << 20


def _time(key: str, attr: str) -> Field:
    def read(value: Any, path: str) -> int:
        given = read_text(value, path)
        return decode_time(given) if given else 0

    return Field(key, attr, read, lambda at: encode_time(at) if at else OMIT)


#: ImageConfig, the `config` of the file and the `Config` of the API
IMAGE_CONFIG = (
    text("User", "user", empty=OMIT),
    keys("ExposedPorts", "exposed_ports", empty=OMIT),
    strings("Env", "env", empty=OMIT),
    Field("Entrypoint", "entrypoint", words("", "").read, lambda value: list(value) if value else OMIT),
    Field("Cmd", "cmd", words("", "").read, lambda value: list(value) if value else OMIT),
    nested("Healthcheck", "healthcheck", HEALTHCHECK, Healthcheck, empty=OMIT),
    flag("ArgsEscaped", "args_escaped", empty=OMIT),
    keys("Volumes", "volumes", empty=OMIT),
    text("WorkingDir", "workdir", empty=OMIT),
    text_map("Labels", "labels", empty=OMIT),
    strings("OnBuild", "on_build", empty=OMIT),
    text("StopSignal", "stop_signal", empty=OMIT),
    strings("Shell", "shell", empty=OMIT),
)

_HISTORY = (
    _time("created", "created_at"),
    text("created_by", "created_by", empty=OMIT),
    text("author", "author", empty=OMIT),
    text("comment", "comment", empty=OMIT),
    flag("empty_layer", "empty_layer", empty=OMIT),
)

_FILE = (
    text("architecture", "architecture"),
    text("variant", "variant", empty=OMIT),
    text("os", "os"),
    text("os.version", "os_version", empty=OMIT),
    _time("created", "created_at"),
    text("author", "author", empty=OMIT),
    text("comment", "comment", empty=OMIT),
    text("container", "container", empty=OMIT),
    text("docker_version", "docker_version", empty=OMIT),
    nested("config", "config", IMAGE_CONFIG, ImageConfig),
    objects("history", "history", _HISTORY, HistoryItem, empty=OMIT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """The whole config file. diff_ids: base first"""

    diff_ids: tuple[str, ...]
    config: ImageConfig = field(default_factory=ImageConfig)
    history: tuple[HistoryItem, ...] = ()
    architecture: str = ""
    variant: str = ""
    os: str = ""
    os_version: str = ""
    created_at: int = 0
    author: str = ""
    comment: str = ""
    container: str = ""
    docker_version: str = ""

    @property
    def platform(self) -> Platform:
        """What the image runs on; a file that says nothing is for linux/amd64."""
        return Platform(
            os=self.os or "linux",
            architecture=self.architecture or "amd64",
            variant=self.variant,
            os_version=self.os_version,
        )


def decode_config_file(data: bytes) -> ConfigFile:
    """What the file says. Raises: InvalidArgument"""
    if len(data) > CONFIG_LIMIT_BYTES:
        raise InvalidArgument(f"image config: {len(data)} bytes, at most {CONFIG_LIMIT_BYTES} are taken")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"image config: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidArgument("image config: expected an object")
    rootfs = read_object(value.get("rootfs"), "rootfs")
    diff_ids = read_strings(rootfs.get("diff_ids") or [], "rootfs.diff_ids")
    return ConfigFile(diff_ids=diff_ids, **decode(_FILE, value, ""))


def encode_config_file(file: ConfigFile) -> bytes:
    """The file's JSON; the same input always gives the same bytes."""
    value = encode(_FILE, file)
    value["config"] = value["config"] or {}
    value["rootfs"] = {"type": "layers", "diff_ids": list(file.diff_ids)}
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def decode_image_config(value: Any, path: str = "") -> ImageConfig:
    """An image's config object, of a config file or the API. Raises: InvalidArgument"""
    return ImageConfig(**decode(IMAGE_CONFIG, value, path))


def encode_image_config(config: ImageConfig) -> dict[str, Any]:
    """The JSON object of a config; empty fields are left out."""
    return encode(IMAGE_CONFIG, config)
