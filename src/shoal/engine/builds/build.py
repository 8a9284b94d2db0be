"""One build: stages side by side, then the image of the target."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from shoal.dockerfile.args import platform_args
from shoal.dockerfile.decode import decode_trigger
from shoal.dockerfile.evaluate import Scope, first_state
from shoal.dockerfile.source import BadDockerfile
from shoal.dockerfile.stages import SCRATCH, BuildPlan, Stage
from shoal.engine.builds.errors import at_instruction
from shoal.engine.builds.stage import Basis, StageBuild
from shoal.engine.builds.tools import Job, Tools
from shoal.engine.images.images import NewImage
from shoal.engine.images.install import first_error
from shoal.errors import NotFound, ShoalError
from shoal.model.image import Image, ImageConfig, Platform
from shoal.model.progress import Progress
from shoal.model.registry import RegistryAuth
from shoal.oci.manifest import parse_platform
from shoal.oci.reference import parse_reference

_IMAGE = "docker-image://"


class StageGraph:
    """Runs the stages of a plan, each as soon as those that it needs are there."""

    def __init__(self, tools: Tools, job: Job, plan: BuildPlan) -> None:
        """`plan` has the needed stages only."""
        self._tools = tools
        self._job = job
        self._plan = plan
        self._done: dict[int, asyncio.Task[Basis]] = {}
        self._images: dict[tuple[str, str], asyncio.Task[Image]] = {}
        self._group = asyncio.TaskGroup()

    async def run(self) -> Basis:
        """What the target comes to. Raises: the first error of any stage"""
        first_step = len(self._plan.head) + 1
        try:
            async with self._group:
                for stage in self._plan.stages:
                    self._done[stage.index] = self._group.create_task(self._stage(stage, first_step))
                    first_step += 1 + len(stage.instructions)
        except BaseExceptionGroup as failed:
            raise first_error(failed) from failed
        finally:
            await self._end_pulls()
        return self._done[self._plan.target.index].result()

    async def _end_pulls(self) -> None:
        for task in self._images.values():
            task.cancel()
        # Also fetches the errors of those that nobody waits for any more.
        await asyncio.gather(*self._images.values(), return_exceptions=True)

    async def _stage(self, stage: Stage, first_step: int) -> Basis:
        transcript, total = self._job.transcript, self._plan.step_count
        try:
            transcript.say(stage.index, f"Step {first_step}/{total} : {stage.start.original}\n")
            try:
                basis = await self._basis(stage)
            except ShoalError as error:
                raise at_instruction(error, stage.start) from error
            transcript.say(stage.index, f" ---> {_short(basis.state.digest)}\n")
            if basis.triggers:
                many = "s" if len(basis.triggers) > 1 else ""
                transcript.say(stage.index, f"# Executing {len(basis.triggers)} build trigger{many}\n")
            work = StageBuild(self._tools, self._job, self._scope(stage), self._resolver(stage))
            return await work.build(basis, stage.instructions, first_step + 1, total)
        except ShoalError:
            transcript.fail(stage.index)
            raise
        finally:
            transcript.finish(stage.index)

    def _scope(self, stage: Stage) -> Scope:
        auto = platform_args(self._platform(stage), self._tools.settings.platform, self._job.request.target)
        return Scope(plan=self._plan, stage=stage, auto_args=auto)

    def _platform(self, stage: Stage) -> Platform:
        return parse_platform(stage.platform, self._job.platform) if stage.platform else self._job.platform

    async def _basis(self, stage: Stage) -> Basis:
        if stage.base_stage is not None:
            below = await asyncio.shield(self._done[stage.base_stage])
            return self._standing_on(
                stage, below.state.config, below.state.digest, replace(below, platform=str(self._platform(stage)))
            )
        base = self._job.request.contexts.get(stage.base, stage.base).removeprefix(_IMAGE)
        if base == SCRATCH:
            return Basis(state=first_state(ImageConfig(), SCRATCH))
        image = await self._image(base, self._platform(stage), stage.index, asked=bool(stage.platform))
        below = Basis(state=first_state(ImageConfig(), ""), layers=image.layers, history=image.history)
        return self._standing_on(stage, image.config, image.id, below)

    def _standing_on(self, stage: Stage, config: ImageConfig, digest: str, below: Basis) -> Basis:
        triggers = tuple(
            decode_trigger(trigger, stage.start.position, self._plan.escape) for trigger in config.on_build
        )
        return replace(below, state=first_state(config, digest, below.state.args), triggers=triggers)

    def _resolver(self, stage: Stage) -> Callable[[int | str], Awaitable[tuple[str, str]]]:
        async def resolve(source: int | str) -> tuple[str, str]:
            """(chain id, digest)"""
            if isinstance(source, int):
                done = await asyncio.shield(self._done[source])
                return done.chain_id, done.state.digest
            name = self._job.request.contexts.get(source, source).removeprefix(_IMAGE)
            image = await self._image(name, self._platform(stage), stage.index, asked=False)
            return image.chain_id, image.id

        return resolve

    async def _image(self, reference: str, platform: Platform, stage: int, *, asked: bool) -> Image:
        """The image, pulled once for all stages. asked: the platform was asked for, so that another one won't do"""
        key = (reference, str(platform))
        if key not in self._images:
            asked = asked or bool(self._job.request.platform)
            # Not in the group: its error belongs to the stage that waits for it, which says where it happened.
            self._images[key] = asyncio.create_task(self._find_image(reference, platform, stage, asked))
        return await asyncio.shield(self._images[key])

    async def _find_image(self, reference: str, platform: Platform, stage: int, asked: bool) -> Image:
        image = await self._get_image(reference, platform, stage, asked)
        self._job.held.enter_context(self._tools.images.hold(image.chain_id))
        return image

    async def _get_image(self, reference: str, platform: Platform, stage: int, asked: bool) -> Image:
        images, request = self._tools.images, self._job.request
        if not request.pull or reference in request.contexts.values():
            try:
                image = images.resolve(reference)
                if not asked or _same(image.platform, platform):
                    return image
            except NotFound:
                pass
        auth = _auth(request.auths, parse_reference(reference).domain)
        return await images.pull(
            reference,
            platform=str(platform) if asked else "",
            auth=auth,
            report=lambda progress: self._job.transcript.pass_on(stage, progress),
            stand_in=request.stand_ins,
        )


