"""`python -m shoal.simulation`: seeds in, failing stories out."""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from shoal.simulation.run import Outcome, run
from shoal.simulation.world import Size

SECONDS = 40.0


def main() -> int:
    """Exit status: 0 = every seed held; 1 = one did not."""
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a run
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "shoal.simulation", *sys.argv[1:]])
    args = _parser().parse_args()
    if args.seed is not None:
        outcome = _one(args.seed, args)
        print("\n".join(outcome.story))
        print(f"seed {outcome.seed}: {outcome.problem or 'every property held'}  digest {outcome.digest[:16]}")
        return 1 if outcome.problem else 0
    return _many(range(args.first, args.first + args.seeds), args)


def _one(seed: int, args: argparse.Namespace) -> Outcome:
    """The size is part of the seed where nobody says it."""
    chosen = Size.of(seed)
    size = Size(managers=args.managers or chosen.managers, workers=args.workers or chosen.workers)
    return run(seed, size=size, chaos_s=args.seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "shoal sim", description="Run a simulated cluster through faults, on a virtual clock."
    )
    parser.add_argument("--seed", type=int, help="one seed, with its whole story; the same each time")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds (default: 100)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default: 1)")
    parser.add_argument("--managers", type=int, default=0, help="default: by seed, 1 or 3")
    parser.add_argument("--workers", type=int, default=0, help="default: by seed, 1 to 5")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"simulated time with faults ({SECONDS:g})")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a CPU)")
    parser.add_argument("--keep-going", action="store_true", help="go on after a seed that fails")
    return parser


def _many(seeds: range, args: argparse.Namespace) -> int:
    began, failed, done, virtual_s, slowest_s = time.monotonic(), 0, 0, 0.0, 0.0
    with ProcessPoolExecutor(args.jobs) as pool:
        for outcome in pool.map(partial(_one, args=args), seeds, chunksize=4):
            done += 1
            virtual_s += outcome.virtual_s
            slowest_s = max(slowest_s, outcome.converged_s)
            if outcome.problem:
                failed += 1
                print("\n".join(outcome.story[-60:]))
                print(f"seed {outcome.seed} failed: {outcome.problem}")
                print(f"again, with the whole story: shoal sim --seed {outcome.seed}{_flags(args)}", flush=True)
                if not args.keep_going:
                    pool.shutdown(cancel_futures=True)
                    break
    took = time.monotonic() - began
    print(
        f"{done} seeds, {failed} failed, in {took:.1f} s: {virtual_s / took:.0f} times real time; "
        f"slowest convergence after the last fault {slowest_s:.1f} s"
    )
    return 1 if failed else 0


def _flags(args: argparse.Namespace) -> str:
    """What else belongs to the seed."""
    seconds = args.seconds if args.seconds != SECONDS else 0
    given = {"managers": args.managers, "workers": args.workers, "seconds": seconds}
    return "".join(f" --{name} {value:g}" for name, value in given.items() if value)


if __name__ == "__main__":
    sys.exit(main())
