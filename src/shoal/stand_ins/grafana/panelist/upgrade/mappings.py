"""Thresholds and value mappings of old forms in the new one."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
#: Singlestat's three colours where a panel names none
COLORS = ("#299c46", "#e0b400", "#d44a3a")
_BY_VALUE, _BY_RANGE = 1, 2


def steps_of(thresholds: Any, colors: Sequence[str]) -> Json:
    """Thresholds of `"70,90"` (or a list of numbers) and the colours below, between and above them."""
    parts = thresholds.split(",") if isinstance(thresholds, str) else list(thresholds or [])
    limits = [number for part in parts if (number := _number(part)) is not None]
    names = [str(color) for color in colors] or list(COLORS)
    names += names[-1:] * (len(limits) + 1 - len(names))
    steps: list[Json] = [{"value": None, "color": names[0]}]
    steps += [{"value": limit, "color": names[index + 1]} for index, limit in enumerate(limits)]
    return {"mode": "absolute", "steps": steps}


def _number(part: Any) -> float | None:
    try:
        return float(str(part).strip())
    except ValueError:
        return None


def old_maps(panel: Mapping[str, Any]) -> list[Json]:
    """Mappings of `valueMaps` and `rangeMaps`, of which `mappingType` says which hold."""
    if panel.get("mappingType") == _BY_RANGE:
        return [_range(each.get("from"), each.get("to"), each.get("text", "")) for each in panel.get("rangeMaps") or []]
    return [_value(each.get("value"), each.get("text", "")) for each in panel.get("valueMaps") or []]


def upgrade_mappings(mappings: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Mappings in the form of schema 27: `{type: value | range | regex | special, options}`."""
    return [dict(each) if isinstance(each.get("type"), str) else _numbered(each) for each in mappings]


def _numbered(mapping: Mapping[str, Any]) -> Json:
    if mapping.get("type") == _BY_RANGE:
        return _range(mapping.get("from"), mapping.get("to"), mapping.get("text", ""))
    return _value(mapping.get("value"), mapping.get("text", ""))


def _value(value: Any, text: Any) -> Json:
    if str(value) in ("null", "N/A", "None"):
        return {"type": "special", "options": {"match": "null", "result": {"text": str(text)}}}
    return {"type": "value", "options": {str(value): {"text": str(text)}}}


def _range(low: Any, high: Any, text: Any) -> Json:
    if str(low) == "null":
        return {"type": "special", "options": {"match": "null", "result": {"text": str(text)}}}
    return {"type": "range", "options": {"from": _number(low), "to": _number(high), "result": {"text": str(text)}}}


def upgrade_field_options(panel: Json) -> Json:
    """`panel` with the `options.fieldOptions` of Grafana 6 where they are now: `fieldConfig` and `reduceOptions`."""
    options = panel.get("options") or {}
    old = options.pop("fieldOptions", None)
    if not old:
        return panel
    defaults = {**(old.get("defaults") or {}), **(old.get("override") or {})}
    if old.get("mappings"):
        defaults.setdefault("mappings", old["mappings"])
    thresholds = defaults.get("thresholds", old.get("thresholds"))
    if isinstance(thresholds, list):
        defaults["thresholds"] = {"mode": "absolute", "steps": [_step(index, t) for index, t in enumerate(thresholds)]}
    panel["fieldConfig"] = {"defaults": defaults, "overrides": old.get("overrides") or []}
    calcs = [_CALCS.get(each, each) for each in old.get("calcs") or ["mean"]]
    options["reduceOptions"] = {"calcs": calcs, "values": bool(old.get("values"))}
    return {**panel, "options": options}


def _step(index: int, threshold: Mapping[str, Any]) -> Json:
    return {"value": None if index == 0 else threshold.get("value"), "color": threshold.get("color", "green")}


#: {name in old panels: name of the reducer}
_CALCS = {
    "avg": "mean",
    "current": "lastNotNull",
    "last": "lastNotNull",
    "total": "sum",
    "first": "firstNotNull",
}


def calc_of(name: str) -> str:
    """The reducer that old panels call `name`."""
    return _CALCS.get(name, name)
