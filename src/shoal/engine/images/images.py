"""The images of one node."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

from shoal.contracts.blobs import Blobs
from shoal.contracts.registry import Registry
from shoal.contracts.snapshots import Snapshots
from shoal.contracts.store import NodeStore
from shoal.engine.events import Events
from shoal.model.image import HistoryItem, Image, ImageConfig, ImageUse, Layer, Platform
from shoal.model.progress import Report, ignore
from shoal.model.registry import RegistryAuth


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    """An image to be made from layers that are here. `history` is the whole one, oldest first."""

    config: ImageConfig
    layers: Sequence[Layer]
    history: Sequence[HistoryItem]
    platform: Platform | None = None
    parent: str = ""
    author: str = ""
    comment: str = ""
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDrivers:
    """What images are kept in and fetched with."""

    store: NodeStore
    blobs: Blobs
    snapshots: Snapshots
    registry: Registry


class Images:
    """The images of one node: names, layers, and where they come from and go to.

    uses: containers that stand on images, asked before anything is deleted
    keeps: chain ids of layers that others need (the build cache); these and all below stay
    """

    def __init__(
        self,
        drivers: ImageDrivers,
        events: Events,
        *,
        now_ns: Callable[[], int],
        platform: Platform,
        uses: Callable[[], Iterable[ImageUse]] = tuple,
        keeps: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Repair what a crash left; called once at start."""
        raise NotImplementedError

    def resolve(self, reference: str) -> Image:
        """The image of this name, digest, id or beginning of an id. Raises: NotFound, InvalidArgument"""
        raise NotImplementedError

    async def pull(
        self, reference: str, *, platform: str = "", auth: RegistryAuth | None = None, report: Report = ignore
    ) -> Image:
        """The image from its registry. Raises: NotFound …; DriverError"""
        raise NotImplementedError

    async def commit_layer(self, key: str, parent: str) -> Layer:
        """The layer that the active snapshot `key` (on the chain id `parent`) becomes; the snapshot is gone.

        The layer stays until the next garbage collection unless an image or `keeps` names it, or the caller holds it.
        """
        raise NotImplementedError

    def layer(self, chain_id: str) -> Layer | None:
        """The layer of this chain id, None when it is not here."""
        raise NotImplementedError

    def hold(self, *names: str) -> "AsyncIterator[None]":
        """`with images.hold(chain_id):` the garbage collection leaves these chain ids and blobs alone."""
        raise NotImplementedError

    async def add(self, new: NewImage, *, tags: Sequence[str] = ()) -> Image:
        """The image made of this, named `tags` ("name[:tag]") at once: one commit."""
        raise NotImplementedError

    async def commit(
        self,
        key: str,
        base: Image | None,
        new_config: ImageConfig,
        *,
        item: HistoryItem,
        container: str = "",
        tag: str = "",
    ) -> Image:
        """A new image of `base` and the changes in the active snapshot `key`, which stays as it is (docker commit)."""
        raise NotImplementedError

    async def tag(self, source: str, target: str) -> Image:
        """Give `source` the name `target` as well; another image that had it loses it."""
        raise NotImplementedError
