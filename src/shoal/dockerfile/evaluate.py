"""What each instruction does: a step and the state after it, from the state before. Nothing is run here."""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shoal.dockerfile import instructions as i
from shoal.dockerfile.args import PREDEFINED, expand_at, expand_words_at
from shoal.dockerfile.chmod import check_mode
from shoal.dockerfile.expand import BadExpansion, expand_lines
from shoal.dockerfile.source import BadDockerfile
from shoal.dockerfile.stages import BuildPlan, Stage
from shoal.dockerfile.vertices import (
    ConfigVertex,
    DirectoryVertex,
    MountVertex,
    RunVertex,
    State,
    Step,
    TransferVertex,
    Vertex,
)
from shoal.errors import ShoalError
from shoal.model.health import Healthcheck
from shoal.model.image import ImageConfig
from shoal.model.signals import parse_signal

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")
MAX_PORTS = 65_535

_PORT = re.compile(r"(\d+)(?:-(\d+))?(?:/(\w+))?")
_GIT = re.compile(r"git@|git://|ssh://|https?://[^\s]+\.git(#|\?|$)|https?://github\.com/[^/]+/[^/]+/?$")
_SCRIPT = "/dev/shoal/script"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the instructions of one stage may refer to. auto_args: automatic arguments (TARGETARCH, …)"""

    plan: BuildPlan
    stage: Stage
    auto_args: Mapping[str, str]


def first_state(config: ImageConfig, digest: str, args: Mapping[str, str] | None = None) -> State:
    """The state after FROM.

    digest: names the base: an image's id, the last step of another stage, "scratch"
    args: build arguments of the stage that it stands on
    """
    if not any(entry.startswith("PATH=") for entry in config.env):
        config = replace(config, env=(f"PATH={DEFAULT_PATH}", *config.env))
    return State(config=replace(config, on_build=()), digest=digest, args=args or {})


def evaluate(state: State, instruction: i.Instruction, scope: Scope) -> Step:
    """The step of `instruction`. Raises: BadDockerfile"""
    reading = _Evaluation(state, instruction, scope)
    vertex, after = _EVALUATORS[type(instruction)](reading, instruction)
    return Step(instruction=instruction, vertex=vertex, state=after)


class _Evaluation:
    """One instruction while it is evaluated."""

    def __init__(self, state: State, instruction: i.Instruction, scope: Scope) -> None:
        self.state = state
        self.instruction = instruction
        self.scope = scope
        self.escape = scope.plan.escape

    def expand(self, word: str) -> str:
        return expand_at(word, self.state.variables, self.escape, self.instruction)

    def bad(self, message: str) -> BadDockerfile:
        return BadDockerfile(self.instruction.position, self.instruction.keyword, message)

    def configured(self, created_by: str = "", **changes: Any) -> tuple[Vertex, State]:
        """A vertex that only changes the config."""
        vertex = ConfigVertex(created_by=created_by or self.instruction.original)
        return vertex, replace(self.state, config=replace(self.state.config, **changes))

    def shell(self) -> tuple[str, ...]:
        return self.state.config.shell or DEFAULT_SHELL

    def argv(self, command: i.Command) -> tuple[str, ...]:
        if not command.is_shell:
            return command.words
        return (*self.shell(), *command.words) if command.words[0] else ()


def _arg(e: _Evaluation, arg: i.Arg) -> tuple[Vertex, State]:
    args = dict(e.state.args)
    for name, default in arg.pairs:
        name = e.expand(name)
        value = _arg_value(e, name, default, {**args, **e.state.env})
        if value is not None:
            args[name] = value
    return ConfigVertex(created_by=arg.original), replace(e.state, args=args)


def _arg_value(e: _Evaluation, name: str, default: str | None, variables: Mapping[str, str]) -> str | None:
    plan = e.scope.plan
    if name in plan.build_args:
        return plan.build_args[name]
    if default is not None:
        return expand_at(default, variables, e.escape, e.instruction)
    if name in plan.global_args and name not in e.scope.auto_args:
        return plan.global_args[name]
    return e.scope.auto_args.get(name)


def _env(e: _Evaluation, env: i.Env) -> tuple[Vertex, State]:
    # Every pair of one ENV sees the variables from before it.
    merged = e.state.env | {e.expand(name): e.expand(value) for name, value in env.pairs}
    shown = " ".join(f"{name}={merged[name]}" for name in (e.expand(name) for name, _ in env.pairs))
    return e.configured(f"ENV {shown}", env=tuple(f"{name}={value}" for name, value in merged.items()))


def _label(e: _Evaluation, label: i.Label) -> tuple[Vertex, State]:
    added = {e.expand(name): e.expand(value) for name, value in label.pairs}
    shown = " ".join(f"{name}={value}" for name, value in added.items())
    return e.configured(f"LABEL {shown}", labels={**e.state.config.labels, **added})


def _maintainer(e: _Evaluation, maintainer: i.Maintainer) -> tuple[Vertex, State]:
    return ConfigVertex(created_by=maintainer.original), replace(e.state, author=maintainer.name)


def _cmd(e: _Evaluation, cmd: i.Cmd) -> tuple[Vertex, State]:
    argv = e.argv(cmd.command)
    vertex, state = e.configured(f"CMD {_json(argv)}", cmd=argv, args_escaped=False)
    return vertex, replace(state, cmd_set=True)


def _entrypoint(e: _Evaluation, entrypoint: i.Entrypoint) -> tuple[Vertex, State]:
    argv = e.argv(entrypoint.command)
    changes: dict[str, Any] = {"entrypoint": argv}
    if not e.state.cmd_set:
        # The base's CMD was written for the base's ENTRYPOINT.
        changes["cmd"] = ()
    return e.configured(f"ENTRYPOINT {_json(argv)}", **changes)


def _json(words: tuple[str, ...]) -> str:
    return "[" + " ".join(f'"{word}"' for word in words) + "]"


def _expose(e: _Evaluation, expose: i.Expose) -> tuple[Vertex, State]:
    ports: dict[str, None] = dict.fromkeys(e.state.config.exposed_ports)
    for word in expose.ports:
        for port in expand_words_at(word, e.state.variables, e.escape, e.instruction):
            ports.update(dict.fromkeys(_ports(e, port)))
    return e.configured(exposed_ports=tuple(ports))


def _ports(e: _Evaluation, text: str) -> list[str]:
    match = _PORT.fullmatch(text)
    if not match:
        raise e.bad(f'invalid containerPort: "{text}": expected "80", "80/udp" or "8000-8010"')
    first, last = int(match[1]), int(match[2] or match[1])
    protocol = (match[3] or "tcp").lower()
    if protocol not in ("tcp", "udp", "sctp"):
        raise e.bad(f'invalid proto: "{protocol}": expected tcp, udp or sctp')
    if not 0 < first <= last <= MAX_PORTS:
        raise e.bad(f'invalid containerPort: "{text}": expected ports from 1 to {MAX_PORTS}')
    return [f"{port}/{protocol}" for port in range(first, last + 1)]


def _volume(e: _Evaluation, volume: i.Volume) -> tuple[Vertex, State]:
    paths = [e.expand(path) for path in volume.paths]
    if not all(paths):
        raise e.bad("VOLUME specified can not be an empty string")
    merged = dict.fromkeys([*e.state.config.volumes, *paths])
    return e.configured(f"VOLUME {_json(tuple(paths))}", volumes=tuple(merged))


def _user(e: _Evaluation, user: i.User) -> tuple[Vertex, State]:
    name = e.expand(user.user)
    return e.configured(f"USER {name}", user=name)


def _stop_signal(e: _Evaluation, stop: i.StopSignal) -> tuple[Vertex, State]:
    signal = e.expand(stop.signal)
    try:
        parse_signal(signal)
    except ShoalError as error:
        raise e.bad(error.message) from None
    return e.configured(f"STOPSIGNAL {signal}", stop_signal=signal)


def _healthcheck(e: _Evaluation, check: i.Healthcheck) -> tuple[Vertex, State]:
    if check.command is None:
        return e.configured(healthcheck=Healthcheck(test=("NONE",)))
    test = ("CMD-SHELL" if check.command.is_shell else "CMD", *check.command.words)
    return e.configured(
        healthcheck=Healthcheck(
            test=test,
            interval_ns=check.interval_ns,
            timeout_ns=check.timeout_ns,
            start_period_ns=check.start_period_ns,
            start_interval_ns=check.start_interval_ns,
            retries=check.retries,
        )
    )


def _shell(e: _Evaluation, shell: i.Shell) -> tuple[Vertex, State]:
    return e.configured(f"SHELL {_json(shell.words)}", shell=shell.words)


def _onbuild(e: _Evaluation, onbuild: i.Onbuild) -> tuple[Vertex, State]:
    return e.configured(on_build=(*e.state.config.on_build, onbuild.trigger))


def _workdir(e: _Evaluation, workdir: i.Workdir) -> tuple[Vertex, State]:
    given = e.expand(workdir.path)
    if not given:
        raise e.bad(f'expected a path, got "{workdir.path}", which is empty')
    path = posixpath.normpath(posixpath.join(e.state.workdir, given))
    path = "/" + path.lstrip("/")
    state = replace(e.state, config=replace(e.state.config, workdir=path))
    return DirectoryVertex(created_by=f"WORKDIR {given}", path=path, user=e.state.config.user), state


def _run(e: _Evaluation, run: i.Run) -> tuple[Vertex, State]:
    argv, script = _run_command(e, run)
    env = e.state.env
    declared = {name: value for name, value in e.state.args.items() if name not in env}
    given = e.scope.plan.build_args
    proxies = {name: given[name] for name in PREDEFINED if name in given and name not in env and name not in declared}
    shown = [f"{name}={value}" for name, value in sorted(declared.items())]
    prefix = f"|{len(shown)} {' '.join(shown)} " if shown else ""
    vertex = RunVertex(
        created_by=f"RUN {prefix}{' '.join(argv)}",
        argv=argv,
        env=tuple(f"{name}={value}" for name, value in {**declared, **env}.items()),
        proxies=tuple(f"{name}={value}" for name, value in proxies.items()),
        workdir=e.state.workdir,
        user=e.state.config.user,
        mounts=tuple(_mount(e, mount) for mount in run.mounts),
        network=run.network,
        insecure=run.security == "insecure",
        script=script,
    )
    return vertex, e.state


def _run_command(e: _Evaluation, run: i.Run) -> tuple[tuple[str, ...], str]:
    """argv, and the script that it names where a heredoc brings its own interpreter."""
    command = run.command
    if not command.is_shell or not run.heredocs:
        return e.argv(command), ""
    text = command.words[0]
    first = run.heredocs[0]
    if len(run.heredocs) == 1 and re.fullmatch(rf"""<<-?['"]?{re.escape(first.name)}['"]?""", text):
        if first.content.startswith("#!"):
            return (_SCRIPT,), first.content
        return (*e.shell(), first.content), ""
    bodies = "".join(f"{heredoc.content}{heredoc.name}\n" for heredoc in run.heredocs)
    return (*e.shell(), f"{text}\n{bodies}"), ""


