"""Flags and arguments of `run` and `create` -> the body of the request that creates the container."""

from __future__ import annotations

from shoal.cli.container.create.endpoints import network_fields
from shoal.cli.container.create.host_config import host_config
from shoal.cli.container.create.mounts import split_volumes
from shoal.cli.environment import environment, labels
from shoal.cli.errors import UsageError
from shoal.cli.ports import parse_expose, parse_publish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.cli.flags import Options


class Wanted:
    """What the command line asks to be created.

    body: of POST /containers/create
    streams: of "stdin", "stdout", "stderr" those to attach
    """

    __slots__ = ("body", "image", "name", "platform", "streams")

    def __init__(self, *, body: dict[str, Any], image: str, name: str, platform: str, streams: frozenset[str]) -> None:
        self.body = body
        self.image = image
        self.name = name
        self.platform = platform
        self.streams = streams


def wanted_container(options: Options, arguments: list[str], env: Mapping[str, str], *, is_detached: bool) -> Wanted:
    """What `options` and `arguments` (image, then command) ask for. Raises: UsageError with docker's words."""
    try:
        streams = _streams(options, is_detached)
        body = _config(options, arguments, env)
        _add_streams(body, options, streams)
        exposed, bindings = parse_publish(options.list("publish"))
        exposed.update(parse_expose(options.list("expose")))
        binds, anonymous = split_volumes(options.list("volume"))
        host = {**host_config(options), "PortBindings": bindings, "Binds": binds}
        networks = network_fields(options)
        host["NetworkMode"] = networks.mode
    except ValueError as error:
        raise UsageError(str(error)) from error
    body["ExposedPorts"] = exposed
    body["Volumes"] = anonymous
    body["HostConfig"] = host
    body["NetworkingConfig"] = {"EndpointsConfig": networks.endpoints}
    return Wanted(
        body=_without_empty(body),
        image=arguments[0],
        name=options.text("name"),
        platform=options.text("platform") or env.get("DOCKER_DEFAULT_PLATFORM", ""),
        streams=streams,
    )


def _streams(options: Options, is_detached: bool) -> frozenset[str]:
    named = [name.lower() for name in options.list("attach")]
    for name in named:
        if name not in ("stdin", "stdout", "stderr"):
            raise UsageError(
                f'invalid argument "{name}" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR'
            )
    if is_detached:
        if named:
            raise UsageError("conflicting options: cannot specify both --attach and --detach")
        return frozenset()
    if named:
        return frozenset(named)
    return frozenset({"stdout", "stderr", "stdin"} if options.flag("interactive") else {"stdout", "stderr"})


def _add_streams(body: dict[str, Any], options: Options, streams: frozenset[str]) -> None:
    is_interactive = options.flag("interactive")
    body.update(
        {
            "AttachStdin": "stdin" in streams,
            "AttachStdout": "stdout" in streams,
            "AttachStderr": "stderr" in streams,
            "Tty": options.flag("tty"),
            "OpenStdin": is_interactive,
            "StdinOnce": is_interactive and "stdin" in streams,
        }
    )


def _config(options: Options, arguments: list[str], env: Mapping[str, str]) -> dict[str, Any]:
    if options.text("gpus"):
        raise UsageError("--gpus is not supported: this engine has no GPU driver; pass devices with --device")
    entrypoint: list[str] | None = None
    if options.is_given("entrypoint"):  # an empty one clears the image's
        entrypoint = [options.text("entrypoint")]
    return {
        "Image": arguments[0],
        "Cmd": arguments[1:] or None,
        "Entrypoint": entrypoint,
        "Env": environment(options.list("env-file"), options.list("env"), env),
        "Labels": labels(options.list("label-file"), options.list("label")),
        "Hostname": options.text("hostname"),
        "Domainname": options.text("domainname"),
        "User": options.text("user"),
        "WorkingDir": options.text("workdir"),
        "StopSignal": options.text("stop-signal"),
        "StopTimeout": options.number("stop-timeout") if options.is_given("stop-timeout") else None,
        "Healthcheck": _healthcheck(options),
    }


def _healthcheck(options: Options) -> dict[str, Any] | None:
    names = ("interval", "timeout", "start-period", "start-interval", "retries")
    has_settings = bool(options.text("health-cmd")) or any(options.number(f"health-{name}") for name in names)
    if options.flag("no-healthcheck"):
        if has_settings:
            raise UsageError("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    if not has_settings:
        return None
    for name in names:
        if options.number(f"health-{name}") < 0:
            raise UsageError(f"--health-{name} cannot be negative")
    return {
        "Test": ["CMD-SHELL", options.text("health-cmd")] if options.text("health-cmd") else None,
        "Interval": options.number("health-interval"),
        "Timeout": options.number("health-timeout"),
        "StartPeriod": options.number("health-start-period"),
        "StartInterval": options.number("health-start-interval"),
        "Retries": options.number("health-retries"),
    }


def _without_empty(value: Any) -> Any:
    """`value` without what says nothing (None, "", False, 0, {}, []): the engine has the same defaults."""
    kept = {}
    for key, item in value.items():
        if isinstance(item, dict) and key not in _FREE_KEYS:
            item = _without_empty(item)
        says_nothing = item in (None, "", {}, []) or item is False or item == 0
        if not says_nothing or (key in _MEANT_WHEN_EMPTY and item is not None):
            kept[key] = item
    return kept


#: whose keys are the user's, not the API's
_FREE_KEYS = frozenset(
    (
        *("Annotations", "EndpointsConfig", "ExposedPorts", "Labels", "LogConfig"),
        *("PortBindings", "StorageOpt", "Sysctls", "Tmpfs", "Volumes"),
    )
)
#: that say something even when they are 0, False or empty
_MEANT_WHEN_EMPTY = frozenset(("Init", "MaskedPaths", "MemorySwappiness", "ReadonlyPaths", "StopTimeout"))
