"""Answers of Prometheus as data frames: tables of columns, in the JSON that Grafana's API speaks.

Source: Grafana's "Data frames" developer page (schema, data, entities for what JSON has no numbers for).
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LEGEND = re.compile(r"\{\{\s*(.+?)\s*\}\}")
AUTO_LEGEND = "__auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an answer answers. `expression` is after macros; `legend`: format of the series' names."""

    ref_id: str
    expression: str
    legend: str = ""
    step_ms: int = 0


def frames_of(data: Mapping[str, Any], asked: Asked) -> list[dict[str, Any]]:
    """The frames of `data`, the member of that name in Prometheus' answer. Raises: ValueError for an unknown kind"""
    kind = data.get("resultType")
    result = data.get("result") or []
    if kind == "matrix":
        return [_series(each["metric"], each["values"], asked, "timeseries-multi", kind) for each in result]
    if kind == "vector":
        return [_series(each["metric"], [each["value"]], asked, "numeric-multi", kind) for each in result]
    if kind == "scalar":
        return [_series({}, [result], asked, "numeric-multi", kind)]
    if kind == "string":
        return [_text(result, asked)]
    raise ValueError(f'an answer of an unknown kind: "{kind}"')


def _series(
    labels: Mapping[str, str], points: Sequence[Sequence[Any]], asked: Asked, frame_type: str, kind: str
) -> dict[str, Any]:
    times = [round(float(at) * 1000) for at, _ in points]
    values, entities = _numbers([text for _, text in points])
    config: dict[str, Any] = {}
    name = series_name(labels, asked)
    if name:
        config["displayNameFromDS"] = name
    time_config = {"interval": asked.step_ms} if asked.step_ms else {}
    data: dict[str, Any] = {"values": [times, values]}
    if entities:
        data["entities"] = [None, entities]
    return {
        "schema": {
            "name": name,
            "refId": asked.ref_id,
            "meta": {
                "type": frame_type,
                "typeVersion": [0, 1],
                "custom": {"resultType": kind},
                "executedQueryString": f"Expr: {asked.expression}\nStep: {asked.step_ms / 1000:g}s",
            },
            "fields": [
                {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}, "config": time_config},
                {
                    "name": "Value",
                    "type": "number",
                    "typeInfo": {"frame": "float64"},
                    "labels": dict(labels),
                    "config": config,
                },
            ],
        },
        "data": data,
    }


def _text(point: Sequence[Any], asked: Asked) -> dict[str, Any]:
    return {
        "schema": {
            "refId": asked.ref_id,
            "meta": {"custom": {"resultType": "string"}},
            "fields": [
                {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}, "config": {}},
                {"name": "Value", "type": "string", "typeInfo": {"frame": "string"}, "config": {}},
            ],
        },
        "data": {"values": [[round(float(point[0]) * 1000)], [point[1]]]},
    }


def _numbers(texts: Sequence[str]) -> tuple[list[float | None], dict[str, list[int]]]:
    """Values, and the places of those that JSON has no number for."""
    values: list[float | None] = []
    entities: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        number = float(text)
        if math.isfinite(number):
            values.append(int(number) if number.is_integer() and abs(number) < 2**53 else number)
            continue
        values.append(None)
        kind = "NaN" if math.isnan(number) else "Inf" if number > 0 else "NegInf"
        entities.setdefault(kind, []).append(index)
    return values, entities


def series_name(labels: Mapping[str, str], asked: Asked) -> str:
    """Name of a series by the legend's format; "" leaves it to who draws it.

    Without a format: as Prometheus writes the series, or the expression where that has no labels
    """
    if asked.legend == AUTO_LEGEND:
        return "" if labels else asked.expression
    if asked.legend:
        return _LEGEND.sub(lambda match: labels.get(match[1], ""), asked.legend)
    return _metric_text(labels) or asked.expression


def _metric_text(labels: Mapping[str, str]) -> str:
    name = labels.get("__name__", "")
    rest = ", ".join(f'{key}="{labels[key]}"' for key in sorted(labels) if key != "__name__")
    return f"{name}{{{rest}}}" if rest else name


def error_result(message: str, status: int) -> dict[str, Any]:
    """The result of a query that failed."""
    return {"error": message, "errorSource": "downstream", "status": status, "frames": []}
