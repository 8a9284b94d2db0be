"""Settings from the command line and from a TOML file; the command line wins."""

import argparse
import ipaddress
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from shoal import __version__
from shoal.errors import InvalidArgument
from shoal.lifecycle.network.ipam import parse_default_pool
from shoal.model.settings import DEFAULT_ROOT, DEFAULT_RUN, Settings

DEFAULT_CONFIG = Path("/etc/shoal/shoal.toml")

#: fields that take one value on the command line and a list in the file
_LISTS = ("hosts", "registry_mirrors", "insecure_registries", "address_pools", "dns", "plugin_dirs")
_FLAGS = {"hosts": "--host", "registry_mirrors": "--registry-mirror", "insecure_registries": "--insecure-registry"}
_FLAGS |= {"address_pools": "--address-pool", "plugin_dirs": "--plugin-dir"}
_HELP = {
    "root": "where images, containers and volumes are kept",
    "run": "where the socket and what does not outlive a reboot is kept",
    "hosts": "one more address of the API: tcp://127.0.0.1:PORT or unix:///PATH",
    "socket_group": 'group that may use the socket (default: "shoal" where it exists, else root)',
    "registry_mirrors": "URL asked before docker.io",
    "insecure_registries": "HOST[:PORT] spoken to without TLS (loopback always may)",
    "stand_ins": "make images from recipes where the registry can't be reached",
    "build_cas": "show the host's certificates to RUN steps of builds (never kept in the image)",
    "address_pools": "CIDR from which new networks get their subnet",
    "mtu": "of new networks (default: the uplink's)",
    "dns": "resolver for names from outside (default: the host's)",
    "plugin_dirs": "folder where plugins are found, in place of Docker's",
    "stop_containers_on_exit": "stop all containers when the engine is stopped",
    "metrics_addr": "ADDRESS:PORT of /metrics for Prometheus; host-gateway:PORT is for containers of this host",
    "log_level": "debug, info, warning or error",
    "labels": "KEY=VALUE of the engine, shown by info",
}


def parser() -> argparse.ArgumentParser:
    """The command line of shoald: one flag a setting."""
    parser = argparse.ArgumentParser("shoald", description="The engine of Shoal.")
    parser.add_argument("--version", action="version", version=f"shoald {__version__}")
    parser.add_argument("--config", type=Path, help=f"settings file (default: {DEFAULT_CONFIG} where it exists)")
    for field in fields(Settings):
        flag = _FLAGS.get(field.name, "--" + field.name.replace("_", "-"))
        options: dict[str, Any] = {"dest": field.name, "default": None, "help": _HELP[field.name]}
        if field.name in _LISTS or field.name == "labels":
            parser.add_argument(flag if field.name != "labels" else "--label", action="append", **options)
        elif isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, **options)
        else:
            parser.add_argument(flag, **options)
    return parser


def parse_settings(argv: Sequence[str]) -> Settings:
    """The settings of a command line.

    Raises: InvalidArgument for a file or a value that can't be read
    """
    args = vars(parser().parse_args(argv))
    config: Path | None = args.pop("config")
    given = _load_file(config) if config or DEFAULT_CONFIG.exists() else {}
    given |= {name: value for name, value in args.items() if value is not None}
    return make_settings(given)


def _load_file(config: Path | None) -> dict[str, Any]:
    path = config or DEFAULT_CONFIG
    try:
        found = tomllib.loads(path.read_text())
    except OSError as error:
        raise InvalidArgument(f'settings file "{path}": {error.strerror}') from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f'settings file "{path}": {error}') from error
    return {name.replace("-", "_"): value for name, value in found.items()}


def make_settings(given: dict[str, Any]) -> Settings:
    """Settings from raw values. A root other than the default one gets a run directory of its own.

    Raises: InvalidArgument
    """
    values: dict[str, Any] = {}
    known = {field.name: field for field in fields(Settings)}
    for name, value in given.items():
        if name not in known:
            raise InvalidArgument(f"{name}: unknown setting, expected one of {', '.join(sorted(known))}")
        values[name] = _convert(name, value, known[name].default)
    if "run" not in values and values.get("root", DEFAULT_ROOT) != DEFAULT_ROOT:
        values["run"] = PurePosixPath(f"{DEFAULT_RUN}-{Settings(root=values['root']).tag}")
    return Settings(**values)


def _convert(name: str, value: Any, default: Any) -> Any:
    if name in ("root", "run"):
        return PurePosixPath(Path(_text(name, value)).absolute())
    if name in _LISTS:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list):
            raise InvalidArgument(f"{name}: expected a list, got {value!r}")
        return tuple(_checked(name, _text(name, text)) for text in texts)
    if name == "labels":
        return value if isinstance(value, dict) else dict(text.partition("=")[::2] for text in value)
    if name == "mtu":
        if not str(value).isdecimal():
            raise InvalidArgument(f'mtu: expected a number of bytes, got "{value}"')
        return int(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InvalidArgument(f'{name}: expected true or false, got "{value}"')
        return value
    return _checked(name, _text(name, value))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: expected text, got {value!r}")
    return value


def _checked(name: str, value: str) -> str:
    """`value`, if it can be one. Raises: InvalidArgument"""
    wanted, is_right = _RIGHT.get(name, ("", lambda text: True))
    try:
        if is_right(value):
            return value
    except (ValueError, InvalidArgument):
        pass
    raise InvalidArgument(f'{name}: expected {wanted}, got "{value}"')


def _is_api_address(text: str) -> bool:
    url = urlsplit(text)
    if url.scheme == "unix":
        return url.path.startswith("/") and not url.netloc
    return url.scheme == "tcp" and bool(url.hostname) and (url.port is None or url.port > 0)


def _is_mirror(text: str) -> bool:
    url = urlsplit(text)
    return url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)


def _is_port(text: str) -> bool:
    url = urlsplit(f"//{text}")
    return not url.path and bool(url.port)


#: {setting: (what is wanted, whether a text is that)}
_RIGHT: dict[str, tuple[str, Callable[[str], object]]] = {
    "hosts": ("unix:///PATH or tcp://ADDRESS:PORT", _is_api_address),
    "registry_mirrors": ("a URL as http://HOST:PORT", _is_mirror),
    "insecure_registries": ("HOST[:PORT] or a CIDR", lambda text: text and "://" not in text),
    "address_pools": ("BASE/LENGTH[:SIZE] as 10.0.0.0/8:24", lambda text: next(parse_default_pool(text))),
    "dns": ("an IP address", ipaddress.ip_address),
    "metrics_addr": ("ADDRESS:PORT", lambda text: not text or _is_port(text)),
    "plugin_dirs": ("an absolute path", lambda text: text.startswith("/")),
    "log_level": ("debug, info, warning or error", lambda text: text in ("debug", "info", "warning", "error")),
}
