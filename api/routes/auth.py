"""Tokens for access keys: had, refreshed and revoked. Parameters come as a form, as OAuth has it, or as JSON."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from flask import Blueprint, Response, jsonify, request

from api.auth import identify
from api.contract import Contract, Limit, contract
from api.errors import ClientRefused, GrantUnsupported, InvalidBody, MalformedBody
from api.grants import AccessKeyRefused, Granted, TokenRevoked
from api.rate_limits import limit_access_key
from api.schemas import loaded
from api.schemas.auth import RefreshRequestSchema, RevocationSchema, RevokedSchema, TokenRequestSchema, TokenSchema
from api.schemas.fields import is_empty
from api.security.jwt_tokens import TokenInvalid
from api.security.scopes import in_words
from api.services import services
from api.strict_json import json_object
from repositories.acting import acts_for
from repositories.entities.access_keys import AccessKeyHolder
from repositories.ports.errors import RefreshTokenReused, RefreshTokenUnknown, ScopeExceeded

TOKEN_REQUEST, REFRESH_REQUEST, REVOCATION = TokenRequestSchema(), RefreshRequestSchema(), RevocationSchema()
FORM = "application/x-www-form-urlencoded"
MEDIA = (FORM, "application/json")
ONCE = "Give the access key once: as access_key, as client_secret, or by HTTP Basic."


def blueprint() -> Blueprint:
    routes = Blueprint("auth", __name__)
    routes.post("/auth/token")(issue_token)
    routes.post("/auth/refresh")(refresh_token)
    routes.post("/auth/revoke")(revoke_token)
    return routes


@contract(
    Contract(
        scope=None,
        limit=Limit.TOKEN,
        body=TokenRequestSchema,
        media=MEDIA,
        answers={200: TokenSchema},
        refusals=(
            GrantUnsupported,
            AccessKeyRefused,
            ClientRefused,
            RefreshTokenUnknown,
            RefreshTokenReused,
            ScopeExceeded,
        ),
        audit="token.issue",
    )
)
def issue_token() -> Response:
    """An access and a refresh token, for an access key or for the refresh token before."""
    wish = loaded(TOKEN_REQUEST, parameters())
    grant = GRANTS.get(wish["grant_type"])
    if grant is None:
        raise GrantUnsupported
    return token_answer(grant(wish))


@contract(
    Contract(
        scope=None,
        limit=Limit.TOKEN,
        body=RefreshRequestSchema,
        media=MEDIA,
        answers={200: TokenSchema},
        refusals=(RefreshTokenUnknown, RefreshTokenReused, ScopeExceeded),
        audit="token.refresh",
    )
)
def refresh_token() -> Response:
    """The next access and refresh token: the same as the refresh_token grant."""
    return token_answer(by_refresh_token(loaded(REFRESH_REQUEST, parameters())))


@contract(
    Contract(
        scope=None,
        limit=Limit.TOKEN,
        body=RevocationSchema,
        media=MEDIA,
        answers={200: RevokedSchema},
        refusals=(ClientRefused, TokenInvalid, TokenRevoked),
        audit="token.revoke",
    )
)
def revoke_token() -> Response:
    """End a token of your own and all that came of the same grant, at once; 200 for an unknown one too (RFC 7009)."""
    wish = loaded(REVOCATION, parameters())
    services().grants.revoke(wish["token"], organization_id=revoker(wish["access_key"]))
    return jsonify(status=1, data={})


# --- grants ------------------------------------------------------------------------------


def by_password(wish: Mapping[str, Any]) -> Granted:
    grants = services().grants
    return grants.start(holder_of(wish["access_key"]), scope=wish["scope"])


def by_client_credentials(wish: Mapping[str, Any]) -> Granted:
    try:
        return by_password(wish)
    except AccessKeyRefused as error:
        raise ClientRefused from error


def by_refresh_token(wish: Mapping[str, Any]) -> Granted:
    return services().grants.refresh(wish["refresh_token"], scope=wish["scope"])


GRANTS: Mapping[str, Callable[[Mapping[str, Any]], Granted]] = {
    "password": by_password,  # the .NET API's, with the access key for a password
    "client_credentials": by_client_credentials,
    "refresh_token": by_refresh_token,
}


def revoker(access_key: str | None) -> int:
    """The organization that asks, by an access key or by a bearer token of its own. Raises ClientRefused."""
    if access_key is None:
        if request.authorization is None:
            raise ClientRefused
        return identify().organization_id
    try:
        return holder_of(access_key).organization.id
    except AccessKeyRefused as error:
        raise ClientRefused from error


def holder_of(access_key: str) -> AccessKeyHolder:
    """Whose key this is. Raises TooManyRequests, AccessKeyRefused."""
    limit_access_key(access_key)
    holder = services().grants.holder_of(access_key)
    acts_for(holder.organization.id, access_key_id=holder.access_key_id)
    return holder


# --- the wire ----------------------------------------------------------------------------


def parameters() -> dict[str, Any]:
    """What was sent, with the access key under one name. Raises MalformedBody, InvalidBody."""
    sent = form() if request.mimetype == FORM else json_object(request)
    offered = (sent.get("access_key"), sent.pop("client_secret", None), basic_password())
    given = [key for key in offered if not is_empty(key)]
    if len(given) > 1:
        raise InvalidBody([{"field": "access_key", "message": ONCE}])
    return {**sent, "access_key": given[0] if given else None}


def form() -> dict[str, Any]:
    if any(len(values) > 1 for _, values in request.form.lists()):
        raise MalformedBody  # RFC 6749 3.2: a parameter stands once
    return request.form.to_dict()


def basic_password() -> str | None:
    """The access key as RFC 6749 2.3.1 sends a client_secret; the user name says nothing that it does not."""
    given = request.authorization
    is_basic = given is not None and given.type == "basic"
    return unquote_plus(given.password or "") if given is not None and is_basic else None


def token_answer(granted: Granted) -> Response:
    return jsonify(
        access_token=granted.access_token,
        token_type="bearer",  # noqa: S106
        expires_in=int(granted.lifetime.total_seconds()),
        refresh_token=granted.refresh_token,
        scope=in_words(granted.scopes),
    )
