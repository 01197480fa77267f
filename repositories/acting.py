"""Who acts: the request or the command that this thread works for, and what each of its transactions is about.

The API and the commands begin an act; `Database.write` leaves a deed of it in the transaction itself. A change that is
accepted is thereby never without its line in the audit log, and no repository, present or future, has to remember it.
What a repository knows better it says inside the transaction:

    about("booking", booking_id)

Nobody acts in a worker: what it changes follows from what was accepted before, and stands in the journal.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from repositories.entities.audit import Deed
from repositories.enums import DeedOutcome, Reason


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a transaction changes, and what only the repository knows of the change."""

    kind: str | None = None
    id: str | None = None
    action: str | None = None
    organization_id: int | None = None
    refused: tuple[int, Reason] | None = None  # HTTP status and reason, of a part of what was asked for


UNSAID = Subject()


@dataclass(kw_only=True)
class Act:
    """One request or command, from its beginning to its end; who asks is often known only a little later."""

    action: str
    request_id: str
    clock: Callable[[], datetime]
    organization_id: int | None = None
    access_key_id: int | None = None
    token_id: str | None = None
    operator: str | None = None
    outcome: DeedOutcome = DeedOutcome.ACCEPTED
    http_status: int | None = None
    reason: Reason | None = None
    subjects: list[Subject] = field(default_factory=list)  # of the transaction under way
    has_changed_nothing: bool = False  # the transaction under way
    refused_parts: list[Subject] = field(default_factory=list)
    deeds_left: int = 0

    def deeds(self) -> list[Deed]:
        """What the transaction under way leaves: one for each thing that it is about, and one if it did not say."""
        if self.has_changed_nothing:
            return []
        now = self.clock()
        return [self._deed(subject, now) for subject in self.subjects or [UNSAID]]

    def forget_transaction(self) -> None:
        """It is over, or will be tried anew."""
        self.subjects.clear()
        self.has_changed_nothing = False

    def _deed(self, subject: Subject, now: datetime) -> Deed:
        is_refused = subject.refused is not None
        http_status, reason = subject.refused or (self.http_status, self.reason)
        return Deed(
            id=uuid.uuid4().hex,
            action=subject.action or self.action,
            outcome=DeedOutcome.REFUSED if is_refused else self.outcome,
            http_status=http_status,
            reason=reason,
            organization_id=subject.organization_id or self.organization_id,
            access_key_id=self.access_key_id,
            token_id=self.token_id,
            operator=self.operator,
            resource_kind=subject.kind,
            resource_id=subject.id,
            request_id=self.request_id,
            occurred_at=now,
        )


_ACTING: ContextVar[Act | None] = ContextVar("acting", default=None)


def acting() -> Act | None:
    return _ACTING.get()


def begin(act: Act | None) -> None:
    """From here on this thread works for that act, or for nobody."""
    _ACTING.set(act)


def acts_for(organization_id: int, *, access_key_id: int | None, token_id: str | None = None) -> None:
    """Whoever acts is now known to be this organization, by this access key and access token."""
    if (act := _ACTING.get()) is not None:
        act.organization_id, act.access_key_id, act.token_id = organization_id, access_key_id, token_id


@contextmanager
def during(act: Act) -> Iterator[Act]:
    before = _ACTING.get()
    _ACTING.set(act)
    try:
        yield act
    finally:
        _ACTING.set(before)


@contextmanager
def aside() -> Iterator[None]:
    """What is written inside is our own machinery's, and no part of what whoever acts asked for."""
    act = _ACTING.get()
    _ACTING.set(None)
    try:
        yield
    finally:
        _ACTING.set(act)


def about(kind: str, id: int | str, *, action: str | None = None, organization_id: int | None = None) -> None:
    """Say in a transaction what it changes. `action` where it is more than the act's own, as registering a guest is."""
    if (act := _ACTING.get()) is not None:
        act.has_changed_nothing = False
        act.subjects.append(Subject(kind=kind, id=str(id), action=action, organization_id=organization_id))


def about_nothing() -> None:
    """Say in a transaction that it has changed nothing after all, and need leave no deed."""
    if (act := _ACTING.get()) is not None and not act.subjects:
        act.has_changed_nothing = True


def refused_in_part(http_status: int, reason: Reason) -> None:
    """Say of a request for several things that one of them was refused."""
    if (act := _ACTING.get()) is not None:
        act.refused_parts.append(Subject(refused=(http_status, reason)))
