"""Stand-ins: images made on this machine where a registry can't be reached, and only when asked for."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable

from shoal.contracts.bootstrap import Bootstrap
from shoal.contracts.build import BuildFiles
from shoal.contracts.snapshots import Snapshots
from shoal.engine.builds import Builds
from shoal.engine.images import Images, NewImage
from shoal.errors import NotFound, ShoalError, Unavailable
from shoal.model.build import BuildRequest
from shoal.model.image import Image, ImageConfig
from shoal.model.progress import Progress, Report
from shoal.oci.reference import Reference, familiar
from shoal.stand_ins import (
    LABEL_FOR,
    LABEL_RECIPE,
    LABEL_VERSION,
    VERSION_FILE,
    find_recipe,
    require_recipe,
)
from shoal.stand_ins.recipes import BASE_REFERENCE, SUITE, Recipe

_STEP = "Step "
_MAX_STATUS = 100


class StandIns:
    """Makes stand-ins. The same recipe is worked on once at a time; what it made is kept by the build cache.

    enabled: make one whenever a registry can't be reached, without being asked each time
    """

    def __init__(
        self,
        images: Images,
        builds: Builds,
        bootstrap: Bootstrap,
        snapshots: Snapshots,
        files: BuildFiles,
        *,
        enabled: bool,
        new_id: Callable[[], str],
    ) -> None:
        self._images = images
        self._builds = builds
        self._bootstrap = bootstrap
        self._snapshots = snapshots
        self._files = files
        self._enabled = enabled
        self._new_id = new_id
        self._locks: dict[str, asyncio.Lock] = {}

    async def instead_of(self, reference: Reference, error: Unavailable, *, asked: bool, report: Report) -> Image:
        """A stand-in for an image that could not be pulled.

        asked: for this pull
        Raises: `error` where none is wanted, or there is no recipe; its hint says what could be done
        """
        name = reference.familiar
        if find_recipe(name) is None:
            raise error
        if not (asked or self._enabled):
            error.hint = error.hint or f"a stand-in can be made on this machine: shoal image stand-in {name}"
            raise error
        report(Progress(status=f"{name} can't be pulled: {error.message}"))
        return await self.make(name, report)

    async def make(self, reference: str, report: Report, *, force: bool = False) -> Image:
        """The stand-in for `reference`, named so; one that is here already is used again.

        force: make it anew, also where an image of this name is here
        Raises: InvalidArgument where there is no recipe; DriverError
        """
        recipe, name = require_recipe(reference), familiar(reference)
        async with self._locks.setdefault(recipe.name, asyncio.Lock()):
            if not force and (found := self._find(name)) is not None:
                what = "a stand-in" if LABEL_FOR in found.config.labels else "no stand-in"
                report(Progress(status=f"{name} is here already ({what})"))
                return found
            report(Progress(status=f"Making a stand-in for {name}: {recipe.title}"))
            made = await self._made(recipe, report, force)
            return await self._name(made, recipe, name, report)

    def _find(self, name: str) -> Image | None:
        try:
            return self._images.resolve(name)
        except NotFound:
            return None

    async def _made(self, recipe: Recipe, report: Report, force: bool) -> Image:
        if recipe.name == "debian":
            return await self._debian(recipe, report, force)
        busybox = self._bootstrap.host_busybox()
        needs_base = recipe.name != "busybox" or busybox is None
        if needs_base and self._find(BASE_REFERENCE) is None:
            await self.make(BASE_REFERENCE, report)
        return await self._build(recipe, busybox, report, force)

    async def _debian(self, recipe: Recipe, report: Report, force: bool) -> Image:
        earlier = [image for image in self._images.all() if image.config.labels.get(LABEL_RECIPE) == recipe.name]
        if earlier and not force:
            return earlier[-1]

        def say(line: str) -> None:
            report(Progress(id=recipe.name, status=line[:_MAX_STATUS]))

        async with aclosing(self._bootstrap.debian(SUITE, say)) as chunks:
            return await self._images.import_tar(chunks, changes=['CMD ["bash"]'], message="shoal.stand-in")

    async def _build(self, recipe: Recipe, busybox: bytes | None, report: Report, force: bool) -> Image:
        def follow(line: Progress) -> None:
            if line.stream.startswith(_STEP):
                report(Progress(id=recipe.name, status=_one_line(line.stream)))
            elif not line.stream and line.aux is None:
                report(line)

        extra = {} if busybox is None else {"busybox": busybox}
        request = BuildRequest(
            target=recipe.target,
            stand_ins=True,
            build_args={} if busybox is None else {"SOURCE": "host"},
            no_cache=force,
        )
        build = await self._builds.prepare(request, _context(recipe, extra))
        return await build.run(follow)

    async def _name(self, made: Image, recipe: Recipe, name: str, report: Report) -> Image:
        """The same image with the labels of a stand-in, named; the nameless one that it came from goes."""
        version = await self._version(made)
        labels = {LABEL_RECIPE: recipe.name, LABEL_VERSION: version, LABEL_FOR: name}
        new = NewImage(
            config=_labelled(made.config, labels),
            layers=made.layers,
            history=made.history,
            platform=made.platform,
            comment="shoal.stand-in",
            created_at=made.created_at,
        )
        image = await self._images.add(new, tags=(name,))
        if image.id != made.id and not made.repo_tags:
            try:
                await self._images.remove(made.id, prune=False)
            except ShoalError as error:
                report(Progress(status=f"the intermediate image stays: {error.message}"))
        report(Progress(status=f"Made a stand-in for {name}: {recipe.title}, version {version}"))
        return image

    async def _version(self, image: Image) -> str:
        key = f"build-version-{self._new_id()[:12]}"
        try:
            await self._snapshots.prepare(key, image.chain_id)
            root = await self._snapshots.mount(key, readonly=True)
            return (await self._files.read_text(root, VERSION_FILE)).strip() or "unknown"
        finally:
            await self._snapshots.remove(key)


def _labelled(config: ImageConfig, labels: Mapping[str, str]) -> ImageConfig:
    return replace(config, labels={**config.labels, **labels})


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_STATUS else f"{line[:_MAX_STATUS]}…"


async def _context(recipe: Recipe, extra: Mapping[str, bytes]) -> AsyncIterator[bytes]:
    """The recipe's folder, and what all recipes share, as a tar."""
    folders = resources.files("shoal.stand_ins")
    files = {**_files_of(folders.joinpath("shared")), **_files_of(folders.joinpath(recipe.name)), **extra}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755 if content.startswith((b"#!", b"\x7fELF")) else 0o644
            tar.addfile(member, io.BytesIO(content))
    yield out.getvalue()


def _files_of(folder: Traversable, below: str = "") -> dict[str, bytes]:
    """{path: content} of all files."""
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_file():
            found[f"{below}{entry.name}"] = entry.read_bytes()
        elif entry.name != "__pycache__":
            found |= _files_of(entry, f"{below}{entry.name}/")
    return found
