import pytest

from shoal.errors import InvalidArgument
from shoal.model.event import Event
from shoal.wire.event import check_event_filters, encode_event, match_event

START = Event(
    type="container",
    action="start",
    actor="4f1c" * 16,
    attributes={"name": "web", "image": "redis:alpine", "com.docker.compose.project": "counter"},
    at=1732270000123456789,
)


def test_a_container_event_has_the_fields_of_old_and_new_clients() -> None:
    assert encode_event(START) == {
        "status": "start",
        "id": "4f1c" * 16,
        "from": "redis:alpine",
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": "4f1c" * 16, "Attributes": dict(START.attributes)},
        "scope": "local",
        "time": 1732270000,
        "timeNano": 1732270000123456789,
    }


@pytest.mark.parametrize(
    "filters, passes",
    [
        ({}, True),
        ({"type": ["container"]}, True),
        ({"type": ["image"]}, False),
        ({"event": ["start", "die"]}, True),
        ({"event": ["die"]}, False),
        ({"container": ["web"]}, True),
        ({"container": ["4f1c4f"]}, True),
        ({"container": ["other"]}, False),
        ({"image": ["redis:alpine"]}, True),
        ({"network": ["bridge"]}, False),
        ({"label": ["com.docker.compose.project=counter"]}, True),
        ({"label": ["com.docker.compose.project"], "type": ["container"]}, True),
        ({"label": ["com.docker.compose.project=other"]}, False),
        ({"scope": ["swarm"]}, False),
    ],
)
def test_filters(filters: dict[str, list[str]], passes: bool) -> None:
    check_event_filters(filters)
    assert match_event(START, filters) is passes


def test_an_action_with_a_detail_is_found_by_its_first_word() -> None:
    event = Event(type="container", action="health_status: healthy", actor="c", at=1)
    assert match_event(event, {"event": ["health_status"]})
    assert match_event(event, {"event": ["health_status: healthy"]})
    assert not match_event(event, {"event": ["health"]})


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="invalid filter 'colour'"):
        check_event_filters({"colour": ["red"]})
