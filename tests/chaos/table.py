"""The matrix as a page: every point of every scenario, and what became of it under each fault."""

from collections.abc import Callable, Mapping, Sequence

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.matrix import Case, Result, cases
from tests.chaos.points import Point
from tests.chaos.scenarios import Scenario
from tests.chaos.storage import Storage

Recorded = Mapping[Scenario, Sequence[Point]]
Mark = Callable[[Case], str]

HEAD = """# Points at which a process can die

Written by `python -m tests.chaos.run --points`, which lets each scenario happen once and notes every commit that
changes something and every call of an outside service, before and after; a test compares this page with what it finds.
Each mark is a case that `make chaos` runs: one booking, carried by real processes, with this fault at this point.
[The failure model](../failure-model.md) says what is checked, and why some cells are empty.
"""


def page(recorded: Recorded, storage: Storage, head: str = HEAD, mark: Mark = lambda _: "x") -> str:
    walked = {
        (case.scenario, case.point, case.fault): case for fault in FAULTS for case in cases(storage, recorded, fault)
    }
    lines = [head, "| | fault | |", "|---|---|---|"]
    lines += [f"| {letter} | {fault.name} | {fault.what} |" for letter, fault in lettered()]
    for scenario, points in recorded.items():
        lines += ["", f"## {scenario.walks}: {scenario.name}", ""]
        lines += [f"| # | point | {' | '.join(letter for letter, _ in lettered())} |", "|---" * (2 + len(FAULTS)) + "|"]
        for point in points:
            marks = [mark(case) if (case := walked.get((scenario, point, fault))) else "" for fault in FAULTS]
            lines.append(f"| {point.number} | {point.name} | {' | '.join(marks)} |")
    return "\n".join([*lines, ""])


def lettered() -> list[tuple[str, Fault]]:
    return [(chr(ord("A") + number), fault) for number, fault in enumerate(FAULTS)]


def results_page(recorded: Recorded, storage: Storage, results: Sequence[Result], seed: int) -> str:
    """The same page of one run: `ok`, `FAILED`, or not run."""
    came_of = {result.case: "ok" if result.failure is None else "**FAILED**" for result in results}
    head = f"# Points x faults\n\n{len(results)} cases on {storage.name}, seed {seed}; - is not run.\n"
    return page(recorded, storage, head, lambda case: came_of.get(case, "-"))


def summary(recorded: Recorded, storage: Storage, results: Sequence[Result]) -> str:
    """Scenarios x faults: how many points were walked, and how many failed."""
    width = max(len(scenario.name) for scenario in recorded) + 2
    lines = [" " * width + "".join(f"{letter:>5}" for letter, _ in lettered())]
    for scenario in recorded:
        cells = []
        for _, fault in lettered():
            of_cell = [result for result in results if (result.case.scenario, result.case.fault) == (scenario, fault)]
            failed = sum(result.failure is not None for result in of_cell)
            cells.append(f"{len(of_cell) or '-'}{'!' * bool(failed)}")
        lines.append(f"{scenario.name:<{width}}" + "".join(f"{cell:>5}" for cell in cells))
    return "\n".join([*lines, "", *(f"{letter}  {fault.name}: {fault.what}" for letter, fault in lettered())])
