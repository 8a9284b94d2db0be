"""Decisions of Panelist's scripts, the stand-in for Grafana, asked in a real browser; no server runs."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

import shoal.stand_ins

STATIC = Path(shoal.stand_ins.__file__).parent / "grafana" / "panelist" / "static"
ORIGIN = "http://panelist.invalid"
KINDS = {".js": "text/javascript", ".html": "text/html", ".css": "text/css"}


@pytest.fixture
def scripts(page: Page) -> Page:
    """A page that can load the scripts; of what draws, nothing is needed."""

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(f"{ORIGIN}/public/")
        if path == "vendor/uplot.js":
            route.fulfill(body="export default {};", content_type=KINDS[".js"])
        elif path.startswith("js/"):
            route.fulfill(body=(STATIC / path).read_text(), content_type=KINDS[".js"])
        else:
            route.fulfill(body="<!doctype html>", content_type=KINDS[".html"])

    page.route(f"{ORIGIN}/**", serve)
    page.goto(f"{ORIGIN}/")
    return page


def ask(scripts: Page, module: str, expression: str, argument: Any = None) -> Any:
    """The value of a JavaScript expression over the module `m` and the argument `a`."""
    return scripts.evaluate(
        f"async (a) => {{ const m = await import('/public/js/{module}.js'); return {expression}; }}", argument
    )


UNITS = [
    (0, "bytes", None, "0 B"),
    (1536, "bytes", None, "1.50 KiB"),
    (2_500_000, "bps", None, "2.50 Mb/s"),
    (1500, "decbytes", 1, "1.5 kB"),
    (-1500, "Bps", None, "-1.50 kB/s"),
    (2048, "kbytes", None, "2 MiB"),
    (23.456, "percent", None, "23.5%"),
    (0.5, "percentunit", 1, "50.0%"),
    (12345, "short", None, "12.3 K"),
    (90, "s", None, "1.50 min"),
    (0.002, "s", None, "2 ms"),
    (3725, "dtdurations", None, "1 hour, 2 minutes"),
    (3725, "dthms", None, "01:02:05"),
    (12_500, "reqps", None, "12.5K req/s"),
    (0.004, "volt", None, "4 mV"),
    (3, "none", 2, "3.00"),
    (5, "suffix:items", None, "5 items"),
    (1, "bool_yes_no", None, "Yes"),
    (7, "unheard of", None, "7 unheard of"),
]


def test_units(scripts: Page) -> None:
    given = [list(each[:3]) for each in UNITS]
    shown = ask(scripts, "units", "a.map(([value, unit, decimals]) => m.formatValue(value, unit, decimals))", given)
    assert shown == [each[3] for each in UNITS]


def test_variables_in_queries_are_patterns_where_several_can_be_chosen(scripts: Page) -> None:
    variables = [
        {"name": "one", "current": {"value": 'a"b.c'}},
        {"name": "many", "multi": True, "current": {"value": ["a.b", "c"]}},
        {
            "name": "all",
            "includeAll": True,
            "current": {"value": "$__all"},
            "options": [{"value": "x"}, {"value": "y+"}],
        },
        {"name": "any", "includeAll": True, "allValue": ".*", "current": {"value": ["$__all"]}},
    ]
    text = "$one|${many}|[[all]]|$any|${many:csv}|${many:pipe}|$__interval|${__from:date:seconds}"
    found = ask(
        scripts,
        "variables",
        "m.interpolate(a.text, a.variables, 'query', {__from: 5000})",
        {"text": text, "variables": variables},
    )
    assert found == r"a\"b.c|(a\\.b|c)|(x|y\\+)|.*|a.b,c|a.b|c|$__interval|5"


@pytest.mark.parametrize(
    ("query", "path", "parameters"),
    [
        ("label_values(job)", "api/v1/label/job/values", {}),
        ('label_values(up{a="b,c"}, instance)', "api/v1/label/instance/values", {"match[]": 'up{a="b,c"}'}),
        ("label_names()", "api/v1/labels", {}),
        ("query_result(topk(2, up))", "api/v1/query", {"query": "topk(2, up)"}),
        ("metrics(^go_)", "api/v1/label/__name__/values", {}),
    ],
)
def test_what_query_variables_ask(scripts: Page, query: str, path: str, parameters: dict[str, str]) -> None:
    plan = ask(scripts, "variables", "m.planQuery(a, {from: 1000, to: 2000})", query)
    asked = {key: value for key, value in plan["parameters"].items() if key not in ("start", "end", "time")}
    assert (plan["path"], asked) == (path, parameters)


def test_mappings_and_thresholds(scripts: Page) -> None:
    mappings = [
        {"type": "value", "options": {"1": {"text": "one", "color": "red"}}},
        {"type": "range", "options": {"from": 5, "to": None, "result": {"text": "many"}}},
        {"type": "regex", "options": {"pattern": "/^v(.*)$/", "result": {"text": "version $1"}}},
        {"type": "special", "options": {"match": "null", "result": {"text": "none"}}},
    ]
    shown = ask(scripts, "fields", "[1, 7, 'v2', null, 3].map((v) => m.display({mappings: a}, v).text)", mappings)
    assert shown == ["one", "many", "version 2", "none", "3"]
    steps = {
        "thresholds": {
            "mode": "percentage",
            "steps": [{"value": None, "color": "#111111"}, {"value": 50, "color": "#222222"}],
        }
    }
    assert ask(scripts, "fields", "[4, 5].map((v) => m.thresholdColor(a, v, 0, 10))", steps) == ["#111111", "#222222"]


def test_ticks_have_as_few_decimals_as_tell_the_truth(scripts: Page) -> None:
    expression = "a.map(([splits, unit]) => m.tickTexts(splits, {unit, decimals: null}))"
    ticks = ask(
        scripts, "panels/timeseries", expression, [[[0, 0.25, 0.5], "none"], [[0, 10], "percent"], [[0, 1500], "Bps"]]
    )
    assert ticks == [["0.00", "0.25", "0.50"], ["0%", "10%"], ["0.0 B/s", "1.5 kB/s"]]


def frame(ref_id: str, **columns: list[Any]) -> dict[str, Any]:
    """A frame as the scripts have it. Columns of numbers are named with a capital."""
    kinds = {True: "number", False: "string"}
    fields = [
        {"name": name, "type": "time" if name == "Time" else kinds[name[0].isupper()], "labels": {}, "values": values}
        for name, values in columns.items()
    ]
    return {"refId": ref_id, "fields": fields}


def columns_of(frames: list[dict[str, Any]]) -> list[dict[str, list[Any]]]:
    return [{field["name"]: field["values"] for field in each["fields"]} for each in frames]


def test_tables_are_merged_by_what_both_have(scripts: Page) -> None:
    one = frame("A", Time=[1, 1], job=["a", "b"], Up=[1, 0])
    other = frame("B", Time=[1, 1], job=["b", "c"], Took=[5, 6])
    merged = ask(scripts, "transforms", "m.transform(a, [{id: 'merge'}])", [one, other])
    assert columns_of(merged["frames"]) == [
        {"Time": [1, 1, 1], "job": ["a", "b", "c"], "Up": [1, 0, None], "Took": [None, 5, 6]}
    ]


def test_columns_are_chosen_ordered_named_and_sorted(scripts: Page) -> None:
    steps = [
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": {"Up": "Alive"}}},
        {"id": "sortBy", "options": {"sort": [{"field": "Alive", "desc": True}]}},
        {"id": "limit", "options": {"limitField": 2}},
        {"id": "nobodyKnows", "options": {}},
    ]
    given = {"frames": [frame("A", Time=[1, 2, 3], job=["a", "b", "c"], Up=[1, None, 3])], "steps": steps}
    found = ask(scripts, "transforms", "m.transform(a.frames, a.steps)", given)
    assert columns_of(found["frames"]) == [{"job": ["c", "a"], "Alive": [3, 1]}]
    assert found["unknown"] == ["nobodyKnows"]


def test_series_are_reduced_to_rows_and_joined_by_time(scripts: Page) -> None:
    frames = [frame("A", Time=[1, 2], Load=[4, 8]), frame("B", Time=[2, 3], Heat=[5, None])]
    reduce = "m.transform(a, [{id: 'reduce', options: {reducers: ['max', 'mean']}}]).frames"
    assert columns_of(ask(scripts, "transforms", reduce, frames)) == [
        {"Field": ["Load", "Heat"], "Max": [8, 5], "Mean": [6, 5]}
    ]
    join = "m.transform(a, [{id: 'joinByField', options: {byField: 'Time', mode: 'outer'}}]).frames"
    assert columns_of(ask(scripts, "transforms", join, frames)) == [
        {"Time": [1, 2, 3], "Load": [4, 8, None], "Heat": [None, 5, None]}
    ]


REDUCED = {
    "lastNotNull": 4,
    "last": None,
    "firstNotNull": 2,
    "min": 2,
    "max": 9,
    "mean": 5,
    "sum": 15,
    "count": 3,
    "range": 7,
    "diff": 2,
    "delta": 11,
    "unheard": None,
}


def test_reducers(scripts: Page) -> None:
    given = {"values": [None, 2, 9, 4, None], "calcs": list(REDUCED)}
    found = ask(scripts, "reduce", "a.calcs.map((calc) => m.reduce(a.values, calc))", given)
    assert dict(zip(REDUCED, found, strict=True)) == REDUCED


def test_stacked_lines_stand_on_each_other_and_gaps_stay_gaps(scripts: Page) -> None:
    stacked = {"stacking": {"mode": "normal", "group": "A"}}
    lines = [
        {"key": "a", "custom": stacked, "times": [0, 10, 40], "values": [1, 2, 3], "interval": 10},
        {"key": "b", "custom": stacked, "times": [0, 10, 40], "values": [10, 20, 30], "interval": 10},
        {"key": "c", "custom": {}, "times": [0], "values": [7], "interval": 10},
    ]
    aligned = ask(scripts, "panels/series", "m.align(a, {from: 0, to: 40})", lines)
    assert aligned["times"] == [0, 10, 20, 40]
    assert aligned["columns"] == [[1, 2, None, 3], [10, 20, None, 30], [7, None, None, None]]
    given = {"lines": lines, "columns": aligned["columns"]}
    drawn = ask(scripts, "panels/series", "m.stack(a.lines, a.columns, new Set())", given)
    assert drawn == {"drawn": [[1, 2, None, 3], [11, 22, None, 33], [7, None, None, None]], "bands": [[1, 0]]}
    hidden = ask(scripts, "panels/series", "m.stack(a.lines, a.columns, new Set(['a']))", given)
    assert hidden["drawn"][1] == [10, 20, None, 30]


def test_rows_close_and_panels_are_repeated(scripts: Page) -> None:
    place = {"x": 0, "y": 0, "w": 24, "h": 4}
    panels = [
        {"id": 1, "type": "row", "title": "open", "collapsed": False},
        {"id": 2, "type": "stat", "repeat": "each", "gridPos": place},
        {"id": 3, "type": "row", "title": "closed", "collapsed": True, "panels": [{"id": 4, "gridPos": place}]},
        {"id": 5, "type": "row", "title": "last", "collapsed": False},
        {"id": 6, "type": "stat", "gridPos": {**place, "y": 90, "w": 6}},
    ]
    each = {"name": "each", "current": {"value": ["a", "b", "c"]}}
    layout = ask(scripts, "grid", "m.layOut(a.panels, [a.each], new Map())", {"panels": panels, "each": each})
    places = [(cell["panel"]["id"], cell["x"], cell["y"], cell["w"]) for cell in layout]
    assert places == [
        (1, 0, 0, 24),
        (2, 0, 1, 8),
        (2, 8, 1, 8),
        (2, 16, 1, 8),
        (3, 0, 5, 24),
        (5, 0, 6, 24),
        (6, 0, 7, 6),
    ]
    assert layout[2]["panel"]["scoped"][0]["current"] == {"text": "b", "value": "b"}
    opened = "m.layOut(a.panels, [a.each], new Map([['row-3', false]])).map((cell) => cell.panel.id)"
    assert ask(scripts, "grid", opened, {"panels": panels, "each": each}) == [1, 2, 2, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("raw", "span"),
    [
        ({"from": "now-1h", "to": "now"}, 3_600_000),
        ({"from": "now-1d/d", "to": "now-1d/d"}, 86_400_000 - 1),
        ({"from": "1700000000000", "to": "1700000060000"}, 60_000),
        ({"from": "now", "to": "now-1h"}, None),
        ({"from": "then", "to": "now"}, None),
    ],
)
def test_time_ranges(scripts: Page, raw: dict[str, str], span: int | None) -> None:
    expression = "(() => { const r = m.resolveRange(a, 1700000000000); return r && r.to - r.from; })()"
    assert ask(scripts, "times", expression, raw) == span


def test_texts_show_no_foreign_scripts(scripts: Page) -> None:
    text = (
        "**bold** <b onclick='x()'>b</b> [bad](javascript:x()) <script>x()</script>\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    expression = "m.markdown(a).map((each) => each.outerHTML ?? each.data).join('')"
    shown = ask(scripts, "panels/text", expression, text)
    assert "<strong>bold</strong>" in shown and "<td>2</td>" in shown
    assert not re.search(r"onclick|javascript:|script", shown), shown


# The house's limits hold for scripts too

SCRIPTS = sorted(STATIC.rglob("*.js"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_and_their_functions_are_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 500
    start = None
    for number, line in enumerate(lines):
        if re.match(r"(  )?(export )?(async )?(function\b|static |#?\w+(\(.*\)| = .*=>) \{$)", line):
            start = number
        elif start is not None and re.match(r"(  )?\}", line):
            assert number - start < 60, f"{path.name}:{start + 1}"
            start = None
