"""What came of each case, kept in a file, so that a run which is interrupted goes on where it was.

One JSON line for each case of a batch whose end was seen: the case by name, the commit it ran on, what failed, and what
failed in the world as a whole, if anything did. A case counts as passed only if neither did; its last line counts.
"""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.stack import ROOT
from tests.chaos.matrix import Case, Group, Result


@dataclass(frozen=True, kw_only=True)
class Known:
    """The last that is known of a case."""

    commit: str
    seconds: float
    failure: str | None
    world: str | None

    @property
    def has_passed(self) -> bool:
        return self.failure is None and self.world is None


class Results:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._commit = commit()

    def begin_anew(self) -> None:
        self._file.unlink(missing_ok=True)

    def known(self) -> dict[str, Known]:
        """By the name of the case."""
        try:
            lines = self._file.read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {line.pop("case"): _known(line) for line in map(json.loads, lines)}

    def add(self, group: Group) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as out:
            out.writelines(f"{json.dumps(self._line(result, group))}\n" for result in group.results)

    def _line(self, result: Result, group: Group) -> dict[str, Any]:
        return {
            "case": str(result.case),
            "commit": self._commit,
            "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "seconds": round(result.seconds, 1),
            "failure": result.failure,
            "world": group.failure,
        }


def _known(line: dict[str, Any]) -> Known:
    return Known(**{name: line[name] for name in ("commit", "seconds", "failure", "world")})


def as_results(cases: Iterable[Case], known: dict[str, Known]) -> list[Result]:
    """What is known of these cases, those left out of which nothing is."""
    return [
        Result(case, found.seconds, found.failure or found.world)
        for case in cases
        if (found := known.get(str(case))) is not None
    ]


def commit() -> str:
    """Of the tree that runs; `+` after it if files differ from it, `unknown` outside a repository."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
