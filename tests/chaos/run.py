"""`make chaos`: every point of every saga, under every fault; prints what was run and what held.

`--fault` (also repeated), `--scenario` and `--point` choose; `--sample N --seed S` takes N points of each fault. The
seed draws the order. `--minutes N` begins nothing new after N minutes, and says what share was run; `--resume` goes on
with what has not passed yet, as the file of results tells (`--results FILE`, else var/chaos-ENGINE.jsonl). `--table
FILE` writes the whole table; `--points` only writes docs/reference/crash-points.md.

It exits with 0 if every chosen case was run, now or before, and passed.
"""

import argparse
import itertools
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

from demo.commands import shared_memory
from demo.stack import ROOT
from tests.chaos.arena import Arena, arena
from tests.chaos.faults import FAULTS
from tests.chaos.matrix import WORKERS, Case, Result, batches, carry_out, cases, record_all
from tests.chaos.results import Results, as_results
from tests.chaos.storage import storage
from tests.chaos.table import Recorded, page, results_page, summary

PAGE = ROOT / "docs" / "reference" / "crash-points.md"
DOTS = 50
DAYS = 40  # of slots: more than the cases can use up


def main() -> int:
    wanted = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # and all processes with it
    with ExitStack() as stack:
        # in memory: processes die here, the power does not fail
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tahoon-chaos-", dir=shared_memory())))
        databases = stack.enter_context(storage(wanted.engine, folder))
        world = stack.enter_context(arena(folder, databases, workers=WORKERS, days=DAYS))
        recorded = record_all(world)
        if wanted.points:
            PAGE.write_text(page(recorded, world.storage))
            return 0
        return run(world, recorded, wanted)


def run(world: Arena, recorded: Recorded, wanted: argparse.Namespace) -> int:
    started = time.monotonic()
    chosen = [case for fault in FAULTS for case in chosen_of(cases(world.storage, recorded, fault), wanted)]
    results = Results(wanted.results or ROOT / "var" / f"chaos-{world.storage.name}.jsonl")
    if not wanted.resume:
        results.begin_anew()
    known = results.known()
    left = [case for case in chosen if not (str(case) in known and known[str(case)].has_passed)]
    points = sum(map(len, recorded.values()))
    print(f"{world.storage.name}: {points} points in {len(recorded)} scenarios, {len(FAULTS)} faults")
    print(f"{len(chosen)} cases, {len(left)} of them to run, seed {wanted.seed}", flush=True)
    tell = teller()
    for batch in batches(left, Random(wanted.seed)):
        if wanted.minutes is not None and time.monotonic() - started > 60 * wanted.minutes:
            break
        group = carry_out(world, batch, tell)
        if group.failure:
            print(f"\nthe world as a whole, after {batch[0]} and {len(batch) - 1} more\n{group.failure}\n", flush=True)
        results.add(group)
    found = as_results(chosen, results.known())
    print(f"\n\n{summary(recorded, world.storage, found)}\n")
    if wanted.table:
        Path(wanted.table).write_text(results_page(recorded, world.storage, found, wanted.seed))
    return told_at_the_end(chosen, left, results, seconds=time.monotonic() - started)


def teller() -> Callable[[Result], None]:
    """A dot for each case, and what failed."""
    count = itertools.count(1)

    def tell(result: Result) -> None:
        number = next(count)
        print("F" if result.failure else ".", end="" if number % DOTS else f" {number}\n", flush=True)
        if result.failure:
            print(f"\n{result.failure}\n", flush=True)

    return tell


def told_at_the_end(chosen: list[Case], left: list[Case], results: Results, *, seconds: float) -> int:
    """What share was run, and when; 0 if all of it was, and nothing failed."""
    of_all = results.known()
    known = {str(case): found for case in chosen if (found := of_all.get(str(case)))}
    failed = [case for case, found in known.items() if not found.has_passed]
    now = sum(str(case) in known for case in left)
    print(f"{now} cases in {seconds:.0f} s now, {len(known) - now} passed before")
    print(f"{len(known)} of {len(chosen)} cases run ({len(known) / max(1, len(chosen)):.1%}), {len(failed)} failed")
    print(f"on: {', '.join(sorted({found.commit for found in known.values()}))}")
    for case in failed:
        print(f"FAILED {case}")
    return 1 if failed or len(known) < len(chosen) else 0


def chosen_of(all_of_a_fault: list[Case], wanted: argparse.Namespace) -> list[Case]:
    found = [
        case
        for case in all_of_a_fault
        if (not wanted.fault or case.fault.name in wanted.fault)
        and wanted.scenario in (None, case.scenario.name)
        and wanted.point in (None, case.point.number)
    ]
    return found if wanted.sample is None else Random(wanted.seed).sample(found, min(wanted.sample, len(found)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--fault", action="append", choices=[fault.name for fault in FAULTS])
    parser.add_argument("--scenario")
    parser.add_argument("--point", type=int)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--table")
    parser.add_argument("--points", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
