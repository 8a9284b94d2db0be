"""The panel "singlestat": as stat, or as gauge where it shows one."""

from typing import Any

from .mappings import COLORS, calc_of, old_maps, steps_of

Json = dict[str, Any]
_KEPT = (
    *("id", "title", "description", "gridPos", "datasource", "targets", "links", "interval", "maxDataPoints"),
    *("repeat", "repeatDirection", "maxPerRow", "timeFrom", "timeShift", "transparent", "hideTimeOverride"),
)


def upgrade_singlestat(panel: Json) -> Json:
    """A stat or gauge panel that shows what the singlestat `panel` showed."""
    gauge = panel.get("gauge") or {}
    defaults = _defaults(panel)
    if gauge.get("show"):
        defaults |= {"min": gauge.get("minValue", 0), "max": gauge.get("maxValue", 100)}
    return {
        **{key: panel[key] for key in _KEPT if key in panel},
        "type": "gauge" if gauge.get("show") else "stat",
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel, gauge),
    }


def _defaults(panel: Json) -> Json:
    defaults: Json = {
        "unit": panel.get("format") or "none",
        "mappings": old_maps(panel),
        "thresholds": steps_of(panel.get("thresholds"), panel.get("colors") or COLORS),
        "color": {"mode": "thresholds"},
    }
    if panel.get("decimals") is not None:
        defaults["decimals"] = panel["decimals"]
    if panel.get("nullText"):
        defaults["noValue"] = panel["nullText"]
    return defaults


def _options(panel: Json, gauge: Json) -> Json:
    sparkline = panel.get("sparkline") or {}
    name = panel.get("valueName") or "avg"
    column = panel.get("tableColumn") or ""
    reduce: Json = {"calcs": ["lastNotNull" if name == "name" else calc_of(name)], "values": False}
    if column and any(target.get("format") == "table" for target in panel.get("targets") or []):
        reduce["fields"] = column
    return {
        "reduceOptions": reduce,
        "colorMode": "background" if panel.get("colorBackground") else "value" if panel.get("colorValue") else "none",
        "graphMode": "area" if sparkline.get("show") else "none",
        "textMode": "name" if name == "name" else "value",
        "prefix": panel.get("prefix") or "",
        "postfix": panel.get("postfix") or "",
        "showThresholdMarkers": gauge.get("thresholdMarkers", True),
        "showThresholdLabels": gauge.get("thresholdLabels", False),
    }
