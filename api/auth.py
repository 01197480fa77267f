"""Who is calling, and whether they may. A route is open only as far as its contract says; without one it is closed."""

from dataclasses import dataclass, field

import structlog
from flask import Flask, g, request

from api.contract import contract_of
from api.errors import Forbidden, Unauthenticated
from api.security.jwt_tokens import TokenInvalid
from api.security.scopes import Scope
from api.security.sealing import SealBroken
from api.services import services
from repositories.acting import acts_for
from repositories.enums import Role


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The organization that calls, by which access key and access token, and what it may do."""

    organization_id: int
    access_key_id: int
    token_id: str
    role: Role
    scopes: frozenset[Scope]
    sealed_shared_api_key: str = field(repr=False)

    def shared_api_key(self) -> str:
        """Raises TokenInvalid if it was sealed under a key that is no longer ours."""
        try:
            return services().sealer.unseal(self.sealed_shared_api_key)
        except SealBroken as error:
            raise TokenInvalid from error


def caller() -> Caller:
    """The organization that calls, once the token was checked."""
    known: Caller = g.caller
    return known


def close_every_route(app: Flask) -> None:
    @app.before_request
    def ask_who_is_calling() -> None:
        if request.endpoint is None:  # no such route: the answer is 404 or 405, whoever asks
            return
        promise = contract_of(request.endpoint)
        if promise is None or promise.scope is not None:
            known = identify()
            if promise is None or promise.scope not in known.scopes:
                raise Forbidden(promise.scope if promise else None)


def identify() -> Caller:
    """The caller that the bearer token names, from here on known to logs. Raises Unauthenticated, TokenInvalid."""
    g.caller = _caller_of_token()
    structlog.contextvars.bind_contextvars(organization_id=g.caller.organization_id)
    known: Caller = g.caller
    acts_for(known.organization_id, access_key_id=known.access_key_id, token_id=known.token_id)
    return known


def _caller_of_token() -> Caller:
    claims = services().grants.claims_of(_bearer_token())
    return Caller(
        organization_id=claims.organization_id,
        access_key_id=claims.access_key_id,
        token_id=claims.token_id,
        role=claims.role,
        scopes=claims.scopes,
        sealed_shared_api_key=claims.sealed_shared_api_key,
    )


def _bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    return token.strip()
