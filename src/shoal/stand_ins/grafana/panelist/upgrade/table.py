"""The panel "table" of before Grafana 7, whose columns have `styles`."""

from collections.abc import Mapping
from typing import Any

from .mappings import COLORS, calc_of, old_maps, steps_of

Json = dict[str, Any]
_KEPT = (
    *("id", "title", "description", "gridPos", "datasource", "targets", "links", "interval", "maxDataPoints"),
    *("repeat", "repeatDirection", "maxPerRow", "timeFrom", "timeShift", "transparent", "hideTimeOverride"),
)
_CELLS = {"cell": "color-background", "row": "color-background", "value": "color-text"}


def is_old_table(panel: Mapping[str, Any]) -> bool:
    """Whether `panel` is of the old kind: the new one has no styles and no transform."""
    return "styles" in panel or "transform" in panel


def upgrade_table(panel: Json) -> Json:
    """A table panel that shows what the old table `panel` showed."""
    styles = [each for each in panel.get("styles") or [] if each.get("pattern")]
    sort = panel.get("sort") or {}
    options: Json = {"showHeader": panel.get("showHeader", True)}
    if sort.get("col") is not None:
        options["sortIndex"] = {"column": sort["col"], "desc": bool(sort.get("desc"))}
    if panel.get("pageSize"):
        options["pageSize"] = panel["pageSize"]
    return {
        **{key: panel[key] for key in _KEPT if key in panel},
        "type": "table",
        # The first style that fits a column is the one that counts; of overrides it is the last.
        "fieldConfig": {"defaults": {}, "overrides": [_override(each) for each in reversed(styles)]},
        "options": options,
        "transformations": _transformations(panel),
    }


def _override(style: Mapping[str, Any]) -> Json:
    pattern = str(style["pattern"])
    is_pattern = pattern.startswith("/") and pattern.rfind("/") > 0
    properties = [{"id": name, "value": value} for name, value in _properties(style).items()]
    return {"matcher": {"id": "byRegexp" if is_pattern else "byName", "options": pattern}, "properties": properties}


def _properties(style: Mapping[str, Any]) -> Json:
    found: Json = {}
    kind = style.get("type")
    if style.get("alias"):
        found["displayName"] = style["alias"]
    if style.get("align") not in (None, "", "auto"):
        found["custom.align"] = style["align"]
    if style.get("link") and style.get("linkUrl"):
        target = bool(style.get("linkTargetBlank"))
        found["links"] = [{"title": style.get("linkTooltip") or "", "url": style["linkUrl"], "targetBlank": target}]
    if kind == "hidden":
        found["custom.hidden"] = True
    elif kind == "date":
        found["unit"] = f"time: {style.get('dateFormat') or 'YYYY-MM-DD HH:mm:ss'}"
    elif kind == "number":
        found |= _number_properties(style)
    elif kind == "string":
        found["mappings"] = old_maps(style)
    return found


def _number_properties(style: Mapping[str, Any]) -> Json:
    found: Json = {"unit": style.get("unit") or "short"}
    if style.get("decimals") is not None:
        found["decimals"] = style["decimals"]
    if cell := _CELLS.get(style.get("colorMode") or ""):
        found["custom.cellOptions"] = {"type": cell}
        found["thresholds"] = steps_of(style.get("thresholds"), style.get("colors") or COLORS)
    if style.get("mappingType"):
        found["mappings"] = old_maps(style)
    return found


def _transformations(panel: Json) -> list[Json]:
    kind = panel.get("transform") or "table"
    if kind == "timeseries_to_columns":
        return [{"id": "joinByField", "options": {"byField": "Time", "mode": "outer"}}]
    if kind == "timeseries_to_rows":
        return [{"id": "seriesToRows", "options": {}}]
    if kind == "timeseries_aggregations":
        calcs = [calc_of(str(each.get("value"))) for each in panel.get("columns") or []]
        return [{"id": "reduce", "options": {"reducers": calcs or ["mean"]}}]
    wanted = [each["text"] for each in panel.get("columns") or [] if each.get("text")]
    chosen = [{"id": "filterFieldsByName", "options": {"include": {"names": wanted}}}] if wanted else []
    return [{"id": "merge", "options": {}}, *chosen]
