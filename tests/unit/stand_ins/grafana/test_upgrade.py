"""Dashboards of old schemas in the new form."""

import copy

import pytest

from tests.unit.stand_ins.grafana import support  # noqa: F401

from panelist.upgrade import upgrade_dashboard  # isort: skip
from panelist.upgrade.mappings import steps_of, upgrade_mappings  # isort: skip

SOURCES = [
    {"uid": "u-prom", "name": "Prometheus", "type": "prometheus", "isDefault": False},
    {"uid": "u-other", "name": "Other", "type": "loki", "isDefault": True},
]


def upgraded(panel, **dashboard):
    (result,) = upgrade_dashboard({"panels": [panel], **dashboard}, SOURCES)["panels"]
    return result


def test_rows_of_twelve_columns_become_a_grid_of_twenty_four():
    rows = [
        {"title": "one", "height": "190px", "panels": [{"span": 4, "type": "text"}, {"span": 8, "type": "text"}]},
        {"title": "two", "height": 100, "panels": [{"span": 8, "type": "text"}, {"span": 8, "type": "text"}]},
    ]
    panels = upgrade_dashboard({"rows": rows}, SOURCES)["panels"]
    places = [(p["gridPos"]["x"], p["gridPos"]["y"], p["gridPos"]["w"], p["gridPos"]["h"]) for p in panels]
    assert places == [(0, 0, 8, 5), (8, 0, 16, 5), (0, 5, 16, 3), (0, 8, 16, 3)]
    assert sorted(p["id"] for p in panels) == [1, 2, 3, 4]


def test_a_closed_row_keeps_its_panels_and_makes_all_rows_shown():
    rows = [
        {"title": "open", "panels": [{"type": "text", "span": 12}]},
        {"title": "closed", "collapse": True, "panels": [{"type": "singlestat", "span": 12, "id": 7}]},
    ]
    first, inner, second = upgrade_dashboard({"rows": rows}, SOURCES)["panels"]
    assert (first["type"], first["title"], first["collapsed"]) == ("row", "open", False)
    assert inner["gridPos"]["y"] == 1
    assert (second["collapsed"], [(p["id"], p["type"]) for p in second["panels"]]) == (True, [(7, "stat")])


def test_a_singlestat_becomes_a_stat():
    panel = upgraded(
        {
            "type": "singlestat",
            "format": "s",
            "decimals": 1,
            "valueName": "current",
            "colorBackground": True,
            "thresholds": "70,90",
            "colors": ["red", "yellow", "green"],
            "sparkline": {"show": True},
            "valueMaps": [{"op": "=", "value": "1", "text": "UP"}, {"op": "=", "value": "null", "text": "N/A"}],
            "mappingType": 1,
            "nullText": "-",
            "prefix": "~",
            "targets": [{"expr": "up"}],
        }
    )
    defaults, options = panel["fieldConfig"]["defaults"], panel["options"]
    assert panel["type"] == "stat"
    assert (defaults["unit"], defaults["decimals"], defaults["noValue"]) == ("s", 1, "-")
    assert [(s["value"], s["color"]) for s in defaults["thresholds"]["steps"]] == [
        (None, "red"),
        (70.0, "yellow"),
        (90.0, "green"),
    ]
    assert defaults["mappings"] == [
        {"type": "value", "options": {"1": {"text": "UP"}}},
        {"type": "special", "options": {"match": "null", "result": {"text": "N/A"}}},
    ]
    assert (options["colorMode"], options["graphMode"], options["prefix"]) == ("background", "area", "~")
    assert options["reduceOptions"]["calcs"] == ["lastNotNull"]
    assert panel["targets"][0]["refId"] == "A"


def test_a_singlestat_with_a_gauge_becomes_a_gauge():
    gauge = {"show": True, "minValue": 10, "maxValue": 50, "thresholdMarkers": False}
    panel = upgraded({"type": "singlestat", "gauge": gauge, "thresholds": "", "valueName": "avg"})
    defaults = panel["fieldConfig"]["defaults"]
    assert (panel["type"], defaults["min"], defaults["max"]) == ("gauge", 10, 50)
    assert panel["options"]["showThresholdMarkers"] is False
    assert panel["options"]["reduceOptions"]["calcs"] == ["mean"]