def _mount(e: _Evaluation, mount: i.RunMount) -> MountVertex:
    target = e.expand(mount.target)
    source = e.expand(mount.source)
    identifier = e.expand(mount.id)
    if mount.type == "secret":
        identifier = identifier or posixpath.basename(source or target)
        if not target and not mount.env:
            target = f"/run/secrets/{identifier}"
    if target:
        target = posixpath.normpath(posixpath.join(e.state.workdir, target))
    if mount.type == "cache":
        identifier = identifier or target
    if target == "/":
        raise e.bad('--mount: invalid mount target "/"')
    expanded = replace(mount, target=target, source=source, id=identifier)
    if not mount.source_stage:
        return MountVertex(mount=expanded)
    found = e.scope.plan.source(mount.source_stage, e.scope.stage)
    return (
        MountVertex(mount=expanded, stage=found) if isinstance(found, int) else MountVertex(mount=expanded, image=found)
    )


def _transfer(e: _Evaluation, transfer: i.Copy | i.Add) -> tuple[Vertex, State]:
    sources = tuple(_source(e, source) for source in transfer.sources)
    stage_name = transfer.source_stage if isinstance(transfer, i.Copy) else ""
    found: int | str = e.scope.plan.source(stage_name, e.scope.stage) if stage_name else ""
    chmod = e.expand(transfer.chmod)
    if chmod:
        try:
            check_mode(chmod)
        except ValueError as error:
            raise e.bad(f"--chmod: {error}") from None
    is_add = isinstance(transfer, i.Add)
    shown = f" from={stage_name}" if stage_name else ""
    vertex = TransferVertex(
        created_by=f"{e.instruction.keyword}{shown} {' '.join((*sources, e.expand(transfer.destination)))}",
        verb="ADD" if is_add else "COPY",
        sources=sources,
        destination=_destination(e, transfer),
        stage=found if isinstance(found, int) else None,
        image=found if isinstance(found, str) else "",
        files=tuple(_heredoc(e, heredoc) for heredoc in transfer.heredocs),
        chown=e.expand(transfer.chown),
        chmod=chmod,
        parents=isinstance(transfer, i.Copy) and transfer.parents,
        exclude=tuple(e.expand(pattern) for pattern in transfer.exclude),
        checksum=e.expand(transfer.checksum) if isinstance(transfer, i.Add) else "",
        unpack=transfer.unpack if isinstance(transfer, i.Add) else None,
    )
    return vertex, e.state


