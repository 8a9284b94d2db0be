"""The ContainerSpec of a service: what its containers are.

`create` and `update` share the code: a list flag is called `--env` in one, `--env-add` and `--env-rm` in the other.
"""

from __future__ import annotations

from shoal.cli.environment import environment
from shoal.cli.errors import FlagError, PlainError, UsageError
from shoal.cli.service.spec.files import references
from shoal.cli.values import split_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from shoal.cli.flags import Options
    from shoal.client.api import Api

    Json = dict[str, Any]

#: (flag, key, how its value is read)
_SCALARS = (
    ("hostname", "Hostname", "text"),
    ("workdir", "Dir", "text"),
    ("user", "User", "text"),
    ("stop-signal", "StopSignal", "text"),
    ("isolation", "Isolation", "text"),
    ("stop-grace-period", "StopGracePeriod", "number"),
    ("oom-score-adj", "OomScoreAdj", "number"),
    ("tty", "TTY", "flag"),
    ("read-only", "ReadOnly", "flag"),
    ("init", "Init", "flag"),
)
_DNS = (("dns", "Nameservers"), ("dns-search", "Search"), ("dns-option", "Options"))
_HEALTH = (
    ("health-interval", "Interval"),
    ("health-timeout", "Timeout"),
    ("health-start-period", "StartPeriod"),
    ("health-start-interval", "StartInterval"),
    ("health-retries", "Retries"),
)


class Edits:
    """The list flags of one command: what they add and what they remove.

    suffix: "" of `create`, "-add" of `update`
    """

    def __init__(self, options: Options, suffix: str) -> None:
        self.options = options
        self.suffix = suffix

    def flag(self, name: str) -> str:
        """ "--env" or "--env-add"."""
        return f"--{name}{self.suffix}"

    def added(self, name: str) -> list[str]:
        return self.options.list(name + self.suffix)

    def removed(self, name: str) -> list[str]:
        return self.options.list(f"{name}-rm") if self.suffix else []

    def wrong(self, name: str, text: str, message: object) -> FlagError:
        return FlagError(f'invalid argument "{text}" for "{self.flag(name)}" flag: {message}')

    def listed(
        self, name: str, old: Sequence[Any] | None, read: Callable[[str], Any], key: Callable[[Any], object]
    ) -> list[Any]:
        """The old list without what is removed, with what is added; what has the key of a new one is replaced."""
        new = {}
        for text in self.added(name):
            value = read(text)
            new[key(value)] = value
        gone = set(self.removed(name))
        kept = [value for value in old or () if str(key(value)) not in gone]
        result = [new.pop(key(value), value) for value in kept]
        return [*result, *new.values()]

    def mapped(self, name: str, old: Mapping[str, str] | None) -> dict[str, str]:
        """The old labels with what is added, without what is removed."""
        pairs = {**(old or {}), **{key: value or "" for key, value in map(split_pair, self.added(name))}}
        return {key: value for key, value in pairs.items() if key not in self.removed(name)}


def same(value: Any) -> Any:
    """`value`: of lists whose texts are their own keys."""
    return value


def edit_container(spec: Json, edits: Edits, api: Api, env: Mapping[str, str]) -> None:
    """Change a ContainerSpec as the flags say. Raises: UsageError, FlagError, PlainError"""
    options = edits.options
    if options.text("credential-spec"):
        raise PlainError("Error: --credential-spec is not supported: it is of Windows containers")
    for flag, key, kind in _SCALARS:
        if options.is_given(flag):
            spec[key] = getattr(options, kind)(flag)
    for flag, key in (("entrypoint", "Command"), ("args", "Args")):
        if flag in options and options.is_given(flag):
            spec[key] = split_words(flag, options.text(flag))
    files = options.list("env-file") if "env-file" in options else []
    for pair in edits.added("env"):
        if not pair.partition("=")[0]:
            raise edits.wrong("env", pair, f"invalid environment variable: {pair}")
    added = environment(files, edits.added("env"), env)
    names = {line.partition("=")[0] for line in added} | set(edits.removed("env"))
    spec["Env"] = [line for line in spec.get("Env") or () if line.partition("=")[0] not in names] + [
        line for line in added if line.partition("=")[0] not in edits.removed("env")
    ]
    spec["Labels"] = edits.mapped("container-label", spec.get("Labels"))
    spec["Groups"] = edits.listed("group", spec.get("Groups"), same, same)
    spec["Hosts"] = edits.listed("host", spec.get("Hosts"), lambda text: _host(edits, text), _host_key)
    spec["Sysctls"] = edits.mapped("sysctl", spec.get("Sysctls"))
    _edit_dns(spec, edits)
    _edit_limits(spec, edits)
    _edit_capabilities(spec, options)
    _edit_health(spec, options)
    _edit_files(spec, edits, api)


def split_words(flag: str, text: str) -> list[str]:
    """The words of a command as a shell splits them. Raises: FlagError"""
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise FlagError(f'invalid argument "{text}" for "--{flag}" flag: {str(error).lower()}') from error


