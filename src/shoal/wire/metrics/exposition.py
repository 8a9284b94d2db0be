"""Prometheus' text format. Source: Prometheus, text exposition format 0.0.4."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. labels: as `label_text` gives them; suffix: of a histogram's parts ("_bucket")"""

    labels: str
    value: float
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """All values of one name. kind: counter | gauge | histogram"""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample] = ()


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as they stand between the braces: `a="b",c="d"`. An empty one is left out: to Prometheus it is none."""
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items() if value)


def joined(*labels: str) -> str:
    """Label texts put together."""
    return ",".join(text for text in labels if text)


def page(families: Iterable[Family]) -> str:
    """The whole text; families without a value are left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        lines.append(f"# HELP {family.name} {family.help.translate(_HELP_ESCAPES)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for sample in family.samples:
            labels = f"{{{sample.labels}}}" if sample.labels else ""
            lines.append(f"{family.name}{sample.suffix}{labels} {sample.value!r}")
    return "\n".join(lines) + "\n" if lines else ""


def gauge(name: str, help: str, value: float) -> Family:
    """A family of one value."""
    return Family(name, "gauge", help, [Sample("", value)])


def counter(name: str, help: str, value: float) -> Family:
    """A family of one value that only grows."""
    return Family(name, "counter", help, [Sample("", value)])
