"""Small texts of services and tasks: durations, log lines, names, orders."""

from typing import Any

import pytest

from shoal.cli.flags import Options
from shoal.cli.listing import natural_key
from shoal.cli.node.ls import manager_advice
from shoal.cli.service.logs import LOGS, Names, formatted_line, parse_details
from shoal.cli.service.pretty import go_duration
from shoal.cli.service.tasks import name_tasks

CONTEXT = "com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=o6wn2h884egfivvkzdfch8o4b"


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (250, "250ns"),
        (1_500, "1.5µs"),
        (250_000_000, "250ms"),
        (1_500_000_000, "1.5s"),
        (90 * 10**9, "1m30s"),
        (3600 * 10**9, "1h0m0s"),
        (90 * 86400 * 10**9, "2160h0m0s"),
    ],
)
def test_durations_are_go_s(nanoseconds: int, text: str) -> None:
    assert go_duration(nanoseconds) == text


class _Asked(Names):
    """Names of a cluster that has one of each."""

    def _make(self, node_id: str, service_id: str, task_id: str) -> str:
        return f"web.1.{task_id[:12]}@pop-os"


@pytest.fixture
def names() -> Names:
    api: Any = None
    context: Any = type("Context", (), {"api": api})
    return _Asked(context, Options(LOGS.flags), 1)


def test_a_log_line_stands_behind_its_task(names: Names) -> None:
    line = f"{CONTEXT} it listens\n"
    assert (
        formatted_line(line, names, has_time=False, has_details=False) == "web.1.o6wn2h884egf@pop-os    | it listens\n"
    )


def test_a_time_stays_in_front_and_details_stand_with_the_text(names: Names) -> None:
    line = f"2026-11-22T09:47:42Z {CONTEXT},tag=a%20b it listens\n"
    shown = formatted_line(line, names, has_time=True, has_details=True)
    assert shown == "2026-11-22T09:47:42Z web.1.o6wn2h884egf@pop-os    | tag=a b it listens\n"


@pytest.mark.parametrize("line", ["\n", "no details at all\n", "a=b without a task\n"])
def test_a_line_without_its_task_is_shown_as_it_is(names: Names, line: str) -> None:
    assert formatted_line(line, names, has_time=False, has_details=False) == line


def test_details_are_quoted_like_queries() -> None:
    assert parse_details("a%3D=b+c,d=") == {"a=": "b c", "d": ""}
    with pytest.raises(ValueError, match="invalid details"):
        parse_details("nothing")


def test_numbers_in_names_are_numbers() -> None:
    assert sorted(["web.10", "web.9", "api.2", "web"], key=natural_key) == ["api.2", "web", "web.9", "web.10"]


def test_earlier_tasks_follow_the_newest_of_their_slot() -> None:
    def task(identity: str, slot: int, created: str) -> dict[str, Any]:
        return {"ID": identity, "ServiceID": "s", "Slot": slot, "NodeID": "n", "CreatedAt": created}

    tasks = [
        task("a", 2, "2026-01-01"),
        task("b", 1, "2026-01-01"),
        task("c", 1, "2026-01-02"),
        task("b", 1, "2026-01-01"),
    ]
    rows = name_tasks(tasks, {"s": "web"}, {"n": "host"})
    assert [(row["ID"], row["Name"], row["Node"], row["IsEarlier"]) for row in rows] == [
        ("c", "web.1", "host", False),
        ("b", "web.1", "host", True),
        ("a", "web.2", "host", False),
    ]


@pytest.mark.parametrize(("managers", "is_told"), [(0, False), (1, False), (2, True), (3, False), (4, True)])
def test_an_even_number_of_managers_is_told(managers: int, is_told: bool) -> None:
    nodes = [{"Spec": {"Role": "manager"}}] * managers + [{"Spec": {"Role": "worker"}}]
    assert bool(manager_advice(nodes)) is is_told
    assert manager_advice([{"Spec": {"Role": "manager"}}] * 2).startswith(
        "hint: 2 managers survive the loss of 0, as 1 do"
    )
