"""The panel "graph": as timeseries."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
_KEPT = (
    *("id", "title", "description", "gridPos", "datasource", "targets", "links", "interval", "maxDataPoints"),
    *("repeat", "repeatDirection", "maxPerRow", "timeFrom", "timeShift", "transparent", "hideTimeOverride"),
)
#: (key of the old legend, reducer), in the order of its columns
_LEGEND_CALCS = (("min", "min"), ("max", "max"), ("avg", "mean"), ("current", "lastNotNull"), ("total", "sum"))
_THRESHOLD_COLORS = {"critical": "red", "warning": "orange", "ok": "green"}


def upgrade_graph(panel: Json) -> Json:
    """A timeseries panel that shows what the graph `panel` showed."""
    left, right = _axes(panel)
    defaults: Json = {
        **_axis_defaults(left),
        "color": {"mode": "palette-classic"},
        "custom": {**_style(panel), **_axis_style(left)},
    }
    if panel.get("decimals") is not None:
        defaults["decimals"] = panel["decimals"]
    thresholds = [each for each in panel.get("thresholds") or [] if each.get("value") is not None]
    if thresholds:
        defaults["thresholds"] = _thresholds(thresholds)
        defaults["custom"]["thresholdsStyle"] = {"mode": _threshold_mode(thresholds)}
    overrides = [_color_override(name, color) for name, color in (panel.get("aliasColors") or {}).items()]
    overrides += [_series_override(each, right) for each in panel.get("seriesOverrides") or [] if each.get("alias")]
    return {
        **{key: panel[key] for key in _KEPT if key in panel},
        "type": "timeseries",
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": {"legend": _legend(panel), "tooltip": _tooltip(panel)},
    }


def _axes(panel: Json) -> tuple[Json, Json]:
    axes = list(panel.get("yaxes") or [])
    if not axes:
        axes = [{"format": each} for each in panel.get("y_formats") or []]
    axes += [{}] * (2 - len(axes))
    return axes[0] or {}, axes[1] or {}


def _axis_defaults(axis: Mapping[str, Any]) -> Json:
    defaults: Json = {"unit": axis.get("format") or "short"}
    for key in ("min", "max", "decimals"):
        if (number := _number(axis.get(key))) is not None:
            defaults[key] = number
    return defaults


def _axis_style(axis: Mapping[str, Any]) -> Json:
    style: Json = {"axisLabel": axis.get("label") or ""}
    if axis.get("show") is False:
        style["axisPlacement"] = "hidden"
    if (axis.get("logBase") or 1) > 1:
        style["scaleDistribution"] = {"type": "log", "log": axis["logBase"]}
    return style


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _number_or(value: Any, default: float) -> float:
    number = _number(value)
    return default if number is None else number


def _style(panel: Json) -> Json:
    bars, lines, points = panel.get("bars"), panel.get("lines", True), panel.get("points")
    stacking = "none" if not panel.get("stack") else "percent" if panel.get("percentage") else "normal"
    return {
        "drawStyle": "bars" if bars and not lines else "line" if lines else "points",
        "lineWidth": panel.get("linewidth", 1),
        "fillOpacity": min(100, 10 * _number_or(panel.get("fill"), 1)),
        "lineInterpolation": "stepAfter" if panel.get("steppedLine") else "linear",
        "showPoints": "always" if points else "never",
        "spanNulls": panel.get("nullPointMode") == "connected",
        "nullAsZero": panel.get("nullPointMode") == "null as zero",
        "stacking": {"mode": stacking, "group": "A"},
    }


def _legend(panel: Json) -> Json:
    legend = panel.get("legend") or {}
    calcs = [calc for key, calc in _LEGEND_CALCS if legend.get(key) and legend.get("values", True)]
    return {
        "showLegend": legend.get("show", True),
        "displayMode": "table" if legend.get("alignAsTable") else "list",
        "placement": "right" if legend.get("rightSide") else "bottom",
        "calcs": calcs,
        "hideEmpty": bool(legend.get("hideEmpty")),
        "hideZero": bool(legend.get("hideZero")),
    }


def _tooltip(panel: Json) -> Json:
    tooltip = panel.get("tooltip") or {}
    order = {1: "asc", 2: "desc"}.get(tooltip.get("sort") or 0, "none")
    return {"mode": "multi" if tooltip.get("shared", True) else "single", "sort": order}


def _thresholds(thresholds: list[Json]) -> Json:
    """Old ones hold above or below a value; new ones are steps upwards."""
    steps: list[Json] = [{"value": None, "color": "transparent"}]
    for each in sorted(thresholds, key=lambda threshold: float(threshold["value"])):
        color = _THRESHOLD_COLORS.get(
            each.get("colorMode", ""), each.get("lineColor") or each.get("fillColor") or "red"
        )
        if each.get("op") == "lt":
            steps[-1]["color"] = color
            color = "transparent"
        steps.append({"value": float(each["value"]), "color": color})
    return {"mode": "absolute", "steps": steps}


def _threshold_mode(thresholds: list[Json]) -> str:
    fill = any(each.get("fill") for each in thresholds)
    line = any(each.get("line") for each in thresholds)
    return "line+area" if fill and line else "area" if fill else "line"


def _color_override(name: str, color: str) -> Json:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
    }


def _series_override(override: Mapping[str, Any], right: Mapping[str, Any]) -> Json:
    alias = str(override["alias"])
    is_pattern = alias.startswith("/") and alias.rfind("/") > 0
    properties: list[Json] = []

    def add(name: str, value: Any) -> None:
        properties.append({"id": name, "value": value})

    for key, name in (("linewidth", "custom.lineWidth"), ("transform", "custom.transform")):
        if override.get(key) is not None:
            add(name, override[key])
    if override.get("fill") is not None:
        add("custom.fillOpacity", min(100, 10 * override["fill"]))
    if override.get("color"):
        add("color", {"mode": "fixed", "fixedColor": override["color"]})
    if "stack" in override:
        add("custom.stacking", {"mode": "normal" if override["stack"] else "none", "group": str(override["stack"])})
    if override.get("bars") or override.get("lines") is False:
        add("custom.drawStyle", "bars" if override.get("bars") else "points")
    if override.get("legend") is False:
        add("custom.hideFrom", {"legend": True})
    if override.get("yaxis") == 2:
        _right_axis(right, add)
    return {"matcher": {"id": "byRegexp" if is_pattern else "byName", "options": alias}, "properties": properties}


def _right_axis(right: Mapping[str, Any], add: Any) -> None:
    add("custom.axisPlacement", "right")
    # What the right axis does not say must not come from the left one.
    for name, value in {"min": None, "max": None, **_axis_defaults(right)}.items():
        add(name, value)
    if right.get("label"):
        add("custom.axisLabel", right["label"])
