"""Who watches sagas: told of every attempt and of every end, never asked, and raising nothing."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from repositories.entities.sagas import Attempt, SagaState


class SagaWatch(Protocol):
    def at_work(self, state: SagaState) -> AbstractContextManager[object]:
        """Around one attempt of the state's step; told what came of it by `tried`, inside."""
        ...

    def tried(self, state: SagaState, attempt: Attempt, *, seconds: float) -> None:
        """`state` is the one before the attempt; `seconds` includes what the journal's commit took, if it was one."""
        ...

    def ended(self, state: SagaState, *, seconds: float) -> None:
        """The saga is done, undone or stuck, so long after it was accepted."""
        ...

    def lease_lost(self) -> None:
        """A worker was fenced off: another has taken its saga over."""
        ...


class Unwatched:
    """Nobody watches."""

    def at_work(self, state: SagaState) -> AbstractContextManager[object]:  # noqa: ARG002
        return nullcontext()

    def tried(self, state: SagaState, attempt: Attempt, *, seconds: float) -> None: ...

    def ended(self, state: SagaState, *, seconds: float) -> None: ...

    def lease_lost(self) -> None: ...


UNWATCHED = Unwatched()
