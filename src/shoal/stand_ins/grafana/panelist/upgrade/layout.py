"""Where panels stand: the rows of schemas before 16 on the grid of 24 columns."""

import math
import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
COLUMNS = 24
_OLD_COLUMNS = 12
_ROW_PX = 38
_LEAST_HEIGHT = 3
_DEFAULT_PX = 250


def place_panels(dashboard: Mapping[str, Any]) -> list[Json]:
    """The panels of `dashboard`, each with `id` and `gridPos`, in the order of reading."""
    rows = dashboard.get("rows") or []
    panels = [dict(each) for each in dashboard.get("panels") or [] if isinstance(each, dict)]
    if rows:
        panels += _of_rows(rows)
    _number(panels)
    for panel in panels:
        place = panel.get("gridPos") or {}
        panel["gridPos"] = {key: int(place.get(key, default)) for key, default in (("h", 8), ("w", 12))} | {
            key: int(place.get(key, 0)) for key in ("x", "y")
        }
    return sorted(panels, key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"]))


def _number(panels: list[Json]) -> None:
    """Give ids to those that have none: links, sizes and tests name panels by them."""
    everything = [*panels, *(inner for panel in panels for inner in panel.get("panels") or [])]
    highest = max((int(panel.get("id") or 0) for panel in everything), default=0)
    for panel in everything:
        if not panel.get("id"):
            highest += 1
            panel["id"] = highest


def _of_rows(rows: list[Json]) -> list[Json]:
    shows_rows = any(row.get("collapse") or row.get("repeat") or row.get("showTitle") for row in rows)
    placed: list[Json] = []
    y = 0
    for row in rows:
        header = _header(row, y)
        if shows_rows:
            placed.append(header)
            y += 1
        inner, height = _of_row(row, y)
        if shows_rows and row.get("collapse"):
            header["panels"] = inner
            continue
        placed += inner
        y += height
    return placed


def _header(row: Json, y: int) -> Json:
    return {
        "type": "row",
        "title": row.get("title") or "",
        "collapsed": bool(row.get("collapse")),
        "repeat": row.get("repeat"),
        "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
        "panels": [],
    }


def _of_row(row: Json, y: int) -> tuple[list[Json], int]:
    """Panels of one row, and how high it is: those that don't fit beside the others go below."""
    height = _grid_height(row.get("height"))
    placed: list[Json] = []
    x, line, used = 0, 0, 0
    for panel in row.get("panels") or []:
        width = max(1, round(float(panel.get("span") or _OLD_COLUMNS) * COLUMNS / _OLD_COLUMNS))
        if x + width > COLUMNS:
            x, line = 0, line + height
        own = _grid_height(panel["height"]) if panel.get("height") else height
        placed.append({**panel, "gridPos": {"x": x, "y": y + line, "w": min(width, COLUMNS), "h": own}})
        x += width
        used = max(used, line + own)
    return placed, used


def _grid_height(height: Any) -> int:
    digits = re.match(r"\d+", str(height or ""))
    return max(_LEAST_HEIGHT, math.ceil(int(digits[0] if digits else _DEFAULT_PX) / _ROW_PX))
