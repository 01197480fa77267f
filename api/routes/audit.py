"""The organization's own lines of the audit log, the newest first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify

from api.auth import caller
from api.contract import Contract, contract
from api.instants import instant
from api.pagination import CursorWrong, Listing
from api.schemas.audit import AuditQuerySchema, AuditSchema
from api.schemas.queries import query
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from repositories.entities.audit import Deed, DeedFilter, SealedDeed

QUERY = AuditQuerySchema()
KINDS = {kind.value: kind for kind in IdKind}


def blueprint() -> Blueprint:
    routes = Blueprint("audit", __name__)
    routes.get("/audit")(get_audit)
    return routes


@contract(
    Contract(scope=Scope.AUDIT_READ, query=AuditQuerySchema, answers={200: AuditSchema}, refusals=(CursorWrong,)),
)
def get_audit() -> Response:
    """Who did what under your access keys, by period and action, the newest first; a line is here within seconds."""
    wish = query(QUERY)
    which = filter_of(wish)
    listing = Listing(name="audit", organization_id=which.organization_id, filters=vars(which))
    found = services().audit_log.list_deeds(which, before=place_of(wish["cursor"], listing), limit=wish["limit"] + 1)
    page = services().cursors.page(found, limit=wish["limit"], position_of=position_of, of=listing)
    return jsonify(auditList=[line_of(line) for line in page.lines], nextCursor=page.next_cursor)


def filter_of(wish: Mapping[str, Any]) -> DeedFilter:
    return DeedFilter(
        organization_id=caller().organization_id, action=wish["action"], since=wish["since"], until=wish["until"]
    )


def position_of(line: SealedDeed) -> tuple[datetime, int]:
    return line.deed.occurred_at, line.sequence


def place_of(cursor: str | None, listing: Listing) -> tuple[datetime, int] | None:
    if cursor is None:
        return None
    occurred_at, sequence = services().cursors.read(cursor, of=listing)
    assert isinstance(occurred_at, datetime)  # noqa: S101  only position_of wrote it
    return occurred_at, int(str(sequence))


def line_of(line: SealedDeed) -> dict[str, Any]:
    deed = line.deed
    key = None if deed.access_key_id is None else services().id_cipher.encrypt(IdKind.ACCESS_KEY, deed.access_key_id)
    return {
        "at": instant(deed.occurred_at),
        "action": deed.action,
        "outcome": deed.outcome,
        "httpStatus": deed.http_status,
        "reason": deed.reason,
        "resourceKind": deed.resource_kind,
        "resourceId": public_id(deed),
        "accessKeyId": key,
        "tokenId": deed.token_id,
        "requestId": deed.request_id,
        "seal": line.seal,
    }


def public_id(deed: Deed) -> str | None:
    """The id as the partner knows it; what has no public id is named by its kind only."""
    kind = KINDS.get(deed.resource_kind or "")
    return services().id_cipher.encrypt(kind, int(deed.resource_id)) if kind and deed.resource_id else None
