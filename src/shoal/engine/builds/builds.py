"""The noun `builds` of the engine."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from shoal.contracts.build import BuildContext
from shoal.contracts.store import NodeStore
from shoal.dockerfile.args import platform_args
from shoal.dockerfile.parser import parse
from shoal.dockerfile.stages import BuildPlan, plan_build
from shoal.engine.builds.build import StageGraph, check_base, make_image
from shoal.engine.builds.cache import BuildCache
from shoal.engine.builds.pruning import Pruned, choose_entries
from shoal.engine.builds.remote import open_remote
from shoal.engine.builds.tools import BuildDrivers, BuildSettings, Job, Sources, Tools
from shoal.engine.builds.transcript import Transcript
from shoal.engine.events import Events
from shoal.engine.images import Images
from shoal.engine.networks import Networks
from shoal.errors import InvalidArgument, NotSupported
from shoal.model.build import BuildCacheEntry, BuildCounts, BuildRequest
from shoal.model.image import Image
from shoal.model.progress import Report
from shoal.oci.manifest import parse_platform
from shoal.oci.reference import parse_reference

_SNAPSHOTS = "build-"


@dataclass(frozen=True, slots=True)
class Build:
    """A build that is ready to run: its files are here, its Dockerfile is right. Run it once, or close it."""

    builds: "Builds"
    request: BuildRequest
    context: BuildContext
    plan: BuildPlan

    async def run(self, report: Report) -> Image:
        """The image. Cancelling the call ends the build; nothing of it stays but finished steps in the cache.

        Raises: ShoalError that names file, line and instruction
        """
        return await self.builds.run(self, report)

    async def close(self) -> None:
        """Remove the files of a build that does not run."""
        await self.context.close()


class Builds:
    """Turns Dockerfiles into images."""

    def __init__(
        self,
        store: NodeStore,
        images: Images,
        networks: Networks,
        events: Events,
        drivers: BuildDrivers,
        settings: BuildSettings,
    ) -> None:
        self._events = events
        self._running = 0
        self._ended: Counter[str] = Counter()
        self._seconds = 0.0
        self._cache = BuildCache(store, images, settings.now_ns)
        self._tools = Tools(images=images, networks=networks, drivers=drivers, settings=settings, cache=self._cache)

    async def open(self) -> None:
        """Remove what the builds of a dead engine left. Called once at start, before images collect their garbage."""
        await self._tools.drivers.runner.open()
        for key in self._tools.drivers.snapshots.keys():  # noqa: SIM118 - a method of the contract
            if key.startswith(_SNAPSHOTS):
                await self._tools.drivers.snapshots.remove(key)
        await self._tools.drivers.files.open()
        await asyncio.to_thread(shutil.rmtree, self._tools.settings.run, ignore_errors=True)

    def kept_layers(self) -> Sequence[str]:
        """Chain ids of the layers that the cache wants kept."""
        return list(self._cache.chain_ids())

    async def prepare(self, request: BuildRequest, chunks: AsyncIterator[bytes]) -> Build:
        """The build, ready to run.

        chunks: the context as a tar, compressed or not; not read where the request names a remote one
        Raises: InvalidArgument, NotSupported
        """
        _check(request)
        files = self._tools.drivers.files
        if request.remote:
            chunks = await open_remote(files, request.remote, request.dockerfile)
        context = await files.receive(chunks, request.dockerfile)
        try:
            return Build(self, request, context, self._plan(request, context))
        except BaseException:
            await context.close()
            raise

    def _plan(self, request: BuildRequest, context: BuildContext) -> BuildPlan:
        source = context.read(request.dockerfile)
        if source is None:
            raise InvalidArgument(f"Cannot locate specified Dockerfile: {request.dockerfile}")
        native = self._tools.settings.platform
        platform = parse_platform(request.platform, native) if request.platform else native
        plan = plan_build(
            parse(source, request.dockerfile),
            build_args={name: value for name, value in request.build_args.items() if value is not None},
            target=request.target,
            platforms=platform_args(platform, native, request.target),
        )
        check_base(plan)
        return plan

    async def run(self, build: Build, report: Report) -> Image:
        """Carry out; see `Build.run`."""
        self._running += 1
        started_at, result = self._tools.settings.now_ns(), "failed"
        try:
            image = await self._carry_out(build, report)
            result = "succeeded"
            return image
        except asyncio.CancelledError:
            result = "canceled"
            raise
        finally:
            self._running -= 1
            self._ended[result] += 1
            self._seconds += (self._tools.settings.now_ns() - started_at) / 1e9

    def counts(self) -> BuildCounts:
        """How many builds there were since the start."""
        return BuildCounts(running=self._running, ended=dict(self._ended), seconds=self._seconds)

    async def _carry_out(self, build: Build, report: Report) -> Image:
        job = self._job(build, report)
        try:
            for number, arg in enumerate(build.plan.head, 1):
                job.transcript.say_now(f"Step {number}/{build.plan.step_count} : {arg.original}\n")
            for warning in build.plan.warnings:
                job.transcript.say_now(f"[Warning] {warning}\n")
            basis = await StageGraph(self._tools, job, build.plan).run()
            if build.plan.unused_args:
                names = " ".join(build.plan.unused_args)
                job.transcript.say_now(f"[Warning] One or more build-args [{names}] were not consumed\n")
            image = await make_image(self._tools, job, build.plan, basis)
            await self._cache.note_uses()
            return image
        finally:
            await asyncio.shield(self._clean_up(job))

    def _job(self, build: Build, report: Report) -> Job:
        build_id, native = self._tools.settings.new_id(), self._tools.settings.platform
        folder = self._tools.settings.run / build_id[:12]
        folder.mkdir(parents=True)
        return Job(
            id=build_id,
            request=build.request,
            context=build.context,
            platform=parse_platform(build.request.platform, native) if build.request.platform else native,
            transcript=Transcript(report, [s.index for s in build.plan.stages], quiet=build.request.quiet),
            sources=Sources(self._tools.drivers.snapshots, build_id),
            folder=folder,
            ignore_cache=build.request.no_cache,
        )

    async def _clean_up(self, job: Job) -> None:
        job.held.close()
        await job.sources.close()
        await job.context.close()
        await asyncio.to_thread(shutil.rmtree, job.folder, ignore_errors=True)

    # -- cache ---------------------------------------------------------------

    async def usage(self) -> Sequence[BuildCacheEntry]:
        """What the build cache keeps: steps and cache mounts."""
        mounts = [
            BuildCacheEntry(
                id=name,
                kind="exec.cachemount",
                description=f"cached mount {name}",
                size_bytes=size,
                created_at=used_at,
                used_at=used_at,
                use_count=0,
            )
            for name, size, used_at in await self._tools.drivers.files.cache_usage()
        ]
        chains = [layer.chain_id for image in self._tools.images.all() for layer in image.layers]
        return [*self._cache.entries(chains), *mounts]

    async def prune(
        self, filters: Mapping[str, Sequence[str]], *, everything: bool = False, keep_bytes: int = 0
    ) -> Pruned:
        """Remove entries of the cache; of the steps only those that no image needs, unless `everything`.

        keep_bytes: stop when the rest is no larger than this
        Raises: InvalidArgument for an unknown filter
        """
        entries = await self.usage()
        chosen = choose_entries(
            entries, filters, everything=everything, keep_bytes=keep_bytes, now_ns=self._tools.settings.now_ns()
        )
        await self._cache.forget([entry.id for entry in chosen.entries if entry.kind == "regular"])
        for entry in chosen.entries:
            if entry.kind != "regular":
                await self._tools.drivers.files.remove_cache(entry.id)
        await self._tools.images.collect_garbage()
        self._events.publish("builder", "prune", "", {"reclaimed": str(chosen.reclaimed_bytes)})
        return chosen


def _check(request: BuildRequest) -> None:
    if request.squash:
        raise NotSupported("squash is not supported: use a stage FROM scratch with COPY --from")
    for tag in request.tags:
        if parse_reference(tag).digest:
            raise InvalidArgument(f'"{tag}": refusing to create a tag with a digest reference')
