"""Nodes of the parser as typed instructions: one decoder an instruction, found by table."""

import re
from collections.abc import Callable
from typing import Any

from shoal.dockerfile import instructions as i
from shoal.dockerfile.flags import Flags
from shoal.dockerfile.mounts import parse_mount
from shoal.dockerfile.parser import Ast, Node, parse_node
from shoal.dockerfile.source import BadDockerfile, Position
from shoal.dockerfile.words import did_you_mean, json_words, split_words
from shoal.model.units import parse_duration_ns

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.\-]*")
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")
NETWORKS = ("default", "none", "host")


def decode_all(ast: Ast) -> list[i.Instruction]:
    """Every instruction of a Dockerfile, in order. Raises: BadDockerfile"""
    return [decode(node, ast.escape) for node in ast.nodes]


def decode_trigger(trigger: str, position: Position, escape: str = "\\") -> i.Instruction:
    """The instruction of an ONBUILD trigger; errors stand at `position`. Raises: BadDockerfile"""
    try:
        return decode(parse_node(trigger, position.file, position, escape), escape)
    except BadDockerfile as error:
        if error.position == position:
            raise
        raise BadDockerfile(position, "ONBUILD", f"trigger {trigger!r} of the base image: {error.message}") from error


def decode(node: Node, escape: str) -> i.Instruction:
    """The instruction of one node. Raises: BadDockerfile"""
    return _DECODERS[node.keyword](_Reading(node, escape))


class _Reading:
    """One node while it is decoded."""

    def __init__(self, node: Node, escape: str) -> None:
        self.node = node
        self.escape = escape
        self.flags = Flags(node)
        self.text = node.text.value
        self.position = node.position
        self.original = node.original

    def bad(self, message: str, offset: int = -1) -> BadDockerfile:
        position = self.node.text.at(offset) if offset >= 0 else self.position
        return BadDockerfile(position, self.node.keyword, message)

    def words(self) -> tuple[str, ...]:
        """The JSON array, or the words."""
        given = json_words(self.text)
        return given if given is not None else tuple(word for _, word in split_words(self.text, self.escape))

    def at_least_one(self) -> None:
        if not self.text:
            raise self.bad(f"{self.node.keyword} requires at least one argument, got none")

    def exactly_one(self) -> str:
        if not self.text:
            raise self.bad(f"{self.node.keyword} requires exactly one argument, got none")
        return self.text

    def command(self) -> i.Command:
        given = json_words(self.text)
        return i.Command(words=(self.text,), is_shell=True) if given is None else i.Command(words=given, is_shell=False)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """`key=value …`, or the old form `key the rest`."""
        self.at_least_one()
        words = split_words(self.text, self.escape)
        if "=" not in words[0][1]:
            if len(words) < 2:
                raise self.bad(f'{self.node.keyword} must have two arguments, got only "{words[0][1]}"', words[0][0])
            return ((words[0][1], self.text[words[1][0] :]),)
        found: list[tuple[str, str]] = []
        for offset, word in words:
            name, equals, value = word.partition("=")
            if not equals:
                raise self.bad(f'can\'t find = in "{word}": expected key=value', offset)
            if not name:
                raise self.bad(f'names can not be blank, got "{word}"', offset)
            found.append((name, value))
        return tuple(found)

    def heredocs(self) -> tuple[i.HeredocFile, ...]:
        return tuple(i.HeredocFile(name=h.name, content=h.content, expand=h.expand) for h in self.node.heredocs)


def _from(r: _Reading) -> i.From:
    platform = r.flags.text("platform")
    r.flags.end()
    words = split_words(r.text, r.escape)
    names = [word for _, word in words]
    if len(words) == 3 and names[1].lower() == "as":
        name = names[2].lower()
        if not _STAGE_NAME.fullmatch(name):
            raise r.bad(
                f'invalid name for build stage: "{names[2]}", name can\'t start with a number or contain symbols'
            )
        return i.From(position=r.position, original=r.original, base=names[0], platform=platform, name=name)
    if len(words) != 1:
        raise r.bad(f'FROM requires either one or three arguments ("image" or "image AS name"), got "{r.text}"')
    return i.From(position=r.position, original=r.original, base=names[0], platform=platform, name="")


