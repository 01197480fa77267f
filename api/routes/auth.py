"""Access tokens for access keys."""

import hashlib
import uuid
from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.contract import Contract, Limit, contract
from api.errors import GrantRefused, GrantUnsupported
from api.schemas import loaded
from api.schemas.auth import TokenRequestSchema, TokenSchema
from api.security.jwt_tokens import Claims
from api.security.scopes import SCOPES_OF
from api.services import services
from api.strict_json import json_object

TOKEN_REQUEST = TokenRequestSchema()
FORM = "application/x-www-form-urlencoded"


def blueprint() -> Blueprint:
    routes = Blueprint("auth", __name__)
    routes.post("/auth/token")(issue_token)
    return routes


@contract(
    Contract(
        scope=None,
        limit=Limit.TOKEN,
        body=TokenRequestSchema,
        media=(FORM, "application/json"),
        answers={200: TokenSchema},
        refusals=(GrantRefused, GrantUnsupported),
    )
)
def issue_token() -> Response:
    """The password grant of the .NET API: an access key for a token (errors also as RFC 6749 names them)."""
    wish = loaded(TOKEN_REQUEST, _parameters())
    if wish["grant_type"] != "password":
        raise GrantUnsupported
    holder = services().organizations.find_by_access_key(hashlib.sha256(wish["access_key"].encode()).hexdigest())
    if holder is None:
        raise GrantRefused
    claims = Claims(
        organization_id=holder.organization.id,
        access_key_id=holder.access_key_id,
        role=holder.role,
        scopes=SCOPES_OF[holder.role],
        sealed_shared_api_key=holder.organization.sealed_shared_api_key,
        token_id=uuid.uuid4().hex,
    )
    tokens = services().tokens
    return jsonify(
        access_token=tokens.issue(claims, now=services().clock()),
        token_type="bearer",  # noqa: S106
        expires_in=int(tokens.lifetime.total_seconds()),
    )


def _parameters() -> dict[str, Any]:
    return request.form.to_dict() if request.mimetype == FORM else json_object(request)
