"""The build cache: which step gave which layer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from shoal.contracts.store import NodeStore
from shoal.engine.images import Images
from shoal.model.build import BuildCacheEntry, BuildStep


class BuildCache:
    """Finished steps, found by digest. Their layers are kept from the images' garbage collection."""

    def __init__(self, store: NodeStore, images: Images, now_ns: Callable[[], int]) -> None:
        """`images` has the layers."""
        self._store = store
        self._images = images
        self._now_ns = now_ns
        self._used: dict[str, int] = {}

    def find(self, digest: str, base: str) -> BuildStep | None:
        """The finished step of this digest on the layers `base`, if its own layer is still here."""
        step = self._store.get(BuildStep, digest)
        if step is None or step.base != base:
            return None
        if step.layer and self._images.layer(step.layer) is None:
            return None
        self._used[digest] = self._used.get(digest, 0) + 1
        return step

    async def keep(self, *steps: BuildStep) -> None:
        """Remember finished steps."""
        await self._store.commit(*steps)

    async def note_uses(self) -> None:
        """Write down which steps builds have used since the last call; one commit."""
        used, self._used = self._used, {}
        now = self._now_ns()
        found = [(self._store.get(BuildStep, digest), times) for digest, times in used.items()]
        puts = [replace(step, used_at=now, use_count=step.use_count + times) for step, times in found if step]
        if puts:
            await self._store.commit(*puts)

    def chain_ids(self) -> Iterator[str]:
        """Layers that the cache wants kept, by chain id."""
        return (step.layer for step in self._store.all(BuildStep) if step.layer)

    def entries(self, in_use: Sequence[str] = ()) -> Sequence[BuildCacheEntry]:
        """What is kept. in_use: chain ids that images have"""
        shared = set(in_use)
        by_layer = {step.layer: step.digest for step in self._store.all(BuildStep) if step.layer != step.base}
        return [
            BuildCacheEntry(
                id=step.digest[:25],
                kind="regular",
                description=step.description,
                size_bytes=step.size_bytes,
                created_at=step.created_at,
                used_at=step.used_at,
                use_count=step.use_count,
                parents=(by_layer[step.base][:25],) if step.base in by_layer else (),
                shared=step.layer in shared,
            )
            for step in self._store.all(BuildStep)
        ]

    async def forget(self, ids: Sequence[str]) -> None:
        """Remove entries by their ids; the layers go with the next garbage collection unless an image has them."""
        wanted = set(ids)
        gone = [step.digest for step in self._store.all(BuildStep) if step.digest[:25] in wanted]
        if gone:
            await self._store.commit(deletes=[(BuildStep, digest) for digest in gone])
