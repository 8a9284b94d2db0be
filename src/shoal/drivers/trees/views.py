"""Views of containers' files by bind mounts. Source: contracts.trees."""

import asyncio
import os
import secrets
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from shoal.contracts.trees import ShownMount
from shoal.drivers import mount as sys
from shoal.drivers.layers.pipe import Pipe
from shoal.drivers.layers.streams import Stopped, gathered
from shoal.drivers.threads import in_thread
from shoal.drivers.trees.inside import open_inside, open_or_make, path_error, stat_inside
from shoal.drivers.trees.reading import tar_of
from shoal.drivers.trees.writing import untar
from shoal.errors import DriverError
from shoal.model.path_stat import PathStat

_THREADS = 8
_READ_AHEAD = 8
_JOINED_BYTES = 1 << 17


class BindTrees:
    """Implements contracts.trees.Trees."""

    def __init__(self, folder: Path) -> None:
        """folder: where views are mounted"""
        self._folder = folder
        # of its own: a client that reads slowly holds its thread
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="tree")

    @asynccontextmanager
    async def view(self, root: Path, mounts: Sequence[ShownMount] = ()) -> AsyncIterator[Path]:
        """The view of `root` with `mounts` shown in it."""
        view = self._folder / secrets.token_hex(8)
        try:
            await in_thread(_make_view, view, root, mounts)
            yield view
        finally:
            await in_thread(_remove_view, view)

    @asynccontextmanager
    async def pin(self, root: Path, path: str) -> AsyncIterator[Path]:
        """Where to find what is now at `path` below `root`."""
        pin = self._folder / secrets.token_hex(8)
        try:
            await in_thread(_make_pin, pin, root, path)
            yield pin
        finally:
            await in_thread(_remove_view, pin)

    async def stat(self, view: Path, path: str) -> PathStat:
        """What is at `path`."""
        return await asyncio.to_thread(_stat, view, path)

    async def read(self, view: Path, path: str, *, bare: bool = False) -> AsyncIterator[bytes]:
        """A tar of what is at `path`."""
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        room, stop = threading.Semaphore(_READ_AHEAD), threading.Event()

        def produce() -> None:
            end: BaseException | None = None
            try:
                with _opened(view) as fd:
                    for chunk in gathered(tar_of(fd, path, bare=bare), _JOINED_BYTES):
                        room.acquire()
                        if stop.is_set():
                            return
                        loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            except OSError as error:
                end = path_error(error, path)
            except BaseException as error:  # noqa: BLE001 - raised again by the reader
                end = error
            loop.call_soon_threadsafe(chunks.put_nowait, end)

        producing = loop.run_in_executor(self._pool, produce)
        try:
            while (chunk := await chunks.get()) is not None:
                if isinstance(chunk, BaseException):
                    raise chunk
                room.release()
                yield chunk
        finally:
            stop.set()
            room.release()
            await asyncio.shield(producing)

    async def write(
        self,
        view: Path,
        path: str,
        chunks: AsyncIterable[bytes],
        *,
        owner: tuple[int, int] | None = None,
        keep_kinds: bool = False,
    ) -> None:
        """Put a tar into the directory `path`."""
        pipe = Pipe()
        feeding = asyncio.create_task(pipe.feed(chunks))
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._pool, _untar, view, path, pipe, owner, keep_kinds)
        except Stopped:
            pass  # the feeder tells why
        except BaseException:
            feeding.cancel()
            raise
        finally:
            with suppress(asyncio.CancelledError):
                await feeding

    async def clean(self) -> None:
        """Take away the views that are left."""
        if self._folder.is_dir():
            for view in list(self._folder.iterdir()):
                await asyncio.to_thread(_remove_view, view)


def _make_view(view: Path, root: Path, mounts: Sequence[ShownMount]) -> None:
    view.mkdir(parents=True, mode=0o700)
    sys.mount(str(root), str(view), flags=sys.MS_BIND)
    sys.mount("", str(view), flags=sys.MS_PRIVATE)
    with _opened(view) as fd:
        for shown in mounts:
            try:
                _show(fd, shown)
            except (OSError, DriverError):
                continue  # something else is in the way, or the source has gone: the container can't start either
            if shown.read_only:
                _make_read_only(fd, shown.destination)


def _show(root: int, shown: ShownMount) -> None:
    with _source(shown.source, shown.subpath) as source:
        target = open_or_make(root, shown.destination, is_folder=os.path.isdir(source))
        try:
            sys.mount(source, f"/proc/self/fd/{target}", flags=sys.MS_BIND | sys.MS_REC)
        finally:
            os.close(target)


@contextmanager
def _source(root: Path, path: str) -> Iterator[str]:
    """What to mount for `path` below `root`: a descriptor's path, which nobody can make another one."""
    if not path:
        yield str(root)
        return
    with _opened(root) as fd:
        found = open_inside(fd, path)
    try:
        yield f"/proc/self/fd/{found}"
    finally:
        os.close(found)


def _make_pin(pin: Path, root: Path, path: str) -> None:
    pin.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    try:
        with _source(root, path) as source:
            if os.path.isdir(source):
                pin.mkdir(mode=0o700)
            else:
                pin.touch(mode=0o600)
            sys.mount(source, str(pin), flags=sys.MS_BIND | sys.MS_REC)
            sys.mount("", str(pin), flags=sys.MS_PRIVATE)
    except OSError as error:
        raise path_error(error, path) from error


def _make_read_only(root: int, destination: str) -> None:
    target = open_inside(root, destination)
    try:
        sys.mount("", f"/proc/self/fd/{target}", flags=sys.MS_BIND | sys.MS_REMOUNT | sys.MS_RDONLY)
    finally:
        os.close(target)


def _remove_view(view: Path) -> None:
    while view.exists() and sys.unmount(str(view)):
        continue
    with suppress(FileNotFoundError):
        if view.is_dir():
            view.rmdir()
        else:
            view.unlink()


@contextmanager
def _opened(view: Path) -> Iterator[int]:
    fd = os.open(view, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _stat(view: Path, path: str) -> PathStat:
    try:
        with _opened(view) as fd:
            return stat_inside(fd, path)
    except OSError as error:
        raise path_error(error, path) from error


def _untar(view: Path, path: str, pipe: Pipe, owner: tuple[int, int] | None, keep_kinds: bool) -> None:
    try:
        with _opened(view) as fd:
            untar(fd, path, pipe, owner, keep_kinds)
    except OSError as error:
        raise path_error(error, path) from error
    finally:
        pipe.close()
