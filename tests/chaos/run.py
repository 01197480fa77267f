"""`make chaos`: every point of every saga, under every fault; prints what was run and what held.

`--fault`, `--scenario` and `--point` choose; `--sample N --seed S` takes N points of each fault; `--table FILE` writes
the whole table; `--points` only writes docs/reference/crash-points.md.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

from demo.commands import shared_memory
from demo.stack import ROOT
from tests.chaos.arena import Arena, arena
from tests.chaos.faults import FAULTS
from tests.chaos.matrix import WORKERS, Case, Result, carry_out, cases, record_all
from tests.chaos.storage import storage
from tests.chaos.table import Recorded, page, results_page, summary

PAGE = ROOT / "docs" / "reference" / "crash-points.md"
DOTS = 50
DAYS = 14  # of slots: more than the cases can use up


def main() -> int:
    wanted = arguments()
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
    points = sum(map(len, recorded.values()))
    print(f"{world.storage.name}: {points} points in {len(recorded)} scenarios, {len(FAULTS)} faults")
    print(f"{len(chosen)} cases, seed {wanted.seed}", flush=True)
    seen: list[Result] = []

    def tell(result: Result) -> None:
        seen.append(result)
        print("F" if result.failure else ".", end="" if len(seen) % DOTS else f" {len(seen)}\n", flush=True)
        if result.failure:
            print(f"\n{result.failure}\n", flush=True)

    groups = carry_out(world, chosen, tell)
    print(f"\n\n{summary(recorded, world.storage, seen)}\n")
    if wanted.table:
        Path(wanted.table).write_text(results_page(recorded, world.storage, seen, wanted.seed))
    failures = [group.failure for group in groups if group.failure]
    for failure in failures:
        print(f"the world as a whole\n{failure}\n")
    failed = sum(result.failure is not None for result in seen)
    print(f"{len(seen)} cases in {time.monotonic() - started:.0f} s, {failed} failed")
    return 1 if failed or failures else 0


def chosen_of(all_of_a_fault: list[Case], wanted: argparse.Namespace) -> list[Case]:
    found = [
        case
        for case in all_of_a_fault
        if wanted.fault in (None, case.fault.name)
        and wanted.scenario in (None, case.scenario.name)
        and wanted.point in (None, case.point.number)
    ]
    return found if wanted.sample is None else Random(wanted.seed).sample(found, min(wanted.sample, len(found)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--fault", choices=[fault.name for fault in FAULTS])
    parser.add_argument("--scenario")
    parser.add_argument("--point", type=int)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--table")
    parser.add_argument("--points", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
