"""A Dockerfile as stages: which are needed, and which stands on which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shoal.dockerfile.args import PREDEFINED, expand_at
from shoal.dockerfile.decode import decode_all
from shoal.dockerfile.instructions import Arg, Copy, From, Instruction, Run
from shoal.dockerfile.parser import Ast
from shoal.dockerfile.source import BadDockerfile
from shoal.dockerfile.words import did_you_mean
from shoal.errors import InvalidArgument

SCRATCH = "scratch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One FROM and what follows it.

    base: image reference, or "scratch"; "" where base_stage says which stage it stands on
    platform: as asked for in the Dockerfile, "" = the build's
    """

    index: int
    name: str
    start: From
    base: str
    base_stage: int | None
    platform: str
    instructions: tuple[Instruction, ...]

    @property
    def label(self) -> str:
        """Its name, else its number."""
        return self.name or str(self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """The stages to build, in the order of the file.

    stages: all that the target needs, itself last
    needs: {stage index: indexes of the stages that it starts from or copies from}
    images: references of images that COPY --from and RUN --mount name
    global_args: ARG before the first FROM, with their values
    unused_args: build arguments that no ARG asked for
    """

    file: str
    escape: str
    head: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    needs: Mapping[int, frozenset[int]]
    images: tuple[str, ...]
    global_args: Mapping[str, str]
    build_args: Mapping[str, str]
    unused_args: tuple[str, ...] = ()
    names: Mapping[str, int] = field(default_factory=dict)  #: {stage name or number: index}, of every stage
    warnings: tuple[str, ...] = ()  #: of the parser

    @property
    def target(self) -> Stage:
        """The stage that becomes the image."""
        return self.stages[-1]

    @property
    def step_count(self) -> int:
        """Instructions of the needed stages and before the first FROM."""
        return len(self.head) + sum(1 + len(stage.instructions) for stage in self.stages)

    def source(self, name: str, stage: Stage) -> int | str:
        """What `--from=name` in `stage` means: a stage's index, or an image reference."""
        found = self.names.get(name.lower())
        return found if found is not None and found < stage.index else name


def plan_build(
    ast: Ast,
    *,
    build_args: Mapping[str, str] | None = None,
    target: str = "",
    platforms: Mapping[str, str] | None = None,
) -> BuildPlan:
    """The stages that `target` ("" = the last) needs.

    build_args: given by the user
    platforms: values of TARGETPLATFORM, BUILDARCH and so on
    Raises: BadDockerfile, InvalidArgument for an unknown target
    """
    given = dict(build_args or {})
    instructions = decode_all(ast)
    head = _head(instructions)
    global_args = _global_args(head, given, dict(platforms or {}), ast.escape)
    stages = _stages(instructions[len(head) :], global_args, ast.escape)
    names = {name: stage.index for stage in stages for name in (str(stage.index), stage.name) if name}
    last = _target(stages, target)
    needs = {stage.index: _needs(stage, names) for stage in stages}
    wanted = _closure(last.index, needs)
    kept = tuple(stage for stage in stages if stage.index in wanted)
    return BuildPlan(
        file=ast.file,
        escape=ast.escape,
        head=head,
        # The target is last in the file among those that it needs: a stage refers to earlier ones only.
        stages=kept,
        needs={index: needs[index] for index in sorted(wanted)},
        images=_images(kept, names),
        global_args=global_args,
        build_args=given,
        unused_args=_unused(instructions, given),
        names=names,
        warnings=ast.warnings,
    )


def _head(instructions: Sequence[Instruction]) -> tuple[Arg, ...]:
    head: list[Arg] = []
    for instruction in instructions:
        if isinstance(instruction, From):
            return tuple(head)
        if not isinstance(instruction, Arg):
            raise BadDockerfile(
                instruction.position,
                instruction.keyword,
                "no build stage in current context: expected FROM first, with only ARG before it",
            )
        head.append(instruction)
    raise BadDockerfile(instructions[-1].position, "ARG", "expected FROM after it, got the end of the file")


def _global_args(
    head: Sequence[Arg], given: Mapping[str, str], platforms: Mapping[str, str], escape: str
) -> dict[str, str]:
    values = {name: given.get(name, value) for name, value in platforms.items()}
    for arg in head:
        for name, default in arg.pairs:
            if name in given:
                values[name] = given[name]
            elif default is not None:
                values[name] = expand_at(default, values, escape, arg)
    return values


def _stages(instructions: Sequence[Instruction], args: Mapping[str, str], escape: str) -> list[Stage]:
    starts = [at for at, instruction in enumerate(instructions) if isinstance(instruction, From)]
    stages: list[Stage] = []
    for index, at in enumerate(starts):
        start = instructions[at]
        assert isinstance(start, From)
        body = instructions[at + 1 : starts[index + 1] if index + 1 < len(starts) else None]
        if any(earlier.name == start.name for earlier in stages if start.name):
            raise BadDockerfile(start.position, "FROM", f'duplicate name "{start.name}": another stage has it')
        stages.append(_stage(index, start, tuple(body), stages, args, escape))
    return stages


def _stage(
    index: int,
    start: From,
    body: tuple[Instruction, ...],
    earlier: Sequence[Stage],
    args: Mapping[str, str],
    escape: str,
) -> Stage:
    base = expand_at(start.base, args, escape, start)
    if not base:
        raise BadDockerfile(start.position, "FROM", f"base name ({start.base}) should not be blank")
    base_stage = next((stage.index for stage in earlier if stage.name == base.lower()), None)
    return Stage(
        index=index,
        name=start.name,
        start=start,
        base="" if base_stage is not None else base,
        base_stage=base_stage,
        platform=expand_at(start.platform, args, escape, start),
        instructions=body,
    )


def _target(stages: Sequence[Stage], target: str) -> Stage:
    if not target:
        return stages[-1]
    for stage in stages:
        if target.lower() == stage.name or target == str(stage.index):
            return stage
    meant = did_you_mean(target.lower(), [stage.name for stage in stages if stage.name])
    raise InvalidArgument(f'target stage "{target}" could not be found{meant}')


def source_names(stage: Stage) -> list[tuple[str, Instruction]]:
    """What `--from=` and `from=` name in a stage."""
    found: list[tuple[str, Instruction]] = []
    for instruction in stage.instructions:
        if isinstance(instruction, Copy) and instruction.source_stage:
            found.append((instruction.source_stage, instruction))
        elif isinstance(instruction, Run):
            found.extend((mount.source_stage, instruction) for mount in instruction.mounts if mount.source_stage)
    return found


def _needs(stage: Stage, names: Mapping[str, int]) -> frozenset[int]:
    needs = set() if stage.base_stage is None else {stage.base_stage}
    for name, instruction in source_names(stage):
        found = names.get(name.lower())
        if found is None:
            if name.isdigit():
                raise _bad_source(instruction, name, "there is no stage of that number")
            continue
        if found == stage.index:
            raise _bad_source(instruction, name, "circular dependency: it is the current stage")
        if found > stage.index:
            raise _bad_source(instruction, name, "it needs to be defined before the current stage")
        needs.add(found)
    return frozenset(needs)


def _bad_source(instruction: Instruction, name: str, why: str) -> BadDockerfile:
    return BadDockerfile(instruction.position, instruction.keyword, f'cannot copy from stage "{name}": {why}')


def _closure(index: int, needs: Mapping[int, frozenset[int]]) -> set[int]:
    wanted: set[int] = set()
    todo = [index]
    while todo:
        current = todo.pop()
        if current not in wanted:
            wanted.add(current)
            todo.extend(needs[current])
    return wanted


def _images(stages: Sequence[Stage], names: Mapping[str, int]) -> tuple[str, ...]:
    found = {name: None for stage in stages for name, _ in source_names(stage) if name.lower() not in names}
    return tuple(found)


def _unused(instructions: Sequence[Instruction], given: Mapping[str, str]) -> tuple[str, ...]:
    declared = {name for arg in instructions if isinstance(arg, Arg) for name, _ in arg.pairs}
    return tuple(sorted(name for name in given if name not in declared and name not in PREDEFINED))