def _arg(r: _Reading) -> i.Arg:
    r.flags.end()
    r.at_least_one()
    pairs: list[tuple[str, str | None]] = []
    for offset, word in split_words(r.text, r.escape):
        name, equals, value = word.partition("=")
        if not name:
            raise r.bad(f'names can not be blank, got "{word}"', offset)
        pairs.append((name, value if equals else None))
    return i.Arg(position=r.position, original=r.original, pairs=tuple(pairs))


def _env(r: _Reading) -> i.Env:
    r.flags.end()
    return i.Env(position=r.position, original=r.original, pairs=r.pairs())


def _label(r: _Reading) -> i.Label:
    r.flags.end()
    return i.Label(position=r.position, original=r.original, pairs=r.pairs())


def _maintainer(r: _Reading) -> i.Maintainer:
    r.flags.end()
    return i.Maintainer(position=r.position, original=r.original, name=r.exactly_one())


def _run(r: _Reading) -> i.Run:
    mounts = tuple(parse_mount(flag) for flag in r.flags.all("mount"))
    network = r.flags.choice("network", NETWORKS) or "default"
    security = r.flags.choice("security", ("sandbox", "insecure")) or "sandbox"
    r.flags.end()
    if not r.text:
        raise r.bad("RUN requires at least one argument, got none")
    return i.Run(
        position=r.position,
        original=r.original,
        command=r.command(),
        mounts=mounts,
        network=network,
        security=security,
        heredocs=r.heredocs(),
    )


def _transfer_words(r: _Reading) -> tuple[tuple[str, ...], str, tuple[i.HeredocFile, ...]]:
    """Sources, destination and the heredocs that stand among the sources."""
    words = r.words()
    if len(words) < 2:
        raise r.bad(f'{r.node.keyword} requires at least two arguments (source… destination), got "{r.text}"')
    marks = {r.text[h.offset : h.offset + h.length] for h in r.node.heredocs}
    if words[-1] in marks:
        raise r.bad(f"{r.node.keyword} cannot accept a heredoc as a destination")
    return tuple(w for w in words[:-1] if w not in marks), words[-1], r.heredocs()


def _transfer(r: _Reading) -> dict[str, Any]:
    """The fields that COPY and ADD share. Their own flags must have been read: others are refused here."""
    fields: dict[str, Any] = {
        "chown": r.flags.text("chown"),
        "chmod": r.flags.text("chmod"),
        "link": r.flags.flag("link"),
        "exclude": tuple(flag.value for flag in r.flags.all("exclude")),
    }
    r.flags.end()
    sources, destination, heredocs = _transfer_words(r)
    places = {"position": r.position, "original": r.original}
    return {**places, **fields, "sources": sources, "destination": destination, "heredocs": heredocs}


def _copy(r: _Reading) -> i.Copy:
    stage, parents = r.flags.text("from"), r.flags.flag("parents")
    return i.Copy(source_stage=stage, parents=parents, **_transfer(r))


def _add(r: _Reading) -> i.Add:
    checksum = r.flags.text("checksum")
    r.flags.flag("keep-git-dir")
    unpack = r.flags.flag("unpack") if r.flags.given("unpack") else None
    fields = _transfer(r)
    if checksum and "$" not in checksum and not _CHECKSUM.fullmatch(checksum):
        raise r.bad(f'checksum: expected "sha256:" and 64 hex digits, got "{checksum}"')
    if checksum and len(fields["sources"]) != 1:
        raise r.bad(f"checksum can be specified only for a single source, got {len(fields['sources'])}")
    return i.Add(checksum=checksum, unpack=unpack, **fields)


def _workdir(r: _Reading) -> i.Workdir:
    r.flags.end()
    return i.Workdir(position=r.position, original=r.original, path=r.exactly_one())


