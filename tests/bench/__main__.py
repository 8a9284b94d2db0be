"""python -m tests.bench [--against unix:///…] [--only TEXT] [--json FILE]: a table, and JSON."""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.resources import memory
from tests.bench.scenarios import SCENARIOS, Scenario
from tests.bench.target import Target
from tests.support.engine import engine_with_busybox


def main() -> int:
    """Measure every scenario on Shoal and, in turn (A B A B), on the other engine."""
    args = _arguments()
    with ExitStack() as stack:
        engine = stack.enter_context(engine_with_busybox("--stand-ins"))
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        assert engine.process is not None
        shoal = str(Path(sys.executable).with_name("shoal"))
        targets = [Target("shoal", str(engine.socket), [shoal], engine.process.pid)]
        if args.against:
            targets.append(Target("other", args.against.removeprefix("unix://"), [shutil.which("docker") or shoal]))
        rows = [row for s in SCENARIOS if args.only in s.name for row in _measure(s, targets, work, args.quick)]
        memory_row = memory(targets[0]) if not args.only else {}
    _print(rows, memory_row)
    Path(args.json).write_text(json.dumps({"times": rows, "memory": memory_row}, indent=2) + "\n")
    print(f"\nwritten to {args.json}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make bench")
    parser.add_argument("--against", default="", help="socket of another engine: unix:///var/run/docker.sock")
    parser.add_argument("--only", default="", help="only scenarios whose name has this text")
    parser.add_argument("--quick", action="store_true", help="3 runs each")
    parser.add_argument("--json", default="bench-result.json")
    return parser.parse_args()


def _measure(scenario: Scenario, targets: list[Target], work: Path, quick: bool) -> Iterator[dict[str, Any]]:
    samples: dict[str, list[float]] = {t.name: [] for t in targets}
    print(f"… {scenario.name}", file=sys.stderr)
    try:
        with ExitStack() as stack:
            once = {t.name: stack.enter_context(scenario.setup(t, work)) for t in targets}  # type: ignore[arg-type]
            for name in samples:
                once[name]()  # warm
            for _ in range(3 if quick else scenario.runs):
                for name in samples:
                    samples[name].append(once[name]())
    except (RuntimeError, OSError) as error:
        yield {"name": scenario.name, "error": str(error)[:300]}
        return
    median = {name: statistics.median(values) for name, values in samples.items()}
    row: dict[str, Any] = {"name": scenario.name, "goal_s": scenario.goal_s, "median_s": median["shoal"]}
    row["p95_s"] = sorted(samples["shoal"])[int(len(samples["shoal"]) * 0.95) - 1]
    if "other" in median:
        row |= {"other_s": median["other"], "ratio": median["shoal"] / median["other"]}
    yield row


def _print(rows: list[dict[str, Any]], memory_row: dict[str, float]) -> None:
    print(f"{'what':<44} {'median':>9} {'p95':>9} {'goal':>9}   {'other':>9} {'ratio':>6}")
    for row in rows:
        if "error" in row:
            print(f"{row['name']:<44} failed: {row['error']}")
            continue
        met = "✔" if row["median_s"] <= row["goal_s"] else "✘"
        other = f"{row['other_s'] * 1000:>6.0f} ms {row['ratio']:>6.2f}" if "ratio" in row else ""
        times = (f"{row[key] * 1000:>6.0f} ms" for key in ("median_s", "p95_s", "goal_s"))
        print(f"{row['name']:<44} {' '.join(times)} {met} {other}")
    for name, value in memory_row.items():
        print(f"{name:<44} {value:>9.2f}")


if __name__ == "__main__":
    sys.exit(main())
