"""What a Prometheus answers, and what dashboards ask it."""

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.apps import fetch


class Prometheus:
    """The HTTP API of a Prometheus on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str, **query: str) -> Any:
        """`data` of an answer, once it listens."""
        return json.loads(fetch(self._port, f"/api/v1/{path}?{urllib.parse.urlencode(query)}"))["data"]

    def query(self, expression: str) -> dict[str, float]:
        """{labels as text: value} of now."""
        found = self.get("query", query=expression)["result"]
        return {_text(sample["metric"]): float(sample["value"][1]) for sample in found}

    def value(self, expression: str) -> float | None:
        """The only value of an expression, None where there is none."""
        values = list(self.query(expression).values())
        assert len(values) <= 1, f"{expression}: {values}"
        return values[0] if values else None

    def targets(self) -> dict[str, str]:
        """{job: health of its worst target}."""
        found: dict[str, str] = {}
        for target in self.get("targets")["activeTargets"]:
            job, health = target["labels"]["job"], target["health"]
            found[job] = health if found.get(job, "up") == "up" else found[job]
        return found


def _text(metric: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(metric.items()) if key != "__name__")


def panel_queries(dashboard: Path, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(title, expression) of every panel, its variables filled in."""
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], re.sub(r"\$(\w+)", lambda found: variables[found[1]], target["expr"])
