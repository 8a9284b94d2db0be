import asyncio

from shoal.engine.events import HISTORY, QUEUE, Events


def make() -> Events:
    ticks = iter(range(10**9))
    return Events(lambda: next(ticks))


async def test_a_subscriber_gets_what_is_published_between_the_call_and_its_first_read() -> None:
    events = make()
    with events.subscribe() as coming:
        events.publish("container", "start", "c1", {"name": "web"})
        event = await anext(coming)
    assert (event.type, event.action, event.actor, event.attributes) == ("container", "start", "c1", {"name": "web"})


async def test_close_ends_every_subscriber() -> None:
    events = make()
    with events.subscribe() as coming:
        task = asyncio.ensure_future(_all(coming))
        events.publish("volume", "create", "v")
        events.close()
        assert [e.actor for e in await task] == ["v"]


async def test_a_subscriber_that_never_reads_is_dropped_and_the_others_go_on() -> None:
    events = make()
    with events.subscribe() as slow, events.subscribe() as quick:
        for number in range(QUEUE + 1):
            events.publish("x", "y", str(number))
            await anext(quick)
        assert events.listeners == 1
        assert len([e async for e in slow]) == QUEUE - 1


def test_history_keeps_the_newest() -> None:
    events = make()
    for number in range(HISTORY + 5):
        events.publish("x", "y", str(number))
    history = events.history()
    assert len(history) == HISTORY
    assert history[-1].actor == str(HISTORY + 4)


async def _all(coming):  # type: ignore[no-untyped-def]
    return [event async for event in coming]
