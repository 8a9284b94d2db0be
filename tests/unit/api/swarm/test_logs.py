"""The logs of a service as one stream."""

from collections.abc import AsyncIterator

import pytest

from shoal.errors import DriverError, NotFound
from shoal.wire.frames import STDOUT, frame, split_frames
from tests.support.managers import open_manager
from tests.support.swarm_api import Logs, SwarmApi
from tests.unit.api.swarm.test_routes import SERVICE, running


def line(second: int, text: str) -> bytes:
    return frame(STDOUT, f"2024-01-01T00:00:{second:02}Z {text}\n".encode())


@pytest.fixture
async def api() -> AsyncIterator[SwarmApi]:
    async with open_manager() as manager:
        yield SwarmApi(manager)


async def logged(api: SwarmApi, logs: Logs, **changes: object) -> None:
    service = await api.made("/services/create", SERVICE)
    api.manager.services.task_logs = logs
    await api.manager.ledger.write([running(service, name, **changes) for name in logs.chunks])


def texts(stream: bytes) -> list[str]:
    frames, rest = split_frames(stream)
    assert rest == b""
    return [part[8:].decode().rstrip("\n") for part in frames]


async def test_lines_of_all_tasks_in_order_of_time(api: SwarmApi) -> None:
    first = line(1, "a") + line(4, "d")
    await logged(api, Logs({"t1": [first[:20], first[20:]], "t2": [line(2, "b"), line(3, "c")], "t3": []}))
    status, stream = await api.call("GET", "/services/web/logs?stdout=1")
    assert (status, texts(stream)) == (200, ["a", "b", "c", "d"])


async def test_what_is_asked_of_the_nodes(api: SwarmApi) -> None:
    logs = Logs({"t1": []})
    await logged(api, logs)
    await api.call("GET", "/services/web/logs?stdout=1&tail=3&since=5&details=1")
    assert logs.asked["t1"] == {"stdout": "1", "tail": "3", "since": "5", "timestamps": "1"}


async def test_a_line_tells_its_task_when_asked(api: SwarmApi) -> None:
    await logged(api, Logs({"t1": [line(1, "a")]}))
    _, stream = await api.call("GET", "/tasks/t1/logs?stdout=1&details=1&timestamps=1")
    time, details, text = texts(stream)[0].split(" ")
    assert (time, text) == ("2024-01-01T00:00:01Z", "a")
    assert dict(item.split("=") for item in details.split(","))["com.docker.swarm.task.id"] == "t1"


async def test_what_could_not_be_read_is_told_at_the_end(api: SwarmApi) -> None:
    gone = NotFound("No such container: c-t2")
    await logged(api, Logs({"t1": [line(1, "a")], "t2": [gone], "t3": [line(2, "b"), DriverError("node w is down")]}))
    _, stream = await api.call("GET", "/services/web/logs?stdout=1")
    lines = texts(stream)
    assert lines[:2] == ["a", "b"] and len(lines) == 3
    assert "task t3: node w is down" in lines[2] and "t2" not in lines[2]


async def test_a_task_s_log_is_followed_to_its_end(api: SwarmApi) -> None:
    await logged(api, Logs({"t1": [line(1, "a"), line(2, "b")]}))
    _, stream = await api.call("GET", "/tasks/t1/logs?stdout=1&follow=1")
    assert texts(stream) == ["a", "b"]


async def test_a_stream_must_be_chosen(api: SwarmApi) -> None:
    await logged(api, Logs({}))
    message = "Bad parameters: you must choose at least one stream"
    assert await api.call("GET", "/services/web/logs") == (400, {"message": message})
    assert (await api.call("GET", "/services/none/logs?stdout=1"))[0] == 404
