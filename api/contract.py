"""What a route promises: who may call it, what it takes, what it answers.

Access (api/auth.py), rate limits and the OpenAPI document all come from this one declaration; a route without one is
closed to everybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from flask import current_app
from marshmallow import Schema

from api.schemas.fields import StrictSchema
from api.security.scopes import Scope
from repositories.enums import OperatorRole, Reason

View = TypeVar("View", bound=Callable[..., Any])

LARGEST_BODY = 64 * 1024  # bytes


class Limit(StrEnum):
    """Kinds of calls, each with a rate limit of its own."""

    TOKEN = "token"  # noqa: S105
    BOOKING = "booking"
    SEARCH = "search"
    POLLING = "polling"
    REPORT = "report"  # webhooks of the video service
    OTHER = "other"
    SIGN_IN = "sign_in"  # to the console
    UNLIMITED = "unlimited"  # health checks


@dataclass(frozen=True, kw_only=True)
class Contract:
    scope: Scope | None  # None: open to callers without a token
    proof: str | None = None  # instead of a token: what shows who calls, checked by the view
    limit: Limit = Limit.OTHER
    body: type[StrictSchema] | None = None  # what the JSON body is read with
    query: type[StrictSchema] | None = None  # what the query string is read with
    answers: Mapping[int, type[Schema] | None] = field(default_factory=dict)  # by HTTP status; errors apart
    refusals: tuple[type[Exception], ...] = ()  # of api.errors.ANSWER_TO, beyond those that every route can answer
    is_signed: bool = False  # the body carries a secureHash
    is_idempotent: bool = False  # takes an Idempotency-Key
    waits: bool = False  # takes `Prefer: wait=N`
    ends: tuple[Reason, ...] = ()  # reasons of a saga that ended otherwise, as an answer that was waited for may have
    has_etag: bool = False  # answers with an ETag, and 304 to one that is known
    media: tuple[str, ...] = ("application/json",)  # of the body
    is_documented: bool = True
    largest_body: int = LARGEST_BODY  # bytes
    operators: OperatorRole | None = None  # a page of the console: who sees it, by a session of its own (api/ops)
    audit: str | None = None  # the action's name in the audit log: of every change, and of reads that are sensitive

    @property
    def accepted_status(self) -> int:
        """What an accepted change is answered with, as far as it is known when it commits."""
        return 202 if 202 in self.answers else min((s for s in self.answers if 200 <= s < 300), default=200)


def contract(promise: Contract) -> Callable[[View], View]:
    """Declare what the view promises; its docstring is the summary that the OpenAPI document shows."""

    def declare(view: View) -> View:
        view.contract = promise  # type: ignore[attr-defined]
        return view

    return declare


def contract_of(endpoint: str | None) -> Contract | None:
    """The contract of a route of the app that answers this request."""
    view = current_app.view_functions.get(endpoint or "")
    found: Contract | None = getattr(view, "contract", None)
    return found
