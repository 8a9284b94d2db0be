"""Console blocks of a documentation page: typed into real shells, their output compared with what the page shows.

    ```console id columns
    $ shoal run -d busybox sleep 1000
    0f3c…                                  # what the command printed
    node2$ ip -br link                     # a prompt with a name: typed on that host
    ```

Words behind `console` say what may differ from run to run: KINDS, each a pattern; everything else is compared exactly.
What a kind matches is a name: where the page shows one id twice, the run must show one id at both places, and different
ones where the page does. `columns`: how many blanks are between words does not count; at the end of a line it never
does. `v1`, `v2`: only where this version of cgroups is in use. `fails`: the block's last command fails, and no other.

A private engine's names and folders are shown as those of the usual one (`/var/lib/shoal`, `shoal0`), and typed so.
"""

import functools
import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from shoal.model.settings import DEFAULT_ROOT, Settings
from tests.support.deadlines import patient
from tests.support.engine import EngineProcess
from tests.support.hosts import Host

_ALONE = r"(?<![\w.:/-]){}(?![\w.:-])"
#: what differs from run to run
KINDS = {
    "id": r"\b[0-9a-f]{64}\b",
    "ns": r"\b40265\d{5}\b",
    "pid": _ALONE.format(r"[1-9]\d{1,6}"),
    "mac": r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b",
    "link": r"\bv[0-9a-f]{6}[0-9a-f]+\b",
    "index": r"(?<=@if)\d+|(?<=^)\d+(?=: )",
    "vni": r"(?<=vxlan id )\d+",
    "node": r"\b[0-9a-z]{25}\b",
}
_MARKS = ("v1", "v2", "columns", "fails")
_BLOCK = re.compile(r"^```console(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT = re.compile(r"(?P<host>\w*)[$] (?P<command>.*)")
_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a block and what the page shows below it. host: "" = the first one"""

    host: str
    command: str
    shown: str


@dataclass(frozen=True, slots=True)
class Block:
    """A console block. start, end: where its text is in the page"""

    words: tuple[str, ...]
    steps: tuple[Step, ...]
    start: int
    end: int

    def is_for(self, version: str) -> bool:
        return not {"v1", "v2"} & set(self.words) or version in self.words


def blocks_of(page: str) -> list[Block]:
    """The console blocks of a page, in order. Raises: ValueError for a word that nobody knows, output of no command"""
    found = []
    for match in _BLOCK.finditer(page):
        words = tuple(match["words"].split())
        if unknown := set(words) - set(KINDS) - set(_MARKS):
            raise ValueError(f"unknown words of a console block: {sorted(unknown)}")
        found.append(Block(words, tuple(_steps(match["text"])), match.start("text"), match.end("text")))
    return found


def _steps(text: str) -> Iterator[Step]:
    host, command, shown = "", "", ""
    for line in text.splitlines(keepends=True):
        prompt = _PROMPT.match(line)
        if command and not shown and (command.endswith("\\\n") or line.startswith("> ")):
            command += line.removeprefix("> ")
        elif prompt:
            if command:
                yield Step(host, command, shown)
            host, command, shown = prompt["host"], prompt["command"] + "\n", ""
        elif not command:
            raise ValueError(f"a console block begins with no command: {line!r}")
        else:
            shown += line
    yield Step(host, command, shown)


def _typed(command: str) -> str:
    """A command as a page shows it."""
    first, *more = command.splitlines(keepends=True)
    return first + "".join(f"> {line}" for line in more)


@dataclass(slots=True)
class Names:
    """What the page calls something, and what it is called in this run: one to one, kind by kind."""

    real: dict[tuple[str, str], str] = field(default_factory=dict)
    shown: dict[tuple[str, str], str] = field(default_factory=dict)

    def difference(self, shown: str, real: str, words: tuple[str, ...]) -> str:
        """Why `real` is not what the page shows; "" where it is."""
        if "columns" in words:
            shown, real = _squeezed(shown), _squeezed(real)
        shown, real = _trimmed(shown), _trimmed(real)
        kinds = [word for word in words if word in KINDS]
        varying = "|".join(f"(?P<{kind}>{KINDS[kind]})" for kind in kinds) or r"(?!)"
        pattern, seen, position = "", [], 0
        for match in re.finditer(varying, shown, re.MULTILINE):
            kind = match.lastgroup or ""
            pattern += re.escape(shown[position : match.start()]) + f"({KINDS[kind]})"
            seen.append((kind, match[0]))
            position = match.end()
        found = re.fullmatch(pattern + re.escape(shown[position:]), real, re.MULTILINE)
        if not found:
            return "other text"
        pairs = zip(seen, found.groups(), strict=True)
        return next(filter(None, (self._bind(*name, value) for name, value in pairs)), "")

    def _bind(self, kind: str, shown: str, real: str) -> str:
        if self.real.setdefault((kind, shown), real) != real:
            return f"{kind} {real} where {self.real[kind, shown]} was before; the page has {shown} at both places"
        if self.shown.setdefault((kind, real), shown) != shown:
            return f"{kind} {real} at two places where the page has {shown} and {self.shown[kind, real]}"
        return ""


def _squeezed(text: str) -> str:
    return "".join(re.sub(r"[ \t]+", " ", line.strip()) + "\n" for line in text.splitlines())


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


class Shell:
    """A bash on one host that keeps its variables from command to command."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._translation = _Translation(host.engine)
        path = f"{_programs(folder)}:/usr/sbin:/sbin:{os.environ['PATH']}"
        env = {**host.engine.env, "PATH": path, "LC_ALL": "C.UTF-8", "PS1": "", "HOME": str(folder)}
        with host.entered():
            self._process = subprocess.Popen(
                ["bash", "--norc"],
                cwd=folder,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def type(self, command: str) -> tuple[str, int]:
        """(what it printed, exit status)"""
        command = self._translation.typed(command)
        assert self._process.stdin is not None
        end = f"END-{time.monotonic_ns()}-"
        self._process.stdin.write(f"{{ {command}}} </dev/null\necho {end}$?\n".encode())
        self._process.stdin.flush()
        said, _, status = self._read_until(re.compile(rf"{end}(\d+)\n"), command).rpartition(end)
        said = self._translation.said(said)
        return said if said.endswith("\n") or not said else said + "\n", int(status)

    def _read_until(self, end: re.Pattern[str], command: str) -> str:
        assert self._process.stdout is not None
        data, deadline = b"", time.monotonic() + patient(_LIMIT_S)
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not end.search(data.decode(errors="replace")):
                if not selector.select(max(0, deadline - time.monotonic())):
                    raise AssertionError(f"no end of {command!r}:\n{data.decode(errors='replace')}")
                chunk = os.read(self._process.stdout.fileno(), 65536)
                assert chunk, f"the shell ended at {command!r}:\n{data.decode(errors='replace')}"
                data += chunk
        return data.decode()

    def close(self) -> None:
        """End it, and what it still runs in the foreground."""
        with self._process:
            self._process.kill()


class _Translation:
    """Names of a private engine <-> those of the usual one, as pages show them."""

    def __init__(self, engine: EngineProcess) -> None:
        usual, tag = Settings(root=DEFAULT_ROOT, run=PurePosixPath("/run/shoal")), engine.tag
        self._typed = (
            (f"{usual.root}\\b", str(engine.root)),
            (f"{usual.run}\\b", str(engine.run)),
            (r"\bshoal0\b", f"s{tag}0"),
            (r"\bshoal-vx\b", f"shoal{tag}-vx"),
            (r"(?<=/)shoal(?=/)|(?<=ip )shoal\b", f"shoal{tag}"),
        )
        self._said = (
            (str(engine.root), str(usual.root)),
            (str(engine.run), str(usual.run)),
            (rf"\bs{tag}0\b", "shoal0"),
            (rf"\bs{tag}(?=[0-9a-z])", "shoal-"),
            (f"shoal{tag}", "shoal"),
            (rf"\bv{tag}", f"v{usual.tag}"),
        )

    def typed(self, command: str) -> str:
        return functools.reduce(lambda text, pair: re.sub(*pair, text), self._typed, command)

    def said(self, output: str) -> str:
        return functools.reduce(lambda text, pair: re.sub(*pair, text), self._said, output)


def _programs(folder: Path) -> Path:
    """A folder with `shoal`, as this interpreter has it, whether installed or not."""
    programs = folder.with_name(f"{folder.name}-bin")
    programs.mkdir(exist_ok=True)
    (programs / "shoal").write_text(f'#!/bin/sh\nexec {sys.executable} -m shoal.cli.main "$@"\n')
    (programs / "shoal").chmod(0o755)
    return programs


def cgroup_version() -> str:
    """The word for blocks that this machine can show."""
    return "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1"


class Walk:
    """A reader who types the blocks of one page on the hosts of a farm, the first by default."""

    def __init__(self, hosts: Mapping[str, Host], folder: Path) -> None:
        self._shells = {name: Shell(host, folder) for name, host in hosts.items()}
        self._names = Names()

    def differences(self, page: str, version: str) -> Iterator[str]:
        """What the run showed otherwise than the page, a text each."""
        for block in blocks_of(page):
            if block.is_for(version):
                for step, said, status in self.run(block):
                    yield from self._differences(block, step, said, status)

    def run(self, block: Block) -> Iterator[tuple[Step, str, int]]:
        """Each step with what it printed and its exit status."""
        for step in block.steps:
            yield step, *self._shells[step.host].type(step.command)

    def _differences(self, block: Block, step: Step, said: str, status: int) -> Iterator[str]:
        may_fail = "fails" in block.words and step is block.steps[-1]
        if (status != 0) != may_fail:
            yield f"$ {step.command}exit status {status}\n{said}"
        elif reason := self._names.difference(step.shown, said, block.words):
            yield f"$ {step.command}{reason}\n--- the page\n{step.shown}--- this run\n{said}"

    def rewritten(self, page: str, version: str) -> str:
        """The page with what this run printed, in the blocks that it could run."""
        ran = [(block, list(self.run(block))) for block in blocks_of(page) if block.is_for(version)]
        for block, steps in reversed(ran):
            text = "".join(f"{step.host}$ {_typed(step.command)}{_trimmed(said)}" for step, said, _ in steps)
            page = page[: block.start] + text + page[block.end :]
        return page

    def close(self) -> None:
        for shell in self._shells.values():
            shell.close()