def test_a_graph_becomes_a_timeseries():
    panel = upgraded(
        {
            "type": "graph",
            "fill": 3,
            "linewidth": 2,
            "stack": True,
            "percentage": False,
            "steppedLine": True,
            "nullPointMode": "connected",
            "yaxes": [
                {"format": "bytes", "min": "0", "label": "used", "logBase": 10},
                {"format": "percent", "max": 100},
            ],
            "legend": {"show": True, "alignAsTable": True, "rightSide": True, "values": True, "avg": True, "max": True},
            "tooltip": {"shared": True, "sort": 2},
            "aliasColors": {"a": "#ff0000"},
            "seriesOverrides": [{"alias": "/^x/", "yaxis": 2, "fill": 0}, {"alias": "b", "transform": "negative-Y"}],
            "thresholds": [{"value": 5, "op": "gt", "colorMode": "critical", "line": True, "fill": False}],
        }
    )
    defaults, custom = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["defaults"]["custom"]
    assert panel["type"] == "timeseries"
    assert (defaults["unit"], defaults["min"], custom["axisLabel"]) == ("bytes", 0.0, "used")
    assert (custom["fillOpacity"], custom["lineWidth"], custom["stacking"]["mode"]) == (30, 2, "normal")
    assert (custom["lineInterpolation"], custom["spanNulls"]) == ("stepAfter", True)
    assert custom["scaleDistribution"] == {"type": "log", "log": 10}
    assert panel["options"]["legend"]["calcs"] == ["max", "mean"]
    assert (panel["options"]["legend"]["displayMode"], panel["options"]["legend"]["placement"]) == ("table", "right")
    assert panel["options"]["tooltip"] == {"mode": "multi", "sort": "desc"}
    assert custom["thresholdsStyle"] == {"mode": "line"}
    assert [s["color"] for s in defaults["thresholds"]["steps"]] == ["transparent", "red"]
    by_name = {
        o["matcher"]["options"]: {p["id"]: p["value"] for p in o["properties"]}
        for o in panel["fieldConfig"]["overrides"]
    }
    assert by_name["a"]["color"] == {"mode": "fixed", "fixedColor": "#ff0000"}
    assert by_name["/^x/"] == {
        "custom.fillOpacity": 0,
        "custom.axisPlacement": "right",
        "min": None,
        "max": 100.0,
        "unit": "percent",
    }
    assert by_name["b"] == {"custom.transform": "negative-Y"}


def test_of_an_old_tables_styles_the_first_that_fits_counts():
    styles = [
        {
            "pattern": "Value",
            "type": "number",
            "unit": "bytes",
            "alias": "Memory",
            "colorMode": "cell",
            "thresholds": ["1", "2"],
        },
        {"pattern": "/.*/", "type": "string", "alias": ""},
        {"pattern": "Time", "type": "hidden"},
    ]
    panel = upgraded({"type": "table", "styles": styles, "transform": "table", "sort": {"col": 2, "desc": True}})
    overrides = panel["fieldConfig"]["overrides"]
    assert [o["matcher"]["options"] for o in overrides] == ["Time", "/.*/", "Value"]
    assert [o["matcher"]["id"] for o in overrides] == ["byName", "byRegexp", "byName"]
    value = {p["id"]: p["value"] for p in overrides[-1]["properties"]}
    assert (value["displayName"], value["unit"]) == ("Memory", "bytes")
    assert value["custom.cellOptions"] == {"type": "color-background"}
    assert panel["transformations"][0]["id"] == "merge"
    assert panel["options"]["sortIndex"] == {"column": 2, "desc": True}


