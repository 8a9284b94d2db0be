import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shoal.contracts.store import Record
from shoal.engine.containers.book import Book
from shoal.engine.containers.names import check_name
from shoal.errors import Conflict, InvalidArgument, NotFound
from shoal.lifecycle.made_names import make_name
from shoal.model.container import Container, UnderWay
from tests.support.containers import container_of
from tests.support.memory_store import MemoryStore


class SlowStore(MemoryStore):
    """Readers see a commit only when it is durable, as the contract says."""

    async def commit(self, *puts: Record, deletes: Sequence[tuple[type[Record], str]] = ()) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        await super().commit(*puts, deletes=deletes)


async def book_of(*containers: Container, store: MemoryStore | None = None) -> Book:
    book = Book(store or MemoryStore())
    for c in containers:
        with book.reserve(c.name, c.id):
            await book.add(c)
    return book


A = container_of(id="a1" * 32, name="one")
B = container_of(id="a2" * 32, name="two")


async def test_references() -> None:
    book = await book_of(A, B)
    assert book.resolve("one") == book.resolve("/one") == book.resolve(A.id) == book.resolve("a1a") == A
    with pytest.raises(InvalidArgument, match="Multiple IDs found with provided prefix: a"):
        book.resolve("a")
    with pytest.raises(NotFound, match="No such container: three"):
        book.resolve("three")
    with pytest.raises(NotFound):
        book.resolve("")


async def test_a_name_wins_over_a_beginning_of_an_id() -> None:
    book = await book_of(A, container_of(id="b" * 64, name="a1a1"))
    assert book.resolve("a1a1").id == "b" * 64


async def test_taken_names_in_dockers_words() -> None:
    book = await book_of(A)
    words = (
        f'Conflict. The container name "/one" is already in use by container "{A.id}". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )
    with pytest.raises(Conflict) as caught, book.reserve("one", B.id):
        pass
    assert caught.value.message == words


async def test_a_name_is_given_back_when_creating_fails() -> None:
    book = await book_of()
    with pytest.raises(RuntimeError), book.reserve("x", A.id):
        raise RuntimeError
    assert book.is_free("x")


async def test_renaming_frees_the_old_name() -> None:
    book = await book_of(A)
    with book.reserve("new", A.id):
        await book.save(A, name="new")
    assert book.resolve("new").id == A.id and book.is_free("one")


async def test_changes_go_into_what_is_written_now() -> None:
    book = await book_of(A)
    await book.save(A, pid=7)
    assert (await book.save(A, exit_code=3)).pid == 7


async def test_changes_at_the_same_time_are_all_kept() -> None:
    book = await book_of(A, store=SlowStore())
    await asyncio.gather(
        book.save(A, pid=7),
        book.save(A, exit_code=3),
        book.edit(A.id, lambda now: replace(now, restart_count=now.restart_count + 1)),
        book.edit(A.id, lambda now: replace(now, restart_count=now.restart_count + 1)),
    )
    now = book.get(A.id)
    assert (now.pid, now.exit_code, now.restart_count) == (7, 3, 2)


async def test_a_caller_that_is_cancelled_loses_nothing_of_others() -> None:
    book = await book_of(A, store=SlowStore())
    first = asyncio.create_task(book.save(A, pid=7))
    await asyncio.sleep(0)
    first.cancel()
    await book.save(A, exit_code=3)
    assert (book.get(A.id).pid, book.get(A.id).exit_code) == (7, 3)


async def test_what_is_gone_does_not_come_back() -> None:
    book = await book_of(A, store=SlowStore())
    results = await asyncio.gather(book.erase(A), book.save(A, pid=7), return_exceptions=True)
    assert isinstance(results[1], NotFound)
    assert book.find(A.id) is None and book.is_free(A.name)


async def test_one_lock_for_all_who_wait_and_none_for_nobody() -> None:
    book = await book_of(A)
    async with book.lock(A.id):
        await book.erase(A)
        assert book.lock(A.id).locked()
    assert not book._locks


async def test_whoever_waits_is_woken() -> None:
    book = await book_of(A)
    waiting = asyncio.create_task(book.wait_until(A.id, lambda c: c is not None and c.pid == 9))
    gone = asyncio.create_task(book.wait_gone(A))
    await asyncio.sleep(0)
    await book.save(A, pid=8)
    await asyncio.sleep(0)
    assert not waiting.done()
    await book.save(A, pid=9, exit_code=4)
    assert (await waiting).pid == 9  # type: ignore[union-attr]
    await book.erase(book.get(A.id))
    assert (await gone).exit_code == 4


@pytest.mark.parametrize("name", ["x", "-a", "a b", "a/b", "ä1", "/", ""])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"Invalid container name \(.*\), only \[a-zA-Z0-9\]"):
        check_name(name)


def test_made_names_are_valid_and_free() -> None:
    numbers = iter(range(10_000))
    taken: set[str] = set()
    for _ in range(50):
        name = make_name(lambda below: next(numbers) % below, lambda n: n not in taken)
        assert check_name(name) == name and name not in taken
        taken.add(name)


async def test_a_verb_is_under_way_until_its_end() -> None:
    book = await book_of(A)
    async with book.under_way(A.id, UnderWay.STOP, manually_stopped=True) as container:
        assert container.manually_stopped and book.get(A.id).under_way is UnderWay.STOP
    assert book.get(A.id).under_way is UnderWay.NOTHING
    with pytest.raises(Conflict):
        async with book.under_way(A.id, UnderWay.UPDATE):
            raise Conflict("refused")
    assert book.get(A.id).under_way is UnderWay.NOTHING


async def test_a_part_of_a_verb_says_nothing_of_its_own() -> None:
    book = await book_of(A)
    async with book.under_way(A.id, UnderWay.RESTART):
        async with book.under_way(A.id, UnderWay.STOP, manually_stopped=True):
            assert book.get(A.id).under_way is UnderWay.RESTART
        assert book.get(A.id).under_way is UnderWay.RESTART and book.get(A.id).manually_stopped


async def test_the_end_of_a_verb_is_not_the_end_of_the_next() -> None:
    book = await book_of(A)
    async with book.under_way(A.id, UnderWay.STOP) as stopping:
        await book.save(stopping, under_way=UnderWay.NOTHING)  # it has ended
        await book.save(stopping, under_way=UnderWay.RESTART)  # and somebody wants it again
    assert book.get(A.id).under_way is UnderWay.RESTART


async def test_a_verb_that_ends_with_its_container() -> None:
    book = await book_of(A)
    async with book.under_way(A.id, UnderWay.REMOVE):
        await book.erase(A)
    assert book.find(A.id) is None