def _host(edits: Edits, text: str) -> str:
    """ "1.2.3.4 name" of "name:1.2.3.4" or "name=1.2.3.4"."""
    name, found, address = text.partition("=") if "=" in text else text.partition(":")
    if not found or not name or not address:
        raise edits.wrong("host", text, f'bad format for add-host: "{text}"')
    return f"{address.removeprefix('[').removesuffix(']')} {name}"


def _host_key(line: str) -> str:
    """ "name:1.2.3.4" of "1.2.3.4 name": what `--host-rm` takes."""
    address, _, name = line.partition(" ")
    return f"{name}:{address}"


def _edit_dns(spec: Json, edits: Edits) -> None:
    config = dict(spec.get("DNSConfig") or {})
    for text in edits.added("dns"):
        _check_address(edits, text)
    for flag, key in _DNS:
        config[key] = edits.listed(flag, config.get(key), same, same)
    spec["DNSConfig"] = config


def _check_address(edits: Edits, text: str) -> None:
    import socket

    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except OSError:
        raise edits.wrong("dns", text, f"IP address is not correctly formatted: {text}") from None


def _edit_limits(spec: Json, edits: Edits) -> None:
    from shoal.cli.container.create.host_config import parse_ulimit
    from shoal.cli.container.create.mounts import parse_mount

    def ulimit(text: str) -> Json:
        try:
            return parse_ulimit(text)
        except UsageError:
            raise edits.wrong("ulimit", text, f"invalid ulimit argument: {text}") from None

    targets: set[str] = set()

    def mount(text: str) -> Json:
        try:
            one = parse_mount(text)
        except UsageError as error:
            raise FlagError(error.message) from None
        if one["Target"] in targets:
            raise PlainError("duplicate mount target")
        targets.add(one["Target"])
        return one

    spec["Ulimits"] = edits.listed("ulimit", spec.get("Ulimits"), ulimit, lambda one: one["Name"])
    spec["Mounts"] = edits.listed("mount", spec.get("Mounts"), mount, lambda one: one["Target"])


def _edit_capabilities(spec: Json, options: Options) -> None:
    """What is added is not dropped any more, and the other way round; "RESET" forgets what was said before."""
    add, drop = list(spec.get("CapabilityAdd") or ()), list(spec.get("CapabilityDrop") or ())
    new_add, new_drop = (_capabilities(options.list(flag)) for flag in ("cap-add", "cap-drop"))
    if "RESET" in new_add:
        add = []
    if "RESET" in new_drop:
        drop = []
    undone = [name for name in new_drop if name in add and name not in new_add]
    restored = [name for name in new_add if name in drop]
    add = [name for name in add if name not in undone and name not in new_drop]
    drop = [name for name in drop if name not in restored]
    new_add = [name for name in new_add if name not in restored and name not in new_drop and name not in add]
    spec["CapabilityAdd"] = add + [name for name in new_add if name != "RESET"]
    spec["CapabilityDrop"] = drop + [name for name in new_drop if name not in (*undone, *drop, "RESET")]


def _capabilities(texts: Iterable[str]) -> list[str]:
    names = [text.strip().upper() for text in texts]
    return [name if name in ("ALL", "RESET") or name.startswith("CAP_") else f"CAP_{name}" for name in names]


def _edit_health(spec: Json, options: Options) -> None:
    given = [flag for flag in ("health-cmd", *(flag for flag, _ in _HEALTH)) if options.is_given(flag)]
    if options.flag("no-healthcheck"):
        if given:
            raise PlainError("--no-healthcheck conflicts with --health-* options")
        spec["Healthcheck"] = {"Test": ["NONE"]}
        return
    if not given:
        return
    check = dict(spec.get("Healthcheck") or {})
    if check.get("Test") == ["NONE"]:
        check = {}
    if options.is_given("health-cmd"):
        check["Test"] = ["CMD-SHELL", options.text("health-cmd")] if options.text("health-cmd") else []
    for flag, key in _HEALTH:
        if options.is_given(flag):
            if options.number(flag) < 0:
                raise PlainError(f"--{flag} cannot be negative")
            check[key] = options.number(flag)
    spec["Healthcheck"] = check


def _edit_files(spec: Json, edits: Edits, api: Api) -> None:
    for name, kind in (("secret", "Secret"), ("config", "Config")):
        added, removed = edits.added(name), edits.removed(name)
        if not added and not removed:
            continue
        requests = api.secrets if kind == "Secret" else api.configs
        new = references(requests, kind, edits.flag(name), added)
        targets = {(one.get("File") or {}).get("Name") for one in new}
        kept = [
            one
            for one in spec.get(f"{kind}s") or ()
            if one.get(f"{kind}Name") not in removed and (one.get("File") or {}).get("Name") not in targets
        ]
        spec[f"{kind}s"] = [*kept, *new]
