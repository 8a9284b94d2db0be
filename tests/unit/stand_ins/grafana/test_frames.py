"""Answers of Prometheus as data frames."""

import pytest

from tests.unit.stand_ins.grafana import support  # noqa: F401

from panelist.frames import Asked, frames_of, series_name  # isort: skip

ASKED = Asked(ref_id="A", expression="up", step_ms=15_000)


def test_a_matrix_is_a_frame_a_series():
    metric = {"__name__": "up", "job": "node", "instance": "a:1"}
    data = {"resultType": "matrix", "result": [{"metric": metric, "values": [[10, "1"], [25.5, "0.5"]]}]}
    (frame,) = frames_of(data, ASKED)
    assert frame["data"]["values"] == [[10_000, 25_500], [1, 0.5]]
    time, value = frame["schema"]["fields"]
    assert (time["type"], time["config"]) == ("time", {"interval": 15_000})
    assert (value["type"], value["labels"]) == ("number", metric)
    assert value["config"] == {"displayNameFromDS": 'up{instance="a:1", job="node"}'}
    assert frame["schema"]["refId"] == "A"
    assert frame["schema"]["meta"]["type"] == "timeseries-multi"
    assert frame["schema"]["meta"]["executedQueryString"] == "Expr: up\nStep: 15s"


def test_numbers_that_json_has_not_are_told_beside_the_values():
    texts = ["NaN", "1", "+Inf", "-Inf", "NaN"]
    data = {"resultType": "matrix", "result": [{"metric": {}, "values": [[n, t] for n, t in enumerate(texts)]}]}
    (frame,) = frames_of(data, ASKED)
    assert frame["data"]["values"][1] == [None, 1, None, None, None]
    assert frame["data"]["entities"] == [None, {"NaN": [0, 4], "Inf": [2], "NegInf": [3]}]


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1, "2"]}]}, [[1_000], [2]]),
        ({"resultType": "scalar", "result": [1.5, "3"]}, [[1_500], [3]]),
        ({"resultType": "string", "result": [1, "hello"]}, [[1_000], ["hello"]]),
    ],
)
def test_what_an_instant_gives(data, values):
    (frame,) = frames_of(data, ASKED)
    assert frame["data"]["values"] == values


def test_nothing_found_is_no_frame_and_an_unknown_kind_is_refused():
    assert frames_of({"resultType": "vector", "result": []}, ASKED) == []
    with pytest.raises(ValueError, match='unknown kind: "histogram"'):
        frames_of({"resultType": "histogram"}, ASKED)


@pytest.mark.parametrize(
    ("legend", "labels", "name"),
    [
        ("{{job}} on {{ instance }}", {"job": "node", "instance": "a"}, "node on a"),
        ("{{missing}}!", {"job": "node"}, "!"),
        ("all", {}, "all"),
        ("", {"__name__": "up"}, "up"),
        ("", {}, "up"),
        ("__auto", {"job": "node"}, ""),
        ("__auto", {}, "up"),
    ],
)
def test_names_of_series(legend, labels, name):
    assert series_name(labels, Asked(ref_id="A", expression="up", legend=legend)) == name