@pytest.mark.parametrize(
    ("transform", "wanted"),
    [
        ("timeseries_to_rows", "seriesToRows"),
        ("timeseries_to_columns", "joinByField"),
        ("timeseries_aggregations", "reduce"),
    ],
)
def test_transforms_of_old_tables(transform, wanted):
    panel = upgraded({"type": "table", "transform": transform, "columns": [{"text": "Avg", "value": "avg"}]})
    assert panel["transformations"][0]["id"] == wanted
    assert panel["transformations"][0]["options"].get("reducers", ["mean"]) == ["mean"]


def test_a_new_table_stays_as_it_is():
    panel = upgraded({"type": "table", "options": {"showHeader": False}, "transformations": [{"id": "merge"}]})
    assert (panel["options"], panel["transformations"]) == ({"showHeader": False}, [{"id": "merge"}])


@pytest.mark.parametrize(
    ("named", "uid"),
    [
        ("Prometheus", "u-prom"),
        ({"uid": "u-prom"}, "u-prom"),
        ({"type": "prometheus"}, "u-prom"),
        (None, "u-other"),
        ("default", "u-other"),
        ("$source", "$source"),
        ({"type": "prometheus", "uid": "${source}"}, "${source}"),
        ({"type": "prometheus", "uid": "${DS_PROMETHEUS}"}, "u-prom"),
        ("Gone", "Gone"),
    ],
)
def test_data_sources_are_found_however_they_are_named(named, uid):
    variables = {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]}
    assert upgraded({"type": "stat", "datasource": named}, templating=variables)["datasource"]["uid"] == uid


def test_targets_of_a_mixed_panel_keep_their_own_data_sources():
    targets = [{"refId": "A", "datasource": "Prometheus"}, {"refId": "B"}]
    panel = upgraded({"type": "stat", "datasource": "Prometheus", "targets": targets})
    assert [target["datasource"]["uid"] for target in panel["targets"]] == ["u-prom", "u-prom"]


def test_variables_have_their_query_as_a_text():
    variables = [
        {"name": "a", "type": "query", "query": {"query": "label_values(up, job)", "refId": "x"}, "datasource": None},
        {"name": "b", "type": "interval", "query": "1m,5m"},
    ]
    found = upgrade_dashboard({"templating": {"list": variables}}, SOURCES)["templating"]["list"]
    assert (found[0]["query"], found[0]["datasource"]["uid"]) == ("label_values(up, job)", "u-other")
    assert (found[1]["query"], found[1]["current"]) == ("1m,5m", {})


def test_the_field_options_of_grafana_6():
    options = {
        "fieldOptions": {
            "calcs": ["last"],
            "defaults": {
                "unit": "percent",
                "thresholds": [{"value": None, "color": "blue"}, {"value": 9, "color": "red"}],
            },
            "mappings": [{"type": 2, "from": "1", "to": "2", "text": "low"}],
        }
    }
    panel = upgraded({"type": "bargauge", "options": options})
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]
    assert defaults["unit"] == "percent"
    assert defaults["thresholds"]["steps"] == [{"value": None, "color": "blue"}, {"value": 9, "color": "red"}]
    assert defaults["mappings"][0]["options"] == {"from": 1.0, "to": 2.0, "result": {"text": "low"}}


def test_thresholds_without_colours_get_the_usual_ones():
    assert [step["value"] for step in steps_of("10, x,20", [])["steps"]] == [None, 10.0, 20.0]
    assert len({step["color"] for step in steps_of("10,20", [])["steps"]}) == 3


def test_new_mappings_stay_and_old_numbered_ones_are_named():
    new = {"type": "regex", "options": {"pattern": "x"}}
    assert upgrade_mappings([new, {"type": 1, "value": "3", "text": "three"}]) == [
        new,
        {"type": "value", "options": {"3": {"text": "three"}}},
    ]


def test_what_is_given_is_not_changed():
    dashboard = {"panels": [{"type": "graph", "targets": [{"expr": "up"}]}], "templating": {"list": [{"name": "a"}]}}
    before = copy.deepcopy(dashboard)
    upgrade_dashboard(dashboard, SOURCES)
    assert dashboard == before
