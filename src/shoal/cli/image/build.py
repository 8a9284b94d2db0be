"""`shoal build`."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError, UsageError
from shoal.cli.flags import Flag, Options, number, several, switch
from shoal.cli.values import split_pair
from shoal.client.images import STAND_INS_PARAMETER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from shoal.client.build_context import PackedContext
    from shoal.client.images import Builds

_STDIN = "-"
_TAR_MAGICS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_TAR_MARK = slice(257, 262)


def build_query(options: Options, env: Mapping[str, str], dockerfile: str) -> dict[str, Any]:
    """Query of POST /build; `dockerfile` is its path in the context. Raises: UsageError."""
    from shoal.cli.container.create.host_config import parse_ulimit
    from shoal.cli.environment import labels

    arguments: dict[str, str | None] = {}
    for text in options.list("build-arg"):
        key, value = split_pair(text)
        arguments[key] = value if value is not None else env.get(key)
    return {
        "dockerfile": dockerfile,
        "t": options.list("tag"),
        "buildargs": arguments or None,
        "labels": labels([], options.list("label")) or None,
        "target": options.text("target") or None,
        "nocache": options.flag("no-cache") or None,
        "pull": options.flag("pull") or None,
        "q": options.flag("quiet") or None,
        "rm": options.flag("rm"),
        "forcerm": options.flag("force-rm") or None,
        "cachefrom": json.dumps(options.list("cache-from")) if options.list("cache-from") else None,
        "networkmode": options.text("network") or None,
        "extrahosts": ",".join(options.list("add-host")) or None,
        "platform": options.text("platform") or env.get("DOCKER_DEFAULT_PLATFORM") or None,
        "shmsize": options.number("shm-size") or None,
        "memory": options.number("memory") or None,
        "memswap": options.number("memory-swap") or None,
        "cpushares": options.number("cpu-shares") or None,
        "cpuperiod": options.number("cpu-period") or None,
        "cpuquota": options.number("cpu-quota") or None,
        "cpusetcpus": options.text("cpuset-cpus") or None,
        "cpusetmems": options.text("cpuset-mems") or None,
        "ulimits": json.dumps([parse_ulimit(text) for text in options.list("ulimit")])
        if options.list("ulimit")
        else None,
        "squash": options.flag("squash") or None,
        "cgroupparent": options.text("cgroup-parent") or None,
        "version": "1",
        STAND_INS_PARAMETER: options.flag("stand-ins") or None,
    }


def _named_contexts(builds: Builds, specs: list[str], held: ExitStack) -> dict[str, str]:
    """{name: image} of "name=docker-image://image" and "name=folder"; images of folders are there as long as `held`.

    Raises: UsageError for other kinds of contexts
    """
    places = {}
    for spec in specs:
        name, value = split_pair(spec)
        if not name or not value or ("://" in value and not value.startswith("docker-image://")):
            raise UsageError(f'invalid --build-context "{spec}": wanted NAME=docker-image://IMAGE or NAME=FOLDER')
        places[name] = value
    return {
        name: place if "://" in place else held.enter_context(builds.folder_image(place))
        for name, place in places.items()
    }


def load_secrets(specs: list[str], env: Mapping[str, str]) -> dict[str, bytes]:
    """{id: value} of "id=x,src=path" and "id=x,env=NAME". Raises: UsageError where one is wrong or can't be read."""
    found = {}
    for spec in specs:
        fields = dict(split_pair(field) for field in spec.split(","))
        kind = fields.get("type") or ""
        identifier = fields.get("id") or ""
        source = fields.get("src") or fields.get("source") or ""
        variable = fields.get("env") or ""
        unknown = fields.keys() - {"id", "src", "source", "env", "type"}
        if unknown or kind not in ("", "file", "env"):
            raise UsageError(f'invalid --secret "{spec}": unexpected key "{next(iter(unknown), kind)}"')
        if not identifier:
            raise UsageError(f'invalid --secret "{spec}": id is required')
        if not source and not variable:
            source, variable = ("", identifier) if identifier in env or kind == "env" else (identifier, "")
        if kind == "env" and source:
            source, variable = "", source
        found[identifier] = _secret_value(spec, source, variable, env)
    return found