def _user(r: _Reading) -> i.User:
    r.flags.end()
    return i.User(position=r.position, original=r.original, user=r.exactly_one())


def _expose(r: _Reading) -> i.Expose:
    r.flags.end()
    r.at_least_one()
    return i.Expose(position=r.position, original=r.original, ports=tuple(w for _, w in split_words(r.text, r.escape)))


def _volume(r: _Reading) -> i.Volume:
    r.flags.end()
    r.at_least_one()
    paths = r.words()
    if not all(path.strip() for path in paths):
        raise r.bad("VOLUME specified can not be an empty string")
    return i.Volume(position=r.position, original=r.original, paths=paths)


def _cmd(r: _Reading) -> i.Cmd:
    r.flags.end()
    return i.Cmd(position=r.position, original=r.original, command=r.command())


def _entrypoint(r: _Reading) -> i.Entrypoint:
    r.flags.end()
    return i.Entrypoint(position=r.position, original=r.original, command=r.command())


def _stop_signal(r: _Reading) -> i.StopSignal:
    r.flags.end()
    return i.StopSignal(position=r.position, original=r.original, signal=r.exactly_one())


def _healthcheck(r: _Reading) -> i.Healthcheck:
    r.at_least_one()
    kind, _, rest = r.text.partition(" ")
    kind = kind.upper()
    if kind == "NONE":
        r.flags.end()
        if rest.strip():
            raise r.bad(f'HEALTHCHECK NONE takes no arguments, got "{rest.strip()}"')
        return i.Healthcheck(position=r.position, original=r.original, command=None)
    if kind != "CMD":
        raise r.bad(f'unknown type "{kind}" (try CMD): expected CMD or NONE{did_you_mean(kind, ["CMD", "NONE"])}', 0)
    durations = {
        n: r.flags.parsed(n, parse_duration_ns, 0) for n in ("interval", "timeout", "start-period", "start-interval")
    }
    retries = r.flags.parsed("retries", _positive, 0)
    r.flags.end()
    rest = rest.strip()
    if not rest:
        raise r.bad("missing command after HEALTHCHECK CMD")
    given = json_words(rest)
    command = i.Command(words=(rest,), is_shell=True) if given is None else i.Command(words=given, is_shell=False)
    return i.Healthcheck(
        position=r.position,
        original=r.original,
        command=command,
        interval_ns=durations["interval"],
        timeout_ns=durations["timeout"],
        start_period_ns=durations["start-period"],
        start_interval_ns=durations["start-interval"],
        retries=retries,
    )


def _positive(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f'expected a whole number of at least 0, got "{text}"')
    return int(text)


def _shell(r: _Reading) -> i.Shell:
    r.flags.end()
    given = json_words(r.text)
    if not given:
        raise r.bad(f'SHELL requires the arguments to be in JSON form (["program", "argument"]), got "{r.text}"')
    return i.Shell(position=r.position, original=r.original, words=given)


def _onbuild(r: _Reading) -> i.Onbuild:
    r.flags.end()
    r.at_least_one()
    keyword = r.text.split(None, 1)[0].upper()
    if keyword == "ONBUILD":
        raise r.bad("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", 0)
    if keyword in ("FROM", "MAINTAINER"):
        raise r.bad(f"{keyword} isn't allowed as an ONBUILD trigger", 0)
    tabs = {True: "\t", False: ""}
    bodies = "".join(f"{h.content}{tabs[h.strip_tabs]}{h.name}\n" for h in r.node.heredocs)
    trigger = f"{r.text}\n{bodies}".rstrip("\n") if bodies else r.text
    decode(parse_node(trigger, r.position.file, r.position, r.escape), r.escape)
    return i.Onbuild(position=r.position, original=r.original, trigger=trigger)


_DECODERS: dict[str, Callable[[_Reading], i.Instruction]] = {
    "ADD": _add,
    "ARG": _arg,
    "CMD": _cmd,
    "COPY": _copy,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "ONBUILD": _onbuild,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