def _same(one: Platform, other: Platform) -> bool:
    return (one.os, one.architecture) == (other.os, other.architecture)


def _auth(auths: object, domain: str) -> RegistryAuth | None:
    entries = auths if isinstance(auths, dict) else {}
    names = ("https://index.docker.io/v1/", "docker.io", "index.docker.io") if domain == "docker.io" else ()
    entry = next((entries[name] for name in (*names, domain, f"https://{domain}") if name in entries), None)
    if not entry:
        return None
    return RegistryAuth(
        username=entry.get("username", ""),
        password=entry.get("password", ""),
        identity_token=entry.get("identitytoken", ""),
        registry_token=entry.get("registrytoken", ""),
        server_address=entry.get("serveraddress", domain),
    )


def _short(digest: str) -> str:
    return "" if digest == SCRATCH else digest.removeprefix("sha256:")[:12]


async def make_image(tools: Tools, job: Job, plan: BuildPlan, basis: Basis) -> Image:
    """The image of a finished target, tagged, and told about."""
    request, transcript = job.request, job.transcript
    config = replace(basis.state.config, labels={**basis.state.config.labels, **request.labels})
    image = await tools.images.add(
        NewImage(
            config=config,
            layers=basis.layers,
            history=basis.history,
            platform=parse_platform(plan.target.platform, job.platform) if plan.target.platform else job.platform,
            author=basis.state.author,
            comment="shoal.build",
            created_at=max((item.created_at for item in basis.history), default=0),
        ),
        tags=request.tags,
    )
    transcript.tell(Progress(aux={"ID": image.id}))
    if request.quiet:
        transcript.tell(Progress(stream=f"{image.id}\n"))
        return image
    transcript.say_now(f"Successfully built {_short(image.id)}\n")
    for tag in request.tags:
        transcript.say_now(f"Successfully tagged {_familiar(tag)}\n")
    return image


def _familiar(tag: str) -> str:
    reference = parse_reference(tag)
    return f"{reference.familiar_name}:{reference.tag or 'latest'}"


def check_base(plan: BuildPlan) -> None:
    """Refuse what can be refused before anything runs. Raises: BadDockerfile"""
    for stage in plan.stages:
        if stage.base and stage.base != SCRATCH:
            try:
                parse_reference(stage.base)
            except ShoalError as error:
                raise BadDockerfile(
                    stage.start.position, "FROM", f'failed to parse stage name "{stage.base}": {error.message}'
                ) from None