def _secret_value(spec: str, source: str, variable: str, env: Mapping[str, str]) -> bytes:
    if variable:
        if variable not in env:
            raise UsageError(f'invalid --secret "{spec}": environment variable {variable} is not set')
        return env[variable].encode()
    try:
        with open(os.path.expanduser(source), "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f'invalid --secret "{spec}": {source}: {(error.strerror or "").lower()}') from error


def _context(context: Context, options: Options, place: str) -> tuple[PackedContext | None, Iterator[bytes], str]:
    """(packed, body, path of the Dockerfile in it) of the build context that `place` names."""
    from shoal.client.build_context import pack_context

    dockerfile = options.text("file")
    if place.startswith(("http://", "https://", "git@", "git://", "github.com/")):
        raise PlainError(
            f"build context {place}: remote contexts are not supported; download it and give its directory"
        )
    if place == _STDIN:
        if dockerfile == _STDIN:
            raise UsageError("invalid argument: can't use stdin for both build context and dockerfile")
        return _context_of_stdin(context, dockerfile)
    if dockerfile == _STDIN:
        packed = pack_context(place, content=context.stdin.read())
    else:
        if dockerfile and not os.path.isfile(dockerfile) and os.path.isfile(os.path.join(place, dockerfile)):
            dockerfile = os.path.join(place, dockerfile)
        packed = pack_context(place, dockerfile)
    return packed, packed.tar, packed.dockerfile


def _context_of_stdin(context: Context, dockerfile: str) -> tuple[None, Iterator[bytes], str]:
    """Standard input is a tar, compressed or not, or else a Dockerfile without any context."""
    from shoal.client.tar_stream import Entry, tar_stream

    if context.stdin_is_terminal():
        raise UsageError("standard input is a terminal: give a directory, or pipe a context or a Dockerfile into it")
    head = context.stdin.read(512)
    if head.startswith(_TAR_MAGICS) or head[_TAR_MARK] == b"ustar":

        def pieces() -> Iterator[bytes]:
            yield head
            yield from iter(lambda: context.stdin.read(1 << 20), b"")

        return None, pieces(), dockerfile or "Dockerfile"
    return None, tar_stream([Entry("Dockerfile", content=head + context.stdin.read())]), "Dockerfile"


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.cli.progress import show_messages
    from shoal.client.credentials import registry_config_header
    from shoal.client.images import secrets_header

    _refuse(options)
    secrets = load_secrets(options.list("secret"), context.env)
    _, body, dockerfile = _context(context, options, arguments[0])
    headers = {**registry_config_header(context.env), **secrets_header(secrets)}
    identifiers: list[str] = []

    def keep_id(aux: Any) -> None:
        if isinstance(aux, dict) and aux.get("ID"):
            identifiers.append(str(aux["ID"]))

    is_quiet = options.flag("quiet") or options.text("progress") == "quiet"
    out = open(os.devnull, "w") if is_quiet else context.stdout  # noqa: SIM115 (closed below)
    is_terminal = options.text("progress") in ("auto", "tty") and context.stdout_is_terminal()
    try:
        with ExitStack() as held:
            builds = context.api.builds
            contexts = _named_contexts(builds, options.list("build-context"), held)
            query = build_query(options, context.env, dockerfile) | {"contexts": contexts or None}
            response = held.enter_context(builds.build(body, query, headers))
            show_messages(response.json_values(), out, is_terminal=is_terminal and not is_quiet, on_aux=keep_id)
    finally:
        if is_quiet:
            out.close()
    if identifiers and is_quiet:
        context.print(identifiers[-1])
    if options.text("iidfile") and identifiers:
        with open(options.text("iidfile"), "w", encoding="ascii") as file:
            file.write(identifiers[-1])
    return 0


def _refuse(options: Options) -> None:
    if options.text("progress") not in ("auto", "plain", "tty", "quiet", "rawjson"):
        raise UsageError(f'invalid progress mode "{options.text("progress")}"; wanted auto, plain, tty or quiet')
    for name in ("output", "ssh", "cache-to"):
        if options.is_given(name):
            raise UsageError(f"--{name} is not supported by this builder")


BUILD = Command(
    "[OPTIONS] PATH | -",
    _run,
    (
        several("add-host", "", "Add a custom host-to-IP mapping (host:ip)"),
        several("build-arg", "", "Set build-time variables"),
        several("build-context", "", "Additional build contexts (NAME=docker-image://IMAGE or NAME=FOLDER)"),
        several("cache-from", "", "Images to consider as cache sources"),
        several("cache-to", "", ""),
        Flag("cgroup-parent", "", "Set the parent cgroup for the RUN instructions during build"),
        switch("compress", "", ""),
        number("cpu-period", "", "Limit the CPU CFS (Completely Fair Scheduler) period"),
        number("cpu-quota", "", "Limit the CPU CFS (Completely Fair Scheduler) quota"),
        number("cpu-shares", "c", "CPU shares (relative weight)"),
        Flag("cpuset-cpus", "", "CPUs in which to allow execution (0-3, 0,1)"),
        Flag("cpuset-mems", "", "MEMs in which to allow execution (0-3, 0,1)"),
        switch("disable-content-trust", "", "", default=True),
        Flag("file", "f", 'Name of the Dockerfile (default: "PATH/Dockerfile"); "-" reads it from standard input'),
        switch("force-rm", "", "Always remove intermediate containers"),
        Flag("iidfile", "", "Write the image ID to a file"),
        several("label", "", "Set metadata for an image"),
        switch("load", "", ""),
        Flag("memory", "m", "Memory limit", kind="bytes"),
        Flag("memory-swap", "", "Swap limit equal to memory plus swap: -1 to enable unlimited swap", kind="bytes"),
        Flag("network", "", "Set the networking mode for the RUN instructions during build"),
        switch("no-cache", "", "Do not use cache when building the image"),
        several("output", "o", ""),
        Flag("platform", "", "Set platform if server is multi-platform capable"),
        Flag("progress", "", 'Type of progress output ("auto", "plain", "tty", "quiet")', default="auto"),
        switch("pull", "", "Always attempt to pull a newer version of the image"),
        switch("quiet", "q", "Suppress the build output and print image ID on success"),
        switch("rm", "", "Remove intermediate containers after a successful build", default=True),
        several("secret", "", "Secret to expose to the build: id=ID,src=PATH or id=ID,env=NAME"),
        several("ssh", "", ""),
        Flag("shm-size", "", "Size of /dev/shm", kind="bytes"),
        switch("squash", "", "Squash newly built layers into a single new layer"),
        switch("stand-ins", "", "Make stand-ins for base images whose registry can't be reached"),
        several("tag", "t", 'Name and optionally a tag in the "name:tag" format'),
        Flag("target", "", "Set the target build stage to build"),
        several("ulimit", "", "Ulimit options", metavar="ulimit"),
    ),
    arguments=(1, 1),
)
