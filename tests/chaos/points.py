"""A point at which a process can die, as a dry run has passed it."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Point:
    number: int  # its place among the points that its saga passes
    name: str  # `worker before commit scheduling.sagas`, `api after ...`, `worker before call create room`

    @property
    def is_api(self) -> bool:
        return self.name.startswith("api ")

    @property
    def is_in_transaction(self) -> bool:
        return " before commit " in self.name

    def __str__(self) -> str:
        return f"{self.number} {self.name}"
