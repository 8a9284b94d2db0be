"""python -m tests.bench [--against unix:///…] [--only TEXT] [--quick] [--json FILE]: a table, and JSON."""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.bench import apps, hosts, resources, scenarios, services, traffic
from tests.bench.images import load_images
from tests.bench.rows import Result, Sample, Scenario, table
from tests.bench.target import Target
from tests.support.engine import EngineProcess

#: The whole of it, in seconds: making images comes on top once.
TIME_S, QUICK_TIME_S = 480.0, 80.0
QUICK_RUNS = 3
#: Memory first, of an engine that has done nothing else; then the short ones, so that the long ones get what is left.
SCENARIOS = (
    resources.MEMORY,
    *scenarios.SCENARIOS,
    *resources.SCENARIOS,
    *apps.SCENARIOS,
    *services.SCENARIOS,
    *traffic.SCENARIOS,
    *hosts.SCENARIOS,
)


def main() -> int:
    """Measure every scenario on Shoal and, in turn (A B A B), on the other engine."""
    args = _arguments()
    machine = _machine()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        _use_bytecode(work)
        engine = stack.enter_context(EngineProcess("--log-level", "info"))
        targets = [Target("shoal", str(engine.socket), [str(Path(sys.executable).with_name("shoal"))])]
        if args.against:
            cli = args.against_cli or shutil.which("docker") or targets[0].cli[0]
            targets.append(Target("other", args.against.removeprefix("unix://"), [cli]))
            stack.callback(targets[1].unload)
        load_images(targets, work)
        wanted = [s for s in SCENARIOS if any(args.only in row.name for row in s.rows)]
        results = _measure_all(wanted, targets, work, args.quick)
        rss_mib = resources.memory_kb(targets[0].pid, "Rss") / 1024
    machine["load_at_end"] = os.getloadavg()[0]
    print("\n".join(table(results, has_other=len(targets) > 1)))
    print("\n" + ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in machine.items()))
    print(f"engine after all this: {rss_mib:.0f} MiB RSS")
    whole = {"machine": machine, "rows": [result.as_json() for result in results], "engine_rss_mib_at_end": rss_mib}
    Path(args.json).write_text(json.dumps(whole, indent=2) + "\n")
    print(f"written to {args.json}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make bench")
    parser.add_argument("--against", default="", help="socket of another engine: unix:///var/run/docker.sock")
    parser.add_argument("--against-cli", default="", help="its command line: docker where there is one, else shoal")
    parser.add_argument("--only", default="", help="only scenarios with this text in the name of a row")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs each")
    parser.add_argument("--json", default="bench-result.json")
    return parser.parse_args()


def _machine() -> dict[str, Any]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_at_start": os.getloadavg()[0],
    }


def _use_bytecode(work: Path) -> None:
    """Commands and engine start from compiled modules, as an installed Shoal does, whatever the environment says."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(work / "bytecode")


def _measure_all(wanted: Sequence[Scenario], targets: list[Target], work: Path, quick: bool) -> list[Result]:
    end = time.monotonic() + (QUICK_TIME_S if quick else TIME_S)
    results = []
    for number, scenario in enumerate(wanted):
        print(f"… {scenario.rows[0].name}", file=sys.stderr)
        share = (end - time.monotonic()) / (len(wanted) - number)
        runs = min(QUICK_RUNS, scenario.runs) if quick else scenario.runs
        results += _measure(scenario, targets, work, runs, time.monotonic() + share)
    return results


def _measure(scenario: Scenario, targets: list[Target], work: Path, runs: int, until: float) -> list[Result]:
    """The samples of one scenario; fewer than `runs` of them where the time is up. A target that fails is left out."""
    results = [Result(row) for row in scenario.rows]
    failed = results[0].failed
    once: dict[str, Sample] = {}
    with ExitStack() as stack:
        for target in targets:
            with _noted(failed, target.name):
                own = stack.enter_context(ExitStack())
                stack.callback(_close, own, failed, target.name)
                sample = own.enter_context(scenario.setup(target, work))
                if runs > 1:
                    sample()  # warm
                once[target.name] = sample
        for number in range(runs):
            if number and time.monotonic() > until:
                break
            for name in [name for name in once if name not in failed]:
                with _noted(failed, name):
                    for result, value in zip(results, once[name](), strict=True):
                        result.samples.setdefault(name, []).append(value)
    return results


@contextmanager
def _noted(failed: dict[str, str], name: str) -> Iterator[None]:
    """What fails here is said below the table; the first of it."""
    try:
        yield
    except (RuntimeError, OSError, LookupError, subprocess.SubprocessError) as error:
        failed.setdefault(name, str(error))


def _close(own: ExitStack, failed: dict[str, str], name: str) -> None:
    with _noted(failed, name):
        own.close()


if __name__ == "__main__":
    sys.exit(main())
