"""`shoal sim`: a simulated cluster, in a program of its own."""

from __future__ import annotations

import os
import sys

from shoal.cli.command import Command
from shoal.cli.flags import Flag, number, switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.cli.command import Context
    from shoal.cli.flags import Options

_NUMBERS = ("seed", "seeds", "first", "managers", "workers", "jobs")


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    words = [f"--{name}={options.number(name)}" for name in _NUMBERS if options.is_given(name)]
    if options.is_given("seconds"):
        words.append(f"--seconds={options.text('seconds')}")
    if options.flag("keep-going"):
        words.append("--keep-going")
    context.stdout.flush()
    # The order of sets is part of a run, and Python chooses it at its start.
    os.execve(
        sys.executable,
        [sys.executable, "-m", "shoal.simulation", *words],
        {**context.env, "PYTHONHASHSEED": "0"},
    )


SIM = Command(
    "[OPTIONS]",
    _run,
    (
        number("seed", "", "Run this seed and print its whole story, the same each time"),
        number("seeds", "", "How many seeds", default=100),
        number("first", "", "The first of them", default=1),
        number("managers", "", "Managers of the cluster (default: by seed, 1 or 3)"),
        number("workers", "", "Workers of the cluster (default: by seed, 1 to 5)"),
        Flag("seconds", "", "Simulated seconds with faults", default="40"),
        number("jobs", "", "Processes (default: one a CPU)"),
        switch("keep-going", "", "Go on after a seed that fails"),
    ),
    arguments=(0, 0),
    notes="The orchestrator and the agents are the real ones; clock, store, network and machines are simulated, and\n"
    "fail as the seed says. Exit status: 0 where every property held, 1 where one did not.",
)
