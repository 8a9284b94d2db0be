"""What a table of results is made of."""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.target import Target

#: The measured values of one run, in the order of the scenario's rows.
Sample = Callable[[], Sequence[float]]
Setup = Callable[[Target, Path], AbstractContextManager[Sample]]


@dataclass(frozen=True, slots=True)
class Row:
    """goal: what Shoal wants to reach; None where the row is only told. is_rate: more is better."""

    name: str
    goal: float | None = None
    unit: str = "s"
    is_rate: bool = False

    def text(self, value: float) -> str:
        """A value with its unit: "12 ms", "1.25 ×"."""
        if self.unit == "s":
            return f"{value * 1000:.0f} ms"
        return f"{value:.0f} {self.unit}" if value >= 1000 else f"{value:.2f} {self.unit}"

    def goal_text(self) -> str:
        return "" if self.goal is None else f"{'≥' if self.is_rate else '≤'} {self.text(self.goal)}"

    def is_met(self, value: float) -> bool | None:
        """Whether `value` reaches the goal; None without one."""
        if self.goal is None:
            return None
        return value >= self.goal if self.is_rate else value <= self.goal


@dataclass(frozen=True, slots=True)
class Scenario:
    """rows: what one sample measures; runs: samples for the medians, fewer where time is short."""

    rows: tuple[Row, ...]
    setup: Setup
    runs: int = 20


@dataclass(slots=True)
class Result:
    """One row's samples, by target. failed: why a target has none."""

    row: Row
    samples: dict[str, list[float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def median(self, target: str) -> float | None:
        values = self.samples.get(target)
        return statistics.median(values) if values else None

    def p95(self, target: str) -> float | None:
        """The value that 95 in 100 samples do not exceed (of a rate: fall short of)."""
        values = sorted(self.samples.get(target, ()), reverse=self.row.is_rate)
        return values[math.ceil(len(values) * 0.95) - 1] if values else None

    def as_json(self) -> dict[str, Any]:
        own, other = self.median("shoal"), self.median("other")
        return {
            "name": self.row.name,
            "unit": self.row.unit,
            "goal": self.row.goal,
            "is_met": None if own is None else self.row.is_met(own),
            "median": own,
            "p95": self.p95("shoal"),
            "other": other,
            "ratio": own / other if own is not None and other else None,
            "samples": self.samples,
            "failed": self.failed,
        }


def table(results: Sequence[Result], *, has_other: bool) -> Iterator[str]:
    """The results as lines of text, with a heading."""
    other_heading = f" {'other':>12} {'ratio':>6}" if has_other else ""
    yield f"{'what':<48} {'median':>12} {'p95':>12} {'goal':>14}   {'runs':>4}{other_heading}"
    for result in results:
        yield _line(result, has_other=has_other)
    for result in results:
        for target, why in result.failed.items():
            yield f"  {target} · {result.row.name}: {why}"


def _line(result: Result, *, has_other: bool) -> str:
    row, own, p95 = result.row, result.median("shoal"), result.p95("shoal")
    if own is None or p95 is None:
        return f"{row.name:<48} {'–':>12}"
    mark = {True: "✔", False: "✘", None: " "}[row.is_met(own)]
    runs = len(result.samples["shoal"])
    line = f"{row.name:<48} {row.text(own):>12} {row.text(p95):>12} {row.goal_text():>14} {mark} {runs:>4}"
    if has_other:
        other = result.median("other")
        line += f" {'–':>12}" if other is None else f" {row.text(other):>12} {own / other if other else 0:>6.2f}"
    return line