def _source(e: _Evaluation, word: str) -> str:
    source = e.expand(word)
    if not source:
        raise e.bad(f'expected a source, got "{word}", which is empty')
    if e.instruction.keyword == "ADD" and _GIT.match(source):
        raise e.bad(f'ADD from a git repository is not supported: "{source}"; add its archive, or clone it in a RUN')
    if posixpath.normpath(source).startswith(".."):
        raise e.bad(f"forbidden path outside the build context: {source} ()")
    return source


def _destination(e: _Evaluation, transfer: i.Transfer) -> str:
    given = e.expand(transfer.destination)
    if not given:
        raise e.bad(f'expected a destination, got "{transfer.destination}", which is empty')
    folder = given.endswith("/") or posixpath.basename(given) in (".", "..")
    path = "/" + posixpath.normpath(posixpath.join(e.state.workdir, given)).lstrip("/")
    return path + "/" if folder and path != "/" else path


def _heredoc(e: _Evaluation, heredoc: i.HeredocFile) -> i.HeredocFile:
    if not heredoc.expand:
        return heredoc
    try:
        return replace(heredoc, content=expand_lines(heredoc.content, e.state.variables, e.escape))
    except BadExpansion as error:
        raise e.bad(f"heredoc {heredoc.name}: {error}") from None


def _from(e: _Evaluation, start: i.From) -> tuple[Vertex, State]:
    raise e.bad("FROM starts a stage, it is no step of one")


_EVALUATORS: dict[type[i.Instruction], Callable[[_Evaluation, Any], tuple[Vertex, State]]] = {
    i.Add: _transfer,
    i.Arg: _arg,
    i.Cmd: _cmd,
    i.Copy: _transfer,
    i.Entrypoint: _entrypoint,
    i.Env: _env,
    i.Expose: _expose,
    i.From: _from,
    i.Healthcheck: _healthcheck,
    i.Label: _label,
    i.Maintainer: _maintainer,
    i.Onbuild: _onbuild,
    i.Run: _run,
    i.Shell: _shell,
    i.StopSignal: _stop_signal,
    i.User: _user,
    i.Volume: _volume,
    i.Workdir: _workdir,
}
