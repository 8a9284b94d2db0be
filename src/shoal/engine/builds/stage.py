"""One stage: its steps one after the other, each from the cache or done."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shoal.contracts.build import Dressing, Transfer
from shoal.dockerfile.evaluate import Scope, evaluate
from shoal.dockerfile.instructions import Instruction
from shoal.dockerfile.vertices import (
    ConfigVertex,
    DirectoryVertex,
    MountVertex,
    RunVertex,
    State,
    Step,
    TransferVertex,
)
from shoal.engine.builds.errors import at_instruction
from shoal.engine.builds.network import StageNetwork
from shoal.engine.builds.run import StepRun, owner_of
from shoal.engine.builds.tools import Job, Tools
from shoal.errors import InternalError, ShoalError
from shoal.model.build import BuildStep
from shoal.model.image import HistoryItem, Layer

_URLS = ("http://", "https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a stage starts from, and what it comes to: state, layers and history.

    triggers: ONBUILD instructions to run first
    """

    state: State
    layers: tuple[Layer, ...] = ()
    history: tuple[HistoryItem, ...] = ()
    triggers: tuple[Instruction, ...] = ()
    platform: str = ""

    @property
    def chain_id(self) -> str:
        """Of the top layer, "" for none."""
        return self.layers[-1].chain_id if self.layers else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a step reads from elsewhere.

    digests: name the content, in order
    chain: of the stage or image that a COPY reads
    mount_chains: of those that the mounts of a RUN start from
    downloads: (file, name)
    """

    digests: tuple[str, ...] = ()
    chain: str | None = None
    mount_chains: Mapping[MountVertex, str] | None = None
    downloads: tuple[tuple[Path, str], ...] = ()


#: (chain id, digest) of another stage (by index) or an image (by reference)
Resolve = Callable[[int | str], Awaitable[tuple[str, str]]]


class StageBuild:
    """Carries out one stage."""

    def __init__(self, tools: Tools, job: Job, scope: Scope, resolve: Resolve) -> None:
        """`resolve` waits for stages that this one copies from."""
        self._tools = tools
        self._job = job
        self._scope = scope
        self._resolve = resolve
        self._index = scope.stage.index
        self._network = StageNetwork(tools, job, self._index)
        self._run = StepRun(tools, job, self._network, self._index)

    async def build(self, basis: Basis, instructions: Sequence[Instruction], first_step: int, total: int) -> Basis:
        """The basis after all instructions. Raises: ShoalError that says where"""
        try:
            for trigger in basis.triggers:
                basis = await self._step(basis, trigger)
            for number, instruction in enumerate(instructions, first_step):
                self._say(f"Step {number}/{total} : {instruction.original}\n")
                basis = await self._step(basis, instruction)
            return basis
        finally:
            await self._network.close()

    def _say(self, text: str) -> None:
        self._job.transcript.say(self._index, text)

    async def _step(self, basis: Basis, instruction: Instruction) -> Basis:
        try:
            step = evaluate(basis.state, instruction, self._scope)
            inputs = await self._inputs(step)
            try:
                done = await self._find(basis, step, inputs)
                if done is None:
                    done = await self._do(basis, step, inputs)
                else:
                    self._say(" ---> Using cache\n")
            finally:
                for file, _ in inputs.downloads:
                    file.unlink(missing_ok=True)
        except ShoalError as error:
            raise at_instruction(error, instruction) from error
        self._say(f" ---> {(done.same_as or done.digest)[:12]}\n")
        return self._after(basis, step, done)

    def _after(self, basis: Basis, step: Step, done: BuildStep) -> Basis:
        layers = basis.layers
        if done.layer != done.base:
            layer = self._tools.images.layer(done.layer)
            if layer is None:
                raise InternalError(f"layer {done.layer} of a finished step is gone")
            self._job.held.enter_context(self._tools.images.hold(layer.chain_id))
            layers = (*layers, layer)
        item = HistoryItem(
            created_at=done.created_at,
            created_by=step.vertex.created_by,
            author=step.state.author,
            comment="shoal.build",
            empty_layer=done.layer == done.base,
        )
        return replace(
            basis,
            state=step.done(done.same_as or done.digest),
            layers=layers,
            history=(*basis.history, item),
            triggers=(),
        )

    # -- cache ---------------------------------------------------------------

    async def _inputs(self, step: Step) -> Inputs:
        vertex = step.vertex
        if isinstance(vertex, TransferVertex):
            return await self._transfer_inputs(vertex)
        if isinstance(vertex, RunVertex):
            return await self._run_inputs(vertex)
        return Inputs()

    async def _transfer_inputs(self, vertex: TransferVertex) -> Inputs:
        if not vertex.from_context:
            chain, digest = await self._resolve(vertex.image if vertex.stage is None else vertex.stage)
            return Inputs(digests=(digest,), chain=chain)
        paths, urls = _split_sources(vertex)
        digests = [self._job.context.digest(paths, vertex.exclude)] if paths else []
        downloads: list[tuple[Path, str]] = []
        for url in urls:
            self._say(f"Downloading {url}\n")
            file, digest, name = await self._tools.drivers.files.download(url, vertex.checksum)
            downloads.append((file, name))
            digests.append(digest)
        return Inputs(digests=tuple(digests), downloads=tuple(downloads))

    async def _run_inputs(self, vertex: RunVertex) -> Inputs:
        digests: list[str] = []
        chains: dict[MountVertex, str] = {}
        for mount in vertex.mounts:
            if mount.stage is not None or mount.image:
                chain, digest = await self._resolve(mount.image if mount.stage is None else mount.stage)
                chains[mount] = chain
                digests.append(digest)
            elif mount.from_context:
                digests.append(self._job.context.digest([mount.mount.source or "/"], ()))
        return Inputs(digests=tuple(digests), mount_chains=chains)

    async def _find(self, basis: Basis, step: Step, inputs: Inputs) -> BuildStep | None:
        """The step as the cache has it."""
        if self._job.ignore_cache:
            return None
        return self._tools.cache.find(step.digest(inputs.digests), basis.chain_id)

    # -- doing ---------------------------------------------------------------

    async def _do(self, basis: Basis, step: Step, inputs: Inputs) -> BuildStep:
        digest, same_as = step.digest(inputs.digests), ""
        if isinstance(step.vertex, TransferVertex) and inputs.chain is not None:
            same_as = await self._content_digest(step, inputs.chain)
            known = None if self._job.ignore_cache else self._tools.cache.find(same_as, basis.chain_id)
            if known is not None:
                self._say(" ---> Using cache\n")
                done = replace(known, digest=digest, same_as=same_as)
                await self._tools.cache.keep(done)
                return done
        layer = await self._change(basis, step, inputs)
        if layer is not None:
            self._job.held.enter_context(self._tools.images.hold(layer.chain_id))
        done = BuildStep(
            digest=digest,
            same_as=same_as,
            base=basis.chain_id,
            layer=layer.chain_id if layer else basis.chain_id,
            description=step.instruction.original[:200],
            created_at=self._tools.settings.now_ns(),
            size_bytes=layer.unpacked_bytes if layer else 0,
        )
        others = [replace(done, digest=same_as, same_as="")] if same_as else []
        await self._tools.cache.keep(done, *others)
        return done

    async def _content_digest(self, step: Step, chain: str) -> str:
        vertex = step.vertex
        assert isinstance(vertex, TransferVertex)
        root = await self._job.sources.root(chain)
        content = await self._tools.drivers.files.digest(root, vertex.sources, vertex.exclude)
        return step.digest(("content", content))

    async def _change(self, basis: Basis, step: Step, inputs: Inputs) -> Layer | None:
        """The layer that the step makes on those of `basis`; None when it changes no file."""
        if isinstance(step.vertex, ConfigVertex):
            return None
        snapshots, step_id = self._tools.drivers.snapshots, self._tools.settings.new_id()
        key = f"build-{step_id[:24]}"
        try:
            await snapshots.prepare(key, basis.chain_id)
            root = await snapshots.mount(key)
            dressing = await self._fill(root, step, inputs, step_id)
            await snapshots.unmount(key)
            changed = await self._tools.drivers.files.tidy(dressing or Dressing(root=root), snapshots.upper(key))
            if changed:
                return await self._tools.images.commit_layer(key, basis.chain_id)
            return None
        finally:
            await snapshots.remove(key)

    async def _fill(self, root: Path, step: Step, inputs: Inputs, step_id: str) -> Dressing | None:
        vertex = step.vertex
        if isinstance(vertex, RunVertex):
            self._say(f" ---> Running in {step_id[:12]}\n")
            dressing = await self._run.run(root, vertex, step.instruction, inputs.mount_chains or {}, step_id)
            self._say(f" ---> Removed intermediate container {step_id[:12]}\n")
            return dressing
        if isinstance(vertex, DirectoryVertex):
            owner = await owner_of(self._tools, root, vertex.user) if vertex.user else (0, 0)
            await self._tools.drivers.files.make_directory(root, vertex.path, owner)
        elif isinstance(vertex, TransferVertex):
            await self._transfer(root, vertex, inputs)
        return None

    async def _transfer(self, root: Path, vertex: TransferVertex, inputs: Inputs) -> None:
        paths, _ = _split_sources(vertex) if vertex.from_context else (vertex.sources, ())
        source_root = None
        if inputs.chain is not None:
            source_root = await self._job.sources.root(inputs.chain)
        elif paths:
            source_root = await self._job.context.directory()
        chown = await owner_of(self._tools, root, vertex.chown) if vertex.chown else None
        owner = (0, 0) if chown is None and vertex.from_context else chown
        archives = vertex.verb == "ADD" and vertex.unpack is not False
        await self._tools.drivers.files.transfer(
            root,
            Transfer(
                verb=vertex.verb,
                destination=vertex.destination,
                sources=paths,
                source_root=source_root,
                downloads=inputs.downloads,
                files=tuple((file.name, file.content) for file in vertex.files),
                owner=owner,
                archive_owner=chown,
                mode=vertex.chmod,
                parents=vertex.parents,
                exclude=vertex.exclude,
                unpack=archives,
                unpack_downloads=vertex.unpack is True,
            ),
        )


def _split_sources(vertex: TransferVertex) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(paths, URLs)"""
    urls = tuple(source for source in vertex.sources if vertex.verb == "ADD" and source.startswith(_URLS))
    return tuple(source for source in vertex.sources if source not in urls), urls
