"""What the harness and the watched processes tell each other: a few lines for each saga, in a folder they share."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

DIE, STOP = "die", "stop"
LOSE, TWICE, SEND = "lose", "twice", "send"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to happen to the processes that carry one saga."""

    at: dict[int, str] = field(default_factory=dict)  # number of a point -> DIE or STOP
    meet: str | None = None  # stand still the first time a point of this name is passed, for the partner to act
    nudges: dict[str, tuple[str, ...]] = field(default_factory=dict)  # role -> what becomes of each nudge that its
    # processes send, in order: SEND (also of all others), LOSE, TWICE, DIE


@dataclass(frozen=True)
class Stop:
    """A process that stopped itself at a point."""

    pid: int
    point: str


class Script:
    """Lines are appended whole and never changed, so any number of processes may write them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write_plan(self, saga_id: str, plan: Plan) -> None:
        draft = self.folder / f"{saga_id}.draft"
        draft.write_text(json.dumps(asdict(plan)))
        draft.rename(self.folder / f"{saga_id}.plan")

    def plan_of(self, saga_id: str) -> Plan | None:
        """The plan; None for a saga that nobody watches."""
        try:
            given = json.loads((self.folder / f"{saga_id}.plan").read_text())
        except FileNotFoundError:
            return None
        return Plan(
            at={int(number): act for number, act in given["at"].items()},
            meet=given["meet"],
            nudges={role: tuple(fates) for role, fates in given["nudges"].items()},
        )

    def note(self, saga_id: str, kind: str, line: str) -> int:
        """Append a line; returns how many of its kind stood there before it."""
        path = self.folder / f"{saga_id}.{kind}"
        writing = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(writing, f"{line}\n".encode())
            return path.read_bytes().count(b"\n") - 1
        finally:
            os.close(writing)

    def notes(self, saga_id: str, kind: str) -> list[str]:
        try:
            return (self.folder / f"{saga_id}.{kind}").read_text().splitlines()
        except FileNotFoundError:
            return []

    def points(self, saga_id: str) -> list[str]:
        """The points that were passed, in order: `before commit ...`, `after call ...`."""
        return self.notes(saga_id, "points")

    def stops(self, saga_id: str, kind: str = "stops") -> list[Stop]:
        lines = (line.split(" ", 1) for line in self.notes(saga_id, kind))
        return [Stop(int(pid), point) for pid, point in lines]

    def returns(self, saga_id: str) -> dict[int, str]:
        """Process -> what its last task for this saga returned."""
        lines = (line.split(" ", 1) for line in self.notes(saga_id, "returns"))
        return {int(pid): answer for pid, answer in lines}
